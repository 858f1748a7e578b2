//! This node's replica of a partition: a log, and the role in which it is held.

use std::sync::Arc;

use odradek_cluster::config::TopicConfig;
use odradek_cluster::image::Partition as Granted;
use odradek_log::dir::ids::OwnerId;
use odradek_log::disk::DirId;
use odradek_log::log::incoming::{Incoming, Origin};
use odradek_log::log::{AppendError, Appended, Log};
use odradek_log::output::Output as LogOutput;
use odradek_machine::{Now, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset};

use super::PartitionId;
use super::leader::Leader;
use super::role::{Follower, Role};
use crate::log_config::log_config;

/// How far a replica is, in every sense that somebody may wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Everything below is in the file.
    pub(crate) written: Offset,
    /// Everything below may be acknowledged as far as this node's disk goes.
    pub(crate) durable: Offset,
    /// Everything below is committed.
    pub(crate) high_watermark: Offset,
    /// Everything below is decided.
    pub(crate) last_stable: Offset,
    /// The first offset that may be read.
    pub(crate) log_start: Offset,
}

/// Why a replica does not take a request: the protocol's outcome, and who leads instead if that is known (KIP-951).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The error.
    pub(crate) error: ErrorCode,
    /// The leader (−1 for none) and its epoch, where another leads.
    pub(crate) leader: Option<(NodeId, LeaderEpoch)>,
}

/// A replica.
#[derive(Debug)]
pub(crate) struct Replica {
    /// Which partition.
    pub(crate) id: PartitionId,
    /// Its topic's name.
    pub(crate) topic: Arc<str>,
    /// Its log directory.
    pub(crate) dir: DirId,
    /// Its name there.
    pub(crate) owner: OwnerId,
    /// Its log.
    pub(crate) log: Log,
    /// Its role.
    pub(crate) role: Role,
    /// Its topic's configuration.
    pub(crate) config: TopicConfig,
}

impl Replica {
    /// A replica that follows nobody yet.
    pub(crate) fn new(id: PartitionId, topic: Arc<str>, dir: DirId, owner: OwnerId, log: Log, config: TopicConfig) -> Replica {
        Replica { id, topic, dir, owner, log, role: Role::Follower(Follower::default()), config }
    }

    /// Acts on a committed state of the partition; true if a leadership began or ended here.
    pub(crate) fn granted(&mut self, me: NodeId, granted: &Granted, out: &mut Vec<LogOutput>) -> bool {
        match &mut self.role {
            Role::Leader(leader) if granted.leader == Some(me) && leader.epoch == granted.leader_epoch => {
                leader.granted(granted);
                false
            }
            _ if granted.leader == Some(me) => {
                self.log.begin_epoch(granted.leader_epoch, out);
                self.role = Role::Leader(Leader::begin(me, granted, self.log.log_end()));
                reached!(
                    &mut odradek_log::output::NotesOf(out),
                    "leader.elected",
                    of = self.log.subject(),
                    granted.leader_epoch.0,
                    self.log.log_end().0
                );
                true
            }
            role => {
                let led = matches!(role, Role::Leader(_));
                *role = Role::Follower(Follower {
                    leader: granted.leader,
                    epoch: granted.leader_epoch,
                    partition_epoch: granted.partition_epoch,
                });
                led
            }
        }
    }

    /// Runs by another configuration from here on.
    pub(crate) fn reconfigure(&mut self, now: Now, config: TopicConfig, producer_id_expiration_ms: i64, out: &mut Vec<LogOutput>) {
        self.log.reconfigure(now, log_config(&config, producer_id_expiration_ms), out);
        self.config = config;
    }

    /// Moves the high watermark as far as the replicas allow.
    pub(crate) fn advance(&mut self, out: &mut Vec<LogOutput>) {
        let Role::Leader(leader) = &self.role else { return };
        let was = self.log.high_watermark();
        let next = leader.high_watermark(was, self.log.durable_end(), self.config.min_insync_replicas);
        if next > was {
            self.log.set_high_watermark(next, out);
        }
        assert!(self.log.high_watermark() >= was, "high watermark {:?} after {was:?}", self.log.high_watermark());
        assert!(next <= self.log.log_end(), "high watermark {next:?} beyond the log end {:?}", self.log.log_end());
    }

    /// How far it is.
    pub(crate) fn ends(&self) -> Ends {
        Ends {
            written: self.log.written_end(),
            durable: self.log.durable_end(),
            high_watermark: self.log.high_watermark(),
            last_stable: self.log.last_stable_offset(),
            log_start: self.log.log_start(),
        }
    }

    /// The leadership, if the replica leads in the epoch that the client believes in (KIP-320).
    pub(crate) fn leader(&self, believed: Option<LeaderEpoch>) -> Result<&Leader, Refusal> {
        if self.log.is_out_of_service() {
            return Err(Refusal { error: ErrorCode::KafkaStorageError, leader: None });
        }
        let (epoch, leads_now) = match &self.role {
            Role::Leader(leader) => (leader.epoch, Some((leader.me, leader.epoch))),
            Role::Follower(follower) => (follower.epoch, follower.leader.map(|l| (l, follower.epoch))),
        };
        match believed {
            Some(believed) if believed < epoch => return Err(Refusal { error: ErrorCode::FencedLeaderEpoch, leader: leads_now }),
            Some(believed) if believed > epoch => return Err(Refusal { error: ErrorCode::UnknownLeaderEpoch, leader: None }),
            _ => {}
        }
        match &self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower(f) => {
                Err(Refusal { error: ErrorCode::NotLeaderOrFollower, leader: Some((f.leader.unwrap_or(NodeId(-1)), f.epoch)) })
            }
        }
    }

    /// Appends a client's batch in the leader's epoch.
    pub(crate) fn append(&mut self, now: Now, batch: Incoming, out: &mut Vec<LogOutput>) -> Result<Appended, AppendError> {
        let Role::Leader(leader) = &self.role else { return Err(AppendError::Busy) };
        let epoch = leader.epoch;
        self.log.append_as_leader(now, batch, epoch, Origin::Client, out)
    }

    /// Every invariant, of every segment and producer: for now and then.
    pub(crate) fn check_all(&self) {
        self.log.check_all();
        self.check();
    }

    /// Every invariant that the last steps may have broken.
    pub(crate) fn check(&self) {
        self.log.check();
        let ends = self.ends();
        assert!(
            ends.last_stable <= ends.high_watermark,
            "{}: last stable {:?} beyond {:?}",
            self.log.subject(),
            ends.last_stable,
            ends.high_watermark
        );
        assert!(ends.high_watermark <= self.log.log_end(), "{}: {ends:?} beyond the log end", self.log.subject());
        if let Role::Leader(leader) = &self.role {
            assert!(
                leader.isr.contains(&leader.me) || leader.isr.is_empty(),
                "{}: a leader outside its ISR {:?}",
                self.log.subject(),
                leader.isr
            );
        }
    }
}
