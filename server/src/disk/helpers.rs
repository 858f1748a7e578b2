//! The threads beside the loop: syncs, cold reads, slow names and work; they answer into one queue.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::Finished;
use crate::host::Back;

/// A unit for a helper: runs anywhere, answers with what the loop must take in.
pub type Job = Box<dyn FnOnce() -> Finished + Send>;

/// A pool of threads that grows with what waits, up to a bound: not more than the device's queue serves.
#[derive(Clone)]
pub struct Helpers {
    shared: Arc<Shared>,
}

struct Shared {
    line: Mutex<Line>,
    more: Condvar,
    back: UnboundedSender<Back>,
    threads_max: usize,
}

#[derive(Default)]
struct Line {
    /// First what is taken first.
    lanes: [VecDeque<Box<dyn FnOnce() -> Back + Send>>; 2],
    threads: usize,
    idle: usize,
    closed: bool,
}

/// What waits for a helper, and what is taken before it.
#[derive(Clone, Copy, Debug)]
pub enum Lane {
    /// Syncs, reads and work, which clients wait for.
    Files,
    /// Names, of which there are thousands at once when a topic with many partitions is made.
    Names,
}

impl Line {
    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    fn next(&mut self) -> Option<Box<dyn FnOnce() -> Back + Send>> {
        self.lanes.iter_mut().find_map(VecDeque::pop_front)
    }
}

impl Helpers {
    /// Helpers that answer into `back`.
    pub fn new(back: UnboundedSender<Back>, threads_max: usize) -> Helpers {
        Helpers { shared: Arc::new(Shared { line: Mutex::default(), more: Condvar::new(), back, threads_max }) }
    }

    /// Runs a disk job.
    pub fn run(&self, lane: Lane, job: Job) {
        self.run_any(lane, Box::new(move || Back::Disk(job())));
    }

    /// Runs anything that answers.
    pub fn run_any(&self, lane: Lane, job: Box<dyn FnOnce() -> Back + Send>) {
        let mut line = self.shared.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.lanes[lane as usize].push_back(job);
        if line.idle < line.waiting() && line.threads < self.shared.threads_max {
            line.threads += 1;
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new()
                .name("odradek-helper".into())
                .spawn(move || serve(&shared))
                .expect("the system gives a thread: without one no sync can be made");
        }
        drop(line);
        self.shared.more.notify_one();
    }

    /// Lets the threads go once the line is empty.
    pub fn close(&self) {
        self.shared.line.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.more.notify_all();
    }
}

fn serve(shared: &Shared) {
    loop {
        let mut line = shared.line.lock().unwrap_or_else(PoisonError::into_inner);
        let job = loop {
            if let Some(job) = line.next() {
                break job;
            }
            if line.closed {
                line.threads -= 1;
                return;
            }
            line.idle += 1;
            line = shared.more.wait(line).unwrap_or_else(PoisonError::into_inner);
            line.idle -= 1;
        };
        drop(line);
        // The loop may be gone already: then nobody waits for the answer.
        let _ = shared.back.send(job());
    }
}
