//! Elections, appends, the high watermark and snapshots.

use std::collections::VecDeque;

use bytes::Bytes;
use odradek_machine::{Deadline, Mono, Now, Seed, reached};
use odradek_wire::batch::ReplicaBatch;
use odradek_wire::control::{ControlRecord, KRaftVersionRecord, LeaderChangeMessage, LeaderChangeVoter, VotersRecord};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use odradek_wire::records::metadata::MetadataRecord;

use crate::batches::{BATCH_BYTES_MAX, Content, content, control_batch, data_batch};
use crate::io::NotesOf;
use crate::snapshot::{SnapshotHeader, SnapshotId};
use crate::{Appended, CommittedBatch, Input, OpenError, Output, QuorumConfig, QuorumState, Refused, Role};

/// The metadata quorum of one node (KIP-595).
pub struct Quorum {
    pub(crate) config: QuorumConfig,
    #[expect(dead_code, reason = "election timeouts are drawn from it, once there are several voters")]
    pub(crate) seed: Seed,
    pub(crate) standing: Standing,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) leader: Option<NodeId>,
    pub(crate) kraft_version: i16,
    /// Who votes by the word of the log; static voters while there is no such word.
    pub(crate) voters: Option<VotersRecord>,
    /// True once the log itself, not only a checkpoint, says who votes.
    pub(crate) voters_from_log: bool,
    pub(crate) log_end: Offset,
    pub(crate) last_epoch: LeaderEpoch,
    pub(crate) synced_end: Offset,
    pub(crate) high_watermark: Option<Offset>,
    /// Everything below was handed out as committed.
    pub(crate) handed_out: Offset,
    /// The epoch of the last batch that was.
    pub(crate) handed_out_epoch: LeaderEpoch,
    /// True while the last batch that was handed out lies inside a metadata transaction.
    pub(crate) in_transaction: bool,
    /// What is in the log and was not handed out.
    pub(crate) pending: VecDeque<Pending>,
    pub(crate) snapshots: Snapshots,
}

/// A batch of the log that waits for its commit.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) batch: ReplicaBatch,
    pub(crate) end: Offset,
    pub(crate) epoch: LeaderEpoch,
}

/// What this node is.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Opening | Candidate | the log was read whole, and this node is the only voter |
/// | Candidate | Elected | its vote for itself is durable, which is a majority of one |
/// | Elected | Leader | its leadership is durable: it writes its first record |
/// | any | Resigned | the directory failed; there is no way back |
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing {
    /// The log is being read.
    Opening { loaded_end: Offset, log_end: Offset },
    /// It voted for itself; the vote is being written.
    Candidate,
    /// It has a majority; that is being written.
    Elected,
    /// It leads. `epoch_start` is the offset of its first record: nothing is committed by counting before that one is (Raft, figure 8).
    Leader { epoch_start: Offset, active: bool },
    /// It takes no part any more.
    Resigned,
}

/// Which snapshots there are, and when the next is due.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    durable: Vec<SnapshotId>,
    /// Between [`Output::SnapshotDue`] and [`Input::SnapshotStored`].
    under_way: Option<SnapshotId>,
    bytes_since: u64,
    since: Mono,
    last_append_ms: i64,
}

/// How many snapshots are kept: one damaged file must not be the end of a cluster.
const SNAPSHOTS_KEPT: usize = 2;

impl Snapshots {
    pub(crate) fn new(mut durable: Vec<SnapshotId>) -> Snapshots {
        durable.sort_unstable();
        Snapshots { durable, under_way: None, bytes_since: 0, since: Mono(0), last_append_ms: 0 }
    }
}

impl Quorum {
    /// The log was read whole: takes part in the quorum from now on.
    ///
    /// # Errors
    /// If this node does not vote, or the log was not read whole.
    pub fn start(&mut self, now: Now, out: &mut Vec<Output>) -> Result<(), OpenError> {
        if let Standing::Opening { loaded_end, log_end } = self.standing
            && loaded_end.max(self.handed_out) < log_end
        {
            return Err(OpenError::Log { at: loaded_end.0, why: format!("it ends here and not at {}", log_end.0) });
        }
        self.check_voter()?;
        self.snapshots.since = now.mono;
        self.stand_for_election(out);
        Ok(())
    }

    /// Everything that happens later.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::StateStored => self.state_stored(now, out),
            Input::Synced { end } => self.synced(end, out),
            Input::SnapshotStored { id } => self.snapshot_stored(now, id, out),
            Input::DirectoryFailed => self.resign(out),
            Input::Wake => {}
        }
        self.maybe_snapshot(now, out);
        self.check();
    }

    /// Appends records as one atomic batch; `level` is the cluster's `metadata.version`, which says in what versions records are written.
    ///
    /// # Errors
    /// If nothing was appended, why.
    ///
    /// # Panics
    /// If there are no records: a decision without any is answered without an append.
    pub fn append(&mut self, now: Now, level: i16, records: &[MetadataRecord], out: &mut Vec<Output>) -> Result<Appended, Refused> {
        assert!(!records.is_empty(), "an append of nothing");
        let Standing::Leader { active: true, .. } = self.standing else { return Err(Refused::NotLeader) };
        let batch = data_batch(self.log_end, self.epoch, now.wall.0, level, records);
        if batch.size_bytes() > BATCH_BYTES_MAX {
            return Err(Refused::TooLarge { bytes: batch.size_bytes() });
        }
        Ok(self.push(batch.build(), out))
    }

    /// A snapshot that was due is encoded. One that was overtaken by a failure of the directory is dropped.
    pub fn store_snapshot(&mut self, id: SnapshotId, content: Bytes, out: &mut Vec<Output>) {
        if self.snapshots.under_way == Some(id) {
            out.push(Output::StoreSnapshot { id, content });
        }
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Deadline> {
        let waits = self.snapshots.under_way.is_none() && self.snapshots.bytes_since > 0 && self.config.snapshot_interval_ms_max > 0;
        let at = self.snapshots.since.plus_ms(self.config.snapshot_interval_ms_max);
        (waits && self.leads()).then_some(Deadline { at, why: "metadata snapshot" })
    }

    /// Every invariant that can be seen from inside.
    pub fn check(&self) {
        if let Some(high_watermark) = self.high_watermark {
            assert!(high_watermark <= self.log_end, "committed {high_watermark:?} beyond the log's end {:?}", self.log_end);
            assert!(self.handed_out <= high_watermark, "handed out {:?} beyond what is committed {high_watermark:?}", self.handed_out);
        }
        assert!(self.synced_end <= self.log_end, "synced {:?} beyond the log's end {:?}", self.synced_end, self.log_end);
        assert!(self.last_epoch <= self.epoch, "a batch of epoch {:?} in epoch {:?}", self.last_epoch, self.epoch);
        if let Standing::Leader { epoch_start, active } = self.standing {
            assert_eq!(active, self.high_watermark.is_some_and(|hw| hw > epoch_start), "active with {:?}", self.high_watermark);
            assert_eq!(self.leader, Some(self.config.node));
        }
        let waits = self.pending.front().map(|p| p.batch.header().base_offset);
        assert!(waits.is_none_or(|base| base == self.handed_out), "batch {waits:?} waits where {:?} is next", self.handed_out);
    }

    /// What this node is.
    pub const fn role(&self) -> Role {
        match self.standing {
            Standing::Opening { .. } => Role::Unattached,
            Standing::Candidate | Standing::Elected => Role::Candidate,
            Standing::Leader { .. } => Role::Leader,
            Standing::Resigned => Role::Resigned,
        }
    }

    /// The term.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The leader of the term, if known.
    pub const fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The offset that the next record would get.
    pub const fn log_end(&self) -> Offset {
        self.log_end
    }

    /// Everything below is committed; `None` until a leader said so in this life.
    pub const fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// The version of the quorum's protocol; from 1 on the log says who votes.
    pub const fn kraft_version(&self) -> i16 {
        self.kraft_version
    }

    /// Snapshots that are durable, oldest first.
    pub fn snapshots(&self) -> &[SnapshotId] {
        &self.snapshots.durable
    }

    const fn leads(&self) -> bool {
        matches!(self.standing, Standing::Leader { active: true, .. })
    }

    /// The vote is durable before it counts, the leadership before its first record.
    fn stand_for_election(&mut self, out: &mut Vec<Output>) {
        self.epoch = LeaderEpoch(self.epoch.0.checked_add(1).expect("an epoch for every election of two thousand million"));
        self.leader = None;
        self.standing = Standing::Candidate;
        let directory = if self.kraft_version > 0 { self.config.directory_id } else { Uuid::ZERO };
        self.store_state(Some((self.config.node, directory)), out);
        reached!(&mut NotesOf(out), "quorum.candidate", self.epoch.0, 0);
    }

    fn store_state(&self, voted: Option<(NodeId, Uuid)>, out: &mut Vec<Output>) {
        let state = QuorumState { epoch: self.epoch, leader: self.leader, voted };
        out.push(Output::StoreState { content: state.encode(self.kraft_version, &self.voter_ids()) });
    }

    fn state_stored(&mut self, now: Now, out: &mut Vec<Output>) {
        match self.standing {
            Standing::Candidate if is_majority(1, self.voter_ids().len()) => {
                self.standing = Standing::Elected;
                self.leader = Some(self.config.node);
                self.store_state(None, out);
            }
            Standing::Elected => self.lead(now, out),
            _ => {}
        }
    }

    fn lead(&mut self, now: Now, out: &mut Vec<Output>) {
        let voter = |id: &NodeId| LeaderChangeVoter { voter_id: id.0, ..Default::default() };
        let message = LeaderChangeMessage {
            version: 0,
            leader_id: self.config.node.0,
            voters: self.voter_ids().iter().map(voter).collect(),
            granting_voters: vec![voter(&self.config.node)],
        };
        let mut records = vec![ControlRecord::LeaderChange(message)];
        if self.kraft_version > 0 && !self.voters_from_log {
            records.push(ControlRecord::KRaftVersion(KRaftVersionRecord { version: 0, k_raft_version: self.kraft_version }));
            records.extend(self.voters.clone().map(ControlRecord::KRaftVoters));
        }
        self.standing = Standing::Leader { epoch_start: self.log_end, active: false };
        self.push(control_batch(self.log_end, self.epoch, now.wall.0, &records), out);
        self.learn(&records);
        reached!(&mut NotesOf(out), "quorum.elected", self.epoch.0, self.log_end.0);
    }

    fn push(&mut self, batch: ReplicaBatch, out: &mut Vec<Output>) -> Appended {
        let (base, end, epoch) = (batch.header().base_offset, batch.header().next_offset(), batch.header().leader_epoch);
        assert_eq!(base, self.log_end, "a batch that does not follow the log's end");
        assert_eq!(epoch, self.epoch, "a batch of another term");
        self.log_end = end;
        self.last_epoch = epoch;
        self.pending.push_back(Pending { batch: batch.clone(), end, epoch });
        out.push(Output::Append { batch });
        Appended { base, end }
    }

    fn synced(&mut self, end: Offset, out: &mut Vec<Output>) {
        assert!(end <= self.log_end, "synced {end:?} beyond the log's end {:?}", self.log_end);
        self.synced_end = self.synced_end.max(end);
        let Standing::Leader { epoch_start, active } = self.standing else { return };
        let committed = majority_end(&[self.synced_end]);
        if committed <= epoch_start || self.high_watermark.is_some_and(|hw| hw >= committed) {
            return;
        }
        self.high_watermark = Some(committed);
        self.hand_out(committed, out);
        if matches!(self.standing, Standing::Resigned) {
            return;
        }
        out.push(Output::HighWatermark { to: committed });
        if !active {
            self.standing = Standing::Leader { epoch_start, active: true };
            out.push(Output::Leading { epoch: self.epoch });
        }
    }

    fn hand_out(&mut self, until: Offset, out: &mut Vec<Output>) {
        while let Some(pending) = self.pending.pop_front_if(|p| p.end <= until) {
            let header = pending.batch.header();
            let (base, append_ms) = (header.base_offset, header.max_timestamp_ms);
            self.handed_out = pending.end;
            self.handed_out_epoch = pending.epoch;
            self.snapshots.bytes_since += pending.batch.bytes().len() as u64;
            self.snapshots.last_append_ms = append_ms;
            match content(&pending.batch) {
                Ok(Content::Control(_)) => {}
                Ok(Content::Data(records)) => {
                    self.follow_transaction(&records);
                    out.push(Output::Committed(CommittedBatch { base, end: pending.end, epoch: pending.epoch, append_ms, records }));
                }
                Err(why) => {
                    // Checked when it was read or built; a record in it that no reader understands ends this node's part, as it ends Kafka's.
                    let note = odradek_machine::Note::mark("quorum.unreadable").facts(base.0, pending.end.0).says(why);
                    out.push(Output::Note(note));
                    return self.resign(out);
                }
            }
        }
    }

    fn follow_transaction(&mut self, records: &[MetadataRecord]) {
        for record in records {
            match record {
                MetadataRecord::BeginTransaction(_) => self.in_transaction = true,
                MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_) => self.in_transaction = false,
                _ => {}
            }
        }
    }

    fn maybe_snapshot(&mut self, now: Now, out: &mut Vec<Output>) {
        let Snapshots { under_way, bytes_since, since, last_append_ms, .. } = &mut self.snapshots;
        let interval_ms = self.config.snapshot_interval_ms_max;
        let old = interval_ms > 0 && *bytes_since > 0 && now.mono >= since.plus_ms(interval_ms);
        let due = *bytes_since >= self.config.snapshot_bytes_max || old;
        if !due || under_way.is_some() || self.in_transaction || !matches!(self.standing, Standing::Leader { active: true, .. }) {
            return;
        }
        let id = SnapshotId { end: self.handed_out, epoch: self.handed_out_epoch };
        *under_way = Some(id);
        *bytes_since = 0;
        *since = now.mono;
        let header = SnapshotHeader { last_contained_ms: *last_append_ms, kraft_version: self.kraft_version, voters: self.voters.clone() };
        out.push(Output::SnapshotDue { id, header });
    }

    /// The oldest snapshots go, and of the log what lies before the oldest that stays.
    fn snapshot_stored(&mut self, now: Now, id: SnapshotId, out: &mut Vec<Output>) {
        if self.snapshots.under_way != Some(id) {
            return;
        }
        self.snapshots.under_way = None;
        self.snapshots.since = now.mono;
        self.snapshots.durable.push(id);
        let gone = self.snapshots.durable.len().saturating_sub(SNAPSHOTS_KEPT);
        let retired: Vec<SnapshotId> = self.snapshots.durable.drain(..gone).collect();
        if self.snapshots.durable.len() == SNAPSHOTS_KEPT {
            out.push(Output::AdvanceLogStart { to: self.snapshots.durable[0].end });
        }
        out.extend(retired.into_iter().map(|id| Output::RemoveSnapshot { id }));
        reached!(&mut NotesOf(out), "quorum.snapshot", id.end.0, id.epoch.0);
    }

    fn resign(&mut self, out: &mut Vec<Output>) {
        if matches!(self.standing, Standing::Resigned) {
            return;
        }
        if self.leads() {
            out.push(Output::Resigned { epoch: self.epoch });
        }
        self.standing = Standing::Resigned;
        self.leader = None;
        self.snapshots.under_way = None;
    }
}

/// Votes that decide.
const fn is_majority(votes: usize, voters: usize) -> bool {
    votes > voters / 2
}

/// What a majority of the voters holds durably, by the end of each.
fn majority_end(ends: &[Offset]) -> Offset {
    let mut sorted = ends.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted[sorted.len() / 2]
}
