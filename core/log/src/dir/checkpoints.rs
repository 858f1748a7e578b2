//! The checkpoints of a log directory: recovery points, log starts, high watermarks; rewritten now and then, built in slices.

use odradek_machine::Mono;

use super::ids::OwnerId;
use crate::output::Token;

/// Logs that one slice of a checkpoint takes in.
pub(super) const SLICE: usize = 1000;

/// Which checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    RecoveryPoint,
    LogStart,
    HighWatermark,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::RecoveryPoint, Kind::LogStart, Kind::HighWatermark];

    /// The file in the root.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Kind::RecoveryPoint => "recovery-point-offset-checkpoint",
            Kind::LogStart => "log-start-offset-checkpoint",
            Kind::HighWatermark => "replication-offset-checkpoint",
        }
    }
}

/// One checkpoint file.
///
/// | from | to | trigger |
/// |---|---|---|
/// | `Idle` | `Building` | its interval is over and something changed; a log start or a stop wants it at once |
/// | `Building` | `Writing` | every log was asked, a slice at a time |
/// | `Writing` | `Idle` | the file is in place, or could not be written |
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) every_ms: u64,
    pub(super) due: Mono,
    /// Something changed since the last one was begun.
    pub(super) dirty: bool,
    /// Not to wait for the interval.
    pub(super) urgent: bool,
    pub(super) state: State,
    /// Log starts that will be durable with the next one.
    pub(super) asking: Vec<(OwnerId, Token)>,
    /// Log starts that will be durable with the one under way.
    pub(super) asked: Vec<(OwnerId, Token)>,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Idle,
    Building { after: Option<OwnerId>, lines: String, count: usize },
    Writing,
}

impl Checkpoint {
    pub(super) fn new(now: Mono, every_ms: u64) -> Checkpoint {
        Checkpoint {
            every_ms,
            due: now.plus_ms(every_ms),
            dirty: false,
            urgent: false,
            state: State::Idle,
            asking: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// True if it should be begun.
    pub(super) fn is_due(&self, now: Mono) -> bool {
        matches!(self.state, State::Idle) && (self.urgent || self.dirty && self.due <= now)
    }

    pub(super) fn begin(&mut self, now: Mono) {
        self.due = now.plus_ms(self.every_ms);
        self.dirty = false;
        self.urgent = false;
        self.asked.append(&mut self.asking);
        self.state = State::Building { after: None, lines: String::new(), count: 0 };
    }

    pub(super) const fn is_building(&self) -> bool {
        matches!(self.state, State::Building { .. })
    }

    /// When it wants to go on.
    pub(super) fn deadline(&self) -> Option<Mono> {
        match self.state {
            State::Idle if self.dirty => Some(self.due),
            State::Idle | State::Writing => None,
            State::Building { .. } => Some(Mono(0)),
        }
    }
}
