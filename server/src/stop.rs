//! Signals of the system that ask for a clean stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGHUP, as a JVM hears them.
pub struct Stops {
    terminate: Signal,
    interrupt: Signal,
    /// `None` where whoever started this process wants it to live on without a terminal (`nohup`).
    hangup: Option<Signal>,
}

impl Stops {
    /// Hears them from here on.
    ///
    /// # Errors
    /// The system does not say them.
    pub fn hear() -> io::Result<Stops> {
        Ok(Stops {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: if hangups_are_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Returns when one comes.
    pub async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}

/// True if this process was started with SIGHUP ignored. To ask the system for it directly would take unsafe code.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first signal has the lowest bit.
    ignored.is_some_and(|mask| mask & 1 << (SignalKind::hangup().as_raw_value() - 1) != 0)
}
