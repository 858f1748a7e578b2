//! How far a long campaign or a long read is: a bar with rate and time left on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use odradek_sim::run::RunReport;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Told after each run, from any thread.
pub struct Progress {
    bar: Option<ProgressBar>,
    done: AtomicU64,
    failed: AtomicU64,
    all: u64,
    told: Mutex<Instant>,
    began: Instant,
}

impl Progress {
    /// Progress over `all` runs; silent if `quiet`.
    pub fn new(all: u64, quiet: bool) -> Progress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {per_sec}, {eta} left {msg}").expect("the template is a constant");
            ProgressBar::new(all).with_style(style)
        });
        let now = Instant::now();
        Progress {
            bar,
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            all: if quiet { 0 } else { all },
            told: Mutex::new(now),
            began: now,
        }
    }

    /// One run ended.
    pub fn ended(&self, run: &RunReport) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if run.verdict.is_failure() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let failed = self.failed.load(Ordering::Relaxed);
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                if failed > 0 {
                    bar.set_message(format!("{failed} failed"));
                }
            }
            None if self.all > 0 => self.line(done, failed),
            None => {}
        }
    }

    /// Nothing follows.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, done: u64, failed: u64) {
        let Ok(mut told) = self.told.try_lock() else { return };
        if told.elapsed() >= LINE_EVERY {
            *told = Instant::now();
            let spent = self.began.elapsed().as_secs().max(1);
            let left = self.all.saturating_sub(done) * spent / done.max(1);
            eprintln!("{done}/{} runs, {} a second, {failed} failed, about {left} s left", self.all, done / spent);
        }
    }
}

/// How many records went through, on a terminal: shown once it takes more than a moment.
#[derive(Default)]
pub struct Flow {
    bar: Option<ProgressBar>,
    records: u64,
    bytes: u64,
    told: u64,
}

impl Flow {
    /// Nothing went through yet. `all` is how many records there are, if that is known.
    pub fn new(quiet: bool, all: Option<u64>) -> Flow {
        if quiet || !std::io::stderr().is_terminal() {
            return Flow::default();
        }
        let template = if all.is_some() { "{bar:40} {msg}, {eta} left" } else { "{spinner} {msg} in {elapsed}" };
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        let bar = all.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style);
        Flow { bar: Some(bar), ..Flow::default() }
    }

    /// Records went through.
    pub fn add(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.bytes += bytes;
        let Some(bar) = &self.bar else { return };
        if self.records - self.told >= 1_000 || self.bytes >> 20 != (self.bytes - bytes) >> 20 {
            self.told = self.records;
            bar.set_position(self.records);
            bar.set_message(format!("{} records, {}", HumanCount(self.records), HumanBytes(self.bytes)));
        }
    }

    /// Nothing follows.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How many bytes were read of those that there are: a bar on a terminal, a plain line now and then elsewhere.
pub struct Reading {
    bar: Option<ProgressBar>,
    all: u64,
    done: u64,
    told: Instant,
}

impl Reading {
    /// Nothing was read yet of `all` bytes.
    pub fn new(all: u64) -> Reading {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {msg}");
            ProgressBar::new(all).with_style(style.expect("the template is a constant"))
        });
        Reading { bar, all, done: 0, told: Instant::now() }
    }

    /// More was read, of this file.
    pub fn add(&mut self, bytes: u64, file: &str) {
        self.done += bytes;
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done);
                bar.set_message(file.to_owned());
            }
            None if self.told.elapsed() >= LINE_EVERY => {
                self.told = Instant::now();
                eprintln!("read {} of {}: {file}", HumanBytes(self.done), HumanBytes(self.all));
            }
            None => {}
        }
    }

    /// Nothing follows.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
