//! What the system says, as the core's kinds of failure.

use std::io;

use odradek_log::disk::{DiskError, DiskErrorKind, Name};

/// A failed operation as the core knows it.
pub fn failed(action: &'static str, name: &Name, error: &io::Error) -> DiskError {
    DiskError { kind: kind(error), action, name: name.clone(), says: error.to_string() }
}

fn kind(error: &io::Error) -> DiskErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => DiskErrorKind::NotFound,
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => DiskErrorKind::Exists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => DiskErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => DiskErrorKind::Denied,
        _ => DiskErrorKind::Io,
    }
}
