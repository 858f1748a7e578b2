//! A new and empty log directory for a node that is there.

use odradek_machine::Seed;

use super::actions::Actions;
use crate::disk::{DiskAction, Name};
use crate::formats::meta_properties::{self, MetaProperties};
use crate::open::root::draw_directory_id;

/// The identity of a further log directory of the node to which this one belongs.
pub fn beside(own: &MetaProperties, seed: Seed) -> MetaProperties {
    MetaProperties { version: 1, directory_id: Some(draw_directory_id(seed)), ..own.clone() }
}

/// Makes an empty directory a log directory.
pub fn format(meta: &MetaProperties, is_there: bool) -> Vec<DiskAction> {
    let mut actions = Actions::default();
    if !is_there {
        actions.make(Name::root());
    }
    actions.replace(&Name::from(meta_properties::FILE), meta_properties::encode(meta));
    actions.all
}
