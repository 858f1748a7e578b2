//! What of the configuration does not hold here, told to the operator: at the start for all that is there, later for what is changed.

use std::sync::Arc;

use odradek_cluster::config::{topic_config, unheeded_override, unheeded_overrides};
use odradek_cluster::image::{ResourceType, Topic};
use odradek_cluster::record::{ConfigRecord, MetadataRecord};
use odradek_machine::Note;
use odradek_wire::ids::Uuid;

use super::Running;
use crate::io::{Outbox, Output};

impl Running {
    /// Tells everything, once the image is whole.
    pub(super) fn tell_what_does_not_hold(&self, out: &mut Outbox) {
        for says in unheeded_overrides(self.image(), self.me()) {
            out.push(Output::Note(Note::mark("config.without_effect").says(says)));
        }
        let compacted: Vec<&str> = self.image().topics().filter(|topic| self.is_compacted(topic)).map(|topic| &*topic.name).collect();
        if !compacted.is_empty() {
            self.tell_not_compacted(&compacted.join(", "), out);
        }
    }

    /// Tells what of committed records gives a value that does not hold.
    pub(super) fn tell_unheeded_changes(records: &[MetadataRecord], out: &mut Outbox) {
        for record in records {
            let MetadataRecord::Config(ConfigRecord { resource_type, resource_name, name, value: Some(value) }) = record else { continue };
            if let Some(why) = unheeded_override(ResourceType(*resource_type), name, value) {
                out.push(Output::Note(Note::mark("config.without_effect").says(format!("{name} of {resource_name}: {why}"))));
            }
        }
    }

    /// Tells of a topic that is made to be compacted.
    pub(super) fn tell_if_made_compacted(&self, id: Uuid, out: &mut Outbox) {
        if let Some(topic) = self.image().topic_by_id(id).filter(|topic| self.is_compacted(topic)) {
            self.tell_not_compacted(&topic.name, out);
        }
    }

    pub(super) fn tell_not_compacted(&self, topics: &str, out: &mut Outbox) {
        let says = format!(
            "cleanup.policy of {topics} has compact, and nothing is compacted yet: every record stays, or goes by retention if it has delete too"
        );
        out.push(Output::Note(Note::mark("topic.not_compacted").says(says)));
    }

    fn is_compacted(&self, topic: &Arc<Topic>) -> bool {
        topic_config(self.image(), self.me(), &self.setup.config, &topic.name).cleanup_policy.compact
    }
}
