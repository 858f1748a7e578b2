//! What the rim has done so far, as counts: tests assert on them instead of on time.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that any thread may raise.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Raises it to `value`, if it was lower.
    pub(crate) fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// The counts of one server. Bytes that passed through memory of this process are told apart from those that the kernel moved by itself.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes read from sockets into memory.
    pub received_bytes: Counter,
    /// Reads of sockets that brought bytes.
    pub receives: Counter,
    /// Bytes of responses sent from memory.
    pub sent_bytes: Counter,
    /// Gathered sends from memory.
    pub sends: Counter,
    /// Bytes of log files that went to sockets by `sendfile`, without passing through memory of this process.
    pub sendfile_bytes: Counter,
    /// Calls of `sendfile`.
    pub sendfiles: Counter,
    /// Ranges whose pages were read by a helper before they were sent.
    pub cold_ranges: Counter,
    /// Bytes written to files, into the page cache.
    pub written_bytes: Counter,
    /// Writes to files.
    pub writes: Counter,
    /// Disk operations that found no descriptor, each time they were tried.
    pub starved: Counter,
    /// Syncs of files that a helper carried out.
    pub syncs: Counter,
    /// Bytes whose writeback was started ahead of the kernel's own limits.
    pub writeback_bytes: Counter,
    /// The most bytes that the node's accountant has seen held for requests and responses.
    pub memory_bytes_peak: Counter,
}
