//! What the system says, as the core's kinds of failure.

use std::io;

use odradek_log::disk::{DiskError, DiskErrorKind, Name};
use rustix::io::Errno;

/// A failed operation as the core knows it.
pub fn failed(action: &'static str, name: &Name, error: &io::Error) -> DiskError {
    DiskError { kind: kind(error), action, name: name.clone(), says: error.to_string() }
}

/// True if it failed for want of a descriptor, before it did anything: it may be tried again.
pub fn is_for_want_of_a_descriptor(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
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
