//! Operations on a directory, one after the other: each may be the last that is done.

use bytes::Bytes;

use crate::disk::{DiskAction, DiskError, DiskErrorKind, DiskResult, FileId, Name};

/// Operations in the making.
#[derive(Debug, Default)]
pub(super) struct Actions {
    files: u64,
    pub(super) all: Vec<DiskAction>,
}

impl Actions {
    /// Gives a file this content, whole or not at all, and durably. What an earlier try left is in nobody's way.
    pub(super) fn replace(&mut self, name: &Name, bytes: impl Into<Bytes>) {
        let (file, temporary) = (self.file(), Name::from(format!("{name}.tmp").as_str()));
        self.remove(temporary.clone());
        self.all.extend([
            DiskAction::Create { file, name: temporary.clone(), length: 0 },
            DiskAction::Write { file, at: 0, parts: vec![bytes.into()] },
            DiskAction::Sync { file },
            DiskAction::Close { file },
            DiskAction::Rename { from: temporary, to: name.clone() },
        ]);
        self.sync_directory(name.parent());
    }

    /// Cuts a file, durably.
    pub(super) fn cut(&mut self, name: Name, length: u64) {
        let file = self.file();
        self.all.extend([
            DiskAction::Open { file, name },
            DiskAction::Truncate { file, length },
            DiskAction::Sync { file },
            DiskAction::Close { file },
        ]);
    }

    /// Removes a file, which need not be there.
    pub(super) fn remove(&mut self, name: Name) {
        self.all.push(DiskAction::Remove { name });
    }

    /// Makes a directory.
    pub(super) fn make(&mut self, name: Name) {
        self.all.push(DiskAction::MakeDirectory { name });
    }

    /// Renames.
    pub(super) fn rename(&mut self, from: Name, to: Name) {
        self.all.push(DiskAction::Rename { from, to });
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_directory(&mut self, name: Name) {
        self.all.push(DiskAction::SyncDirectory { name });
    }

    fn file(&mut self) -> FileId {
        self.files += 1;
        FileId(self.files)
    }
}

/// What came of an operation: removing what is not there is done.
///
/// # Errors
/// What the disk said.
pub fn tolerate(result: DiskResult, action: &DiskAction) -> Result<(), DiskError> {
    match result {
        Err(error) if matches!(action, DiskAction::Remove { .. }) && error.kind == DiskErrorKind::NotFound => Ok(()),
        result => result.map(|_| ()),
    }
}
