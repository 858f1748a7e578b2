//! Both clocks of this machine, read together.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use odradek_machine::{Mono, Now, WallMs};

/// The clocks of one life of a node.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// A monotonic clock that begins at zero.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// The reading that a step takes.
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.mono(), wall: WallMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)) }
    }

    /// The system's instant at which the monotonic clock will read `at`.
    pub fn instant(&self, at: Mono) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.began + std::time::Duration::from_nanos(at.0.min(1 << 60)))
    }

    fn mono(&self) -> Mono {
        Mono(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
