//! Checkpoints: built a slice at a time, replaced whole.

use std::ops::Bound;

use bytes::Bytes;
use odradek_machine::Now;
use odradek_wire::ids::Offset;

use super::checkpoints::{Kind, SLICE, State};
use super::whole::Client;
use super::{LogDir, Output, Owner, OwnerState};
use crate::dir::completions::DONE;
use crate::disk::{DiskError, Name};
use crate::formats::checkpoint;

impl LogDir {
    /// Begins the checkpoints whose time has come, and does the first slice of each.
    pub(super) fn checkpoint_what_is_due(&mut self, now: Now, out: &mut Vec<Output>) {
        for kind in Kind::ALL {
            if self.checkpoints[kind as usize].is_due(now.mono) {
                self.checkpoints[kind as usize].begin(now.mono);
                self.build_slice(kind, out);
            }
        }
    }

    /// The next slice of each checkpoint that is being built.
    pub(super) fn build_checkpoints(&mut self, _now: Now, out: &mut Vec<Output>) {
        for kind in Kind::ALL {
            if self.checkpoints[kind as usize].is_building() {
                self.build_slice(kind, out);
            }
        }
    }

    fn build_slice(&mut self, kind: Kind, out: &mut Vec<Output>) {
        let State::Building { after, lines, count } = &mut self.checkpoints[kind as usize].state else { return };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut seen = 0;
        for (id, o) in self.owners.range((from, Bound::Unbounded)).take(SLICE) {
            seen += 1;
            *after = Some(*id);
            if let (Owner::Partition(p), Some(offset)) = (&o.owner, entry(o, kind)) {
                *count += 1;
                checkpoint::push_offset(lines, p, offset);
            }
        }
        if seen < SLICE {
            for (p, e) in &self.inherited {
                let offset = match kind {
                    Kind::RecoveryPoint => e.recovery_point,
                    Kind::LogStart => e.log_start,
                    Kind::HighWatermark => e.high_watermark,
                };
                if let Some(offset) = offset {
                    *count += 1;
                    checkpoint::push_offset(lines, p, offset);
                }
            }
            let text = checkpoint::seal_offsets(*count, lines);
            self.checkpoints[kind as usize].state = State::Writing;
            self.write_whole(Client::Checkpoint(kind), Name::from(kind.file()), Bytes::from(text), true, out);
        }
    }

    /// A checkpoint is in place, or could not be written: then the old one stands, and another is tried.
    pub(super) fn checkpointed(&mut self, now: Now, kind: Kind, result: Result<(), DiskError>, out: &mut Vec<Output>) {
        let c = &mut self.checkpoints[kind as usize];
        c.state = State::Idle;
        c.dirty |= result.is_err();
        let asked = std::mem::take(&mut c.asked);
        let written = result.is_ok();
        for (owner, token) in asked {
            self.tell(owner, token, result.clone().and(DONE), out);
        }
        if kind == Kind::RecoveryPoint && written {
            self.marks_overtaken();
        }
        self.stop_checkpointed(now, kind, written, out);
    }
}

/// What a checkpoint says of a log that is open.
fn entry(o: &OwnerState, kind: Kind) -> Option<Offset> {
    let e = o.entry.as_ref()?;
    match kind {
        Kind::RecoveryPoint => Some(e.recovery_point),
        Kind::LogStart => Some(o.start_asked.unwrap_or(e.log_start)).filter(|start| start.0 > 0),
        Kind::HighWatermark => Some(e.high_watermark),
    }
}
