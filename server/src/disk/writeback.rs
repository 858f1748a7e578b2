//! Writeback that is not left to the kernel: started early, and what lies far behind the tails leaves the page cache.
//!
//! Left alone, dirty pages pile up to the kernel's limit, and then one write blocks the loop for up to a second; and pages that nobody reads again push out
//! those that somebody will. Both are advice on a thread of its own: a failure of the device is seen by the next sync of the file, not here.

use std::collections::VecDeque;
use std::fs::File;
use std::num::NonZeroU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use rustix::fs::Advice;

use crate::counters::Counters;

/// Appended bytes of one file after which its writeback is started.
const SPAN_BYTES: u64 = 8 << 20;
/// Dirty bytes of all files after which a file's writeback is started whatever it has: many slow files are as much as one fast one.
const DIRTY_BYTES_MAX: u64 = 256 << 20;
/// Which part of the machine's memory the tails of logs may fill.
const CACHE_SHARE: u64 = 16;

/// How far a file's bytes have been taken care of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Behind this, writeback was started or the bytes were synced.
    clean: u64,
    /// Behind this, the bytes are known to the page cache's line.
    noted: u64,
    end: u64,
}

impl Tail {
    const fn dirty(&self) -> u64 {
        self.end - self.clean
    }
}

/// Counts what is dirty, and tells the thread that starts writeback.
pub struct Writeback {
    dirty_bytes: u64,
    spans: Sender<Span>,
    counters: Arc<Counters>,
}

/// A part of a file that was appended since the last one.
struct Span {
    file: Weak<File>,
    from: u64,
    to: u64,
    /// From here on it may be dirty.
    dirty_from: u64,
}

impl Writeback {
    /// Begins; the thread ends when this is dropped.
    pub fn new(counters: Arc<Counters>) -> Writeback {
        let (spans, line) = channel();
        let memory = rustix::system::sysinfo();
        let bytes_max = memory.totalram.saturating_mul(u64::from(memory.mem_unit)) / CACHE_SHARE;
        std::thread::Builder::new()
            .name("odradek-writeback".into())
            .spawn(move || Cache { line: VecDeque::new(), bytes: 0, bytes_max }.serve(&line))
            .expect("the system gives a thread at the start");
        Writeback { dirty_bytes: 0, spans, counters }
    }

    /// Bytes were written to a file.
    pub fn wrote(&mut self, file: &Arc<File>, tail: &mut Tail, at: u64, length: u64) {
        if at != tail.end {
            self.moved(tail, at); // not an append: what was cut, or is overwritten, begins anew
        }
        tail.end = at + length;
        self.dirty_bytes += length;
        // What is about to be synced is left alone: advice that comes when it is clean already would drop it.
        let starts = tail.dirty() >= SPAN_BYTES || self.dirty_bytes >= DIRTY_BYTES_MAX;
        if starts || tail.end - tail.noted >= SPAN_BYTES {
            let dirty_from = if starts { tail.clean } else { tail.end };
            let span = Span { file: Arc::downgrade(file), from: tail.noted, to: tail.end, dirty_from };
            tail.noted = tail.end;
            if starts {
                self.counters.writeback_bytes.add(tail.dirty());
                self.dirty_bytes -= tail.dirty();
                tail.clean = tail.end;
            }
            // Without the thread the kernel's own limits still hold.
            let _ = self.spans.send(span);
        }
    }

    /// A sync of all that was written to a file was submitted.
    pub fn synced(&mut self, tail: &mut Tail) {
        self.dirty_bytes -= tail.dirty();
        tail.clean = tail.end;
    }

    /// A file was cut, or is written elsewhere than at its end.
    pub fn moved(&mut self, tail: &mut Tail, end: u64) {
        self.dirty_bytes -= tail.dirty();
        *tail = Tail { clean: end, noted: end, end };
    }
}

/// The tails of logs in the page cache, oldest first.
struct Cache {
    line: VecDeque<Span>,
    bytes: u64,
    bytes_max: u64,
}

impl Cache {
    fn serve(mut self, spans: &Receiver<Span>) {
        while let Ok(span) = spans.recv() {
            // The kernel starts the writeback of dirty pages before it drops clean ones; those under writeback stay.
            span.advise(span.dirty_from);
            self.bytes += span.to - span.from;
            self.line.push_back(span);
            while self.bytes > self.bytes_max {
                let Some(oldest) = self.line.pop_front() else { break };
                self.bytes -= oldest.to - oldest.from;
                oldest.advise(oldest.from);
            }
        }
    }
}

impl Span {
    fn advise(&self, from: u64) {
        // A file that was closed meanwhile, and perhaps removed, is no longer ours to care for.
        let Some(file) = self.file.upgrade() else { return };
        if let Some(length) = NonZeroU64::new(self.to.saturating_sub(from)) {
            // It is advice: nothing depends on its being taken.
            let _ = rustix::fs::fadvise(&*file, from, Some(length), Advice::DontNeed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(writeback: &mut Writeback, tail: &mut Tail, at: u64, length: u64) {
        let file = Arc::new(File::open("/dev/null").expect("it is there"));
        writeback.wrote(&file, tail, at, length);
    }

    #[test]
    fn writeback_starts_after_a_span_and_counts_what_is_dirty() {
        let counters = Arc::new(Counters::default());
        let mut writeback = Writeback::new(Arc::clone(&counters));
        let mut tail = Tail::default();
        written(&mut writeback, &mut tail, 0, SPAN_BYTES - 1);
        assert_eq!((writeback.dirty_bytes, counters.writeback_bytes.get()), (SPAN_BYTES - 1, 0));
        written(&mut writeback, &mut tail, SPAN_BYTES - 1, 1);
        assert_eq!((writeback.dirty_bytes, counters.writeback_bytes.get()), (0, SPAN_BYTES));
    }

    #[test]
    fn what_is_synced_needs_no_writeback() {
        let counters = Arc::new(Counters::default());
        let mut writeback = Writeback::new(Arc::clone(&counters));
        let mut tail = Tail::default();
        for step in 0..64 {
            written(&mut writeback, &mut tail, step << 20, 1 << 20);
            writeback.synced(&mut tail);
        }
        assert_eq!((writeback.dirty_bytes, counters.writeback_bytes.get()), (0, 0));
    }

    #[test]
    fn many_files_that_are_a_little_dirty_are_written_back_too() {
        let counters = Arc::new(Counters::default());
        let mut writeback = Writeback::new(Arc::clone(&counters));
        for _ in 0..1000 {
            written(&mut writeback, &mut Tail::default(), 0, 1 << 20);
            assert!(writeback.dirty_bytes < DIRTY_BYTES_MAX, "{} bytes are dirty", writeback.dirty_bytes);
        }
        assert!(counters.writeback_bytes.get() > 700 << 20);
    }

    #[test]
    fn a_file_that_is_cut_begins_anew() {
        let mut writeback = Writeback::new(Arc::default());
        let mut tail = Tail::default();
        written(&mut writeback, &mut tail, 0, 1000);
        writeback.moved(&mut tail, 400);
        assert_eq!((writeback.dirty_bytes, tail), (0, Tail { clean: 400, noted: 400, end: 400 }));
        written(&mut writeback, &mut tail, 400, 10);
        assert_eq!(writeback.dirty_bytes, 10);
    }
}
