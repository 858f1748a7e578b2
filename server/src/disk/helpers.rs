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
    jobs: VecDeque<Box<dyn FnOnce() -> Back + Send>>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Helpers {
    /// Helpers that answer into `back`.
    pub fn new(back: UnboundedSender<Back>, threads_max: usize) -> Helpers {
        Helpers { shared: Arc::new(Shared { line: Mutex::default(), more: Condvar::new(), back, threads_max }) }
    }

    /// Runs a disk job.
    pub fn run(&self, job: Job) {
        self.run_any(Box::new(move || Back::Disk(job())));
    }

    /// Runs anything that answers.
    pub fn run_any(&self, job: Box<dyn FnOnce() -> Back + Send>) {
        let mut line = self.shared.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.jobs.push_back(job);
        if line.idle < line.jobs.len() && line.threads < self.shared.threads_max {
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
            if let Some(job) = line.jobs.pop_front() {
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
