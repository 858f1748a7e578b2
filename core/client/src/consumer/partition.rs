//! One assigned partition: where the reading stands, and what was fetched and not handed out.

use std::collections::VecDeque;

use odradek_machine::Mono;
use odradek_wire::ids::NodeId;

use crate::record::ConsumerRecord;

/// The place of the next record, and what is known about its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: i64,
    /// The leader epoch of the record before it, by which a cut of the log is noticed (KIP-320); -1 if unknown.
    pub(super) offset_epoch: i32,
    /// The epoch of the leader that this position is known to be valid with; -1 if none was asked.
    pub(super) leader_epoch: i32,
}

/// How the position is come by.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Unset | Reset | `auto.offset.reset` says where to, at once |
/// | Reset | At | ListOffsets answers |
/// | At | Validating | metadata tells another leader epoch, and the epoch of the record before is known |
/// | Validating | At | OffsetForLeaderEpoch finds the position in the log, or the divergence to go back to |
/// | At, Validating | Unset, Reset | the position is out of range, or the log was cut and nobody knows where |
/// | any | Failed | the broker refuses for good, the records are damaged, or there is no policy |
/// | any | At, Reset | a seek |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// No position and no policy; `told` says that the application knows.
    Unset {
        out_of_range: Option<i64>,
        told: bool,
    },
    /// Asks a broker for the offset of this timestamp (-1 the end, -2 the log start).
    Reset {
        timestamp: i64,
        from: Option<i64>,
        asked: bool,
    },
    At(Position),
    /// Asks the leader of this epoch whether the position is in its log.
    Validating {
        position: Position,
        leader_epoch: i32,
        asked: bool,
    },
    /// Waits for a seek.
    Failed,
}

/// An assigned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) aim: Aim,
    pub(super) paused: bool,
    /// Raised by whatever makes answers on the way worthless: a seek, a reset, a divergence. Zero until the first of them.
    pub(super) era: u64,
    /// Nothing is asked before this instant, after an error.
    pub(super) from: Mono,
    pub(super) failures: u32,
    /// A follower to read from (KIP-392), as the leader said.
    pub(super) preferred: Option<NodeId>,
    fetched: VecDeque<ConsumerRecord>,
    /// Where reading goes on when everything fetched was handed out.
    fetched_end: Option<(i64, i32)>,
}

impl Partition {
    pub(super) const fn new(aim: Aim) -> Partition {
        Partition { aim, paused: false, era: 0, from: Mono(0), failures: 0, preferred: None, fetched: VecDeque::new(), fetched_end: None }
    }

    /// Goes elsewhere: what was fetched is dropped, and answers on the way are worthless.
    pub(super) fn go(&mut self, aim: Aim, era: u64) {
        assert!(era > self.era, "era {era} after {}", self.era);
        self.aim = aim;
        self.era = era;
        self.from = Mono(0);
        self.failures = 0;
        self.preferred = None;
        self.fetched.clear();
        self.fetched_end = None;
    }

    /// Records came for the present position; `end` is where the reading goes on behind them.
    pub(super) fn fill(&mut self, records: Vec<ConsumerRecord>, end: Option<(i64, i32)>) {
        assert!(self.fetched.is_empty(), "{} records wait while more are taken", self.fetched.len());
        self.failures = 0;
        self.fetched = records.into();
        self.fetched_end = end;
        self.settle();
        self.assert_in_order();
    }

    /// Hands out at most `records_max` records.
    pub(super) fn hand_out(&mut self, records_max: usize) -> Vec<ConsumerRecord> {
        let count = records_max.min(self.fetched.len());
        let records: Vec<ConsumerRecord> = self.fetched.drain(..count).collect();
        if let (Some(last), Aim::At(position)) = (records.last(), &mut self.aim) {
            assert!(last.offset >= position.offset, "record {} handed out at position {}", last.offset, position.offset);
            (position.offset, position.offset_epoch) = (last.offset + 1, last.leader_epoch);
        }
        self.settle();
        records
    }

    /// Where the next record will be read, if that is known.
    pub(super) const fn position(&self) -> Option<Position> {
        match self.aim {
            Aim::At(position) | Aim::Validating { position, .. } => Some(position),
            Aim::Unset { .. } | Aim::Reset { .. } | Aim::Failed => None,
        }
    }

    /// True if records wait to be handed out.
    pub(super) fn has_records(&self) -> bool {
        !self.fetched.is_empty()
    }

    /// Every invariant that can be seen from inside.
    pub(super) fn check(&self) {
        assert!(self.fetched.is_empty() || matches!(self.aim, Aim::At(_)), "records wait without a position");
        self.assert_in_order();
    }

    /// When everything was handed out, the reading goes on behind what was fetched, control records and aborted ones included.
    fn settle(&mut self) {
        if !self.fetched.is_empty() {
            return;
        }
        if let (Some((offset, epoch)), Aim::At(position)) = (self.fetched_end.take(), &mut self.aim)
            && offset >= position.offset
        {
            (position.offset, position.offset_epoch) = (offset, epoch);
        }
    }

    fn assert_in_order(&self) {
        let Some(first) = self.fetched.front() else { return };
        let position = self.position().map_or(0, |p| p.offset);
        assert!(first.offset >= position, "record {} waits before position {position}", first.offset);
    }
}
