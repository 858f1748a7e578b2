//! The image that may be seen: what lies between the begin and the end of a metadata transaction appears at once, or never.

use super::{ApplyError, Changed, Image};
use crate::record::MetadataRecord;

/// An [`Image`] and, while a transaction of the metadata log is open, the one that will replace it (KIP-868).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    visible: Image,
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    image: Image,
    changed: Vec<Changed>,
}

impl Loader {
    /// A loader that goes on from an image, such as one read from a snapshot.
    pub fn new(image: Image) -> Loader {
        Loader { visible: image, open: None }
    }

    /// The image that everyone may act on.
    pub const fn image(&self) -> &Image {
        &self.visible
    }

    /// True between the begin and the end of a transaction.
    pub const fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Applies the next record; what it made visible is pushed onto `changed`, at the end of a transaction all that was in it.
    ///
    /// # Errors
    /// If the record cannot follow; nothing is changed.
    pub fn apply(&mut self, record: &MetadataRecord, changed: &mut Vec<Changed>) -> Result<(), ApplyError> {
        match (record, &mut self.open) {
            (MetadataRecord::BeginTransaction(_), None) => {
                self.open = Some(Open { image: self.visible.clone(), changed: Vec::new() });
            }
            (MetadataRecord::BeginTransaction(_), Some(_)) => return Err(out_of_order("BeginTransactionRecord", "a transaction is open")),
            (MetadataRecord::EndTransaction(_), open) => {
                let done = open.take().ok_or(out_of_order("EndTransactionRecord", "no transaction is open"))?;
                self.visible = done.image;
                changed.extend(done.changed);
            }
            (MetadataRecord::AbortTransaction(_), open) => {
                open.take().ok_or(out_of_order("AbortTransactionRecord", "no transaction is open"))?;
            }
            (_, Some(open)) => open.changed.push(open.image.apply(record)?),
            (_, None) => changed.push(self.visible.apply(record)?),
        }
        Ok(())
    }
}

const fn out_of_order(record: &'static str, state: &'static str) -> ApplyError {
    ApplyError::Transaction { record, state }
}
