//! From what a directory holds to a quorum that can take part.

use bytes::Bytes;
use odradek_machine::Seed;
use odradek_wire::batch::{Batches, ReplicaBatch};
use odradek_wire::control::{ControlRecord, VotersRecord};
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset};

use crate::batches::{Content, checked, content};
use crate::quorum::{Pending, Quorum, Snapshots, Standing};
use crate::snapshot::{self, Snapshot, SnapshotId};
use crate::{Found, OpenError, Output, QuorumConfig, QuorumState};

impl Quorum {
    /// The quorum of a directory, before its log was read. Pushes [`Output::Restart`] if there is a snapshot to begin from.
    ///
    /// # Errors
    /// If the directory cannot be gone on from.
    pub fn open(config: QuorumConfig, seed: Seed, found: Found, out: &mut Vec<Output>) -> Result<Quorum, OpenError> {
        let is_stored = found.quorum_state.is_some();
        let state = found.quorum_state.as_deref().map(QuorumState::decode).transpose()?.unwrap_or_default();
        let newest = found.snapshots.iter().copied().max();
        let snapshot = newest.zip(found.newest_snapshot).map(|(id, bytes)| decoded(id, bytes)).transpose()?;
        let covers = snapshot.as_ref().is_some_and(|(id, _)| id.end >= found.log_start);
        if found.log_start > Offset(0) && !covers {
            return Err(OpenError::NoSnapshot { log_start: found.log_start.0 });
        }
        if let Some(last) = found.last_epoch.filter(|last| state.epoch < *last && is_stored) {
            // It is stored before the first record of its epoch is appended: one of the two is not what was written.
            let why = format!("the log has epoch {}, quorum-state has {}", last.0, state.epoch.0);
            return Err(OpenError::Log { at: found.log_end.0, why });
        }
        // A vote may have been forgotten with a lost file, an epoch of the log never is.
        let epoch = state.epoch.max(found.last_epoch.unwrap_or_default());
        let mut quorum = Quorum {
            config,
            seed,
            standing: Standing::Opening { loaded_end: found.log_start, log_end: found.log_end },
            epoch,
            leader: state.leader.filter(|_| state.epoch == epoch),
            kraft_version: 0,
            voters: None,
            voters_from_log: false,
            log_end: found.log_end,
            last_epoch: found.last_epoch.unwrap_or_default(),
            synced_end: Offset(0),
            high_watermark: None,
            handed_out: found.log_start,
            handed_out_epoch: LeaderEpoch(0),
            in_transaction: false,
            pending: Default::default(),
            snapshots: Snapshots::new(found.snapshots),
        };
        if let Some((id, snapshot)) = snapshot {
            quorum.begin_from(id, snapshot, found.log_start, out);
        }
        Ok(quorum)
    }

    /// Where [`Quorum::load`] begins: the log's start or later; batches below the snapshot are passed over.
    pub const fn load_from(&self) -> Offset {
        match self.standing {
            Standing::Opening { loaded_end, .. } => loaded_end,
            _ => self.log_end,
        }
    }

    /// Takes the next whole batches of the log, from [`Quorum::load_from`] to the log's end; they come out again when they are committed.
    ///
    /// # Errors
    /// If a batch is damaged: the log was scanned before, so this is damage since.
    pub fn load(&mut self, bytes: Bytes) -> Result<(), OpenError> {
        for batch in Batches::new(bytes) {
            let at = self.load_from();
            let wrong = |why: String| OpenError::Log { at: at.0, why };
            let batch = checked(batch.map_err(|e| wrong(e.to_string()))?).map_err(wrong)?;
            self.load_batch(batch, at)?;
        }
        Ok(())
    }

    fn load_batch(&mut self, batch: ReplicaBatch, at: Offset) -> Result<(), OpenError> {
        let wrong = |why: &str| OpenError::Log { at: at.0, why: why.to_owned() };
        let (base, end, epoch) = (batch.header().base_offset, batch.header().next_offset(), batch.header().leader_epoch);
        let Standing::Opening { loaded_end, log_end } = &mut self.standing else { return Err(wrong("the log was read whole before")) };
        if end <= self.handed_out {
            *loaded_end = (*loaded_end).max(end);
            return Ok(());
        }
        if base != (*loaded_end).max(self.handed_out) || end > *log_end {
            return Err(wrong(&format!("a batch from {} to {} where {} is expected", base.0, end.0, loaded_end.0)));
        }
        if epoch < self.pending.back().map_or(LeaderEpoch(0), |p| p.epoch) {
            return Err(wrong(&format!("a batch of epoch {} behind a later one", epoch.0)));
        }
        *loaded_end = end;
        // Every record is read before this node elects itself and appends behind what another system wrote: one that is not known here refuses the start.
        if let Content::Control(records) = content(&batch).map_err(|why| wrong(&why))? {
            self.learn(&records);
        }
        self.pending.push_back(Pending { batch, end, epoch });
        Ok(())
    }

    fn begin_from(&mut self, id: SnapshotId, snapshot: Snapshot, log_start: Offset, out: &mut Vec<Output>) {
        self.kraft_version = snapshot.header.kraft_version;
        self.voters = snapshot.header.voters;
        self.handed_out = id.end;
        self.handed_out_epoch = id.epoch;
        if id.end > self.log_end {
            out.push(Output::RestartLog { at: id.end });
            self.log_end = id.end;
            self.last_epoch = id.epoch;
            self.standing = Standing::Opening { loaded_end: id.end, log_end: id.end };
        } else {
            self.standing = Standing::Opening { loaded_end: log_start, log_end: self.log_end };
        }
        self.epoch = self.epoch.max(id.epoch);
        out.push(Output::Restart { id, records: snapshot.records });
    }

    /// What control records say of the quorum holds from their append on.
    pub(crate) fn learn(&mut self, records: &[ControlRecord]) {
        for record in records {
            match record {
                ControlRecord::KRaftVersion(v) => self.kraft_version = v.k_raft_version,
                ControlRecord::KRaftVoters(v) => {
                    self.voters = Some(v.clone());
                    self.voters_from_log = true;
                }
                _ => {}
            }
        }
    }

    /// # Errors
    /// If this node does not vote.
    pub(crate) fn check_voter(&self) -> Result<(), OpenError> {
        let own = self.config.node;
        let is_voter = match &self.voters {
            Some(VotersRecord { voters, .. }) => {
                voters.iter().any(|v| v.voter_id == own.0 && v.voter_directory_id == self.config.directory_id)
            }
            None => self.config.voters.iter().any(|v| v.id == own),
        };
        let voters: Vec<String> = self.voter_ids().iter().map(|v| v.0.to_string()).collect();
        if is_voter && voters.len() > 1 {
            return Err(OpenError::SeveralVoters { voters: voters.join(", ") });
        }
        if is_voter {
            return Ok(());
        }
        Err(OpenError::NotAVoter { node: own.0, directory_id: self.config.directory_id, voters: voters.join(", ") })
    }

    /// Who votes, by ascending id.
    pub fn voter_ids(&self) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> = match &self.voters {
            Some(record) => record.voters.iter().map(|v| NodeId(v.voter_id)).collect(),
            None => self.config.voters.iter().map(|v| v.id).collect(),
        };
        ids.sort_unstable();
        ids
    }
}

fn decoded(id: SnapshotId, bytes: Bytes) -> Result<(SnapshotId, Snapshot), OpenError> {
    let snapshot = snapshot::decode(bytes).map_err(|why| OpenError::Snapshot { name: id.file_name(), why })?;
    Ok((id, snapshot))
}
