//! A host in memory for the metadata machines of one node: quorum, image and controller on a disk that a test can break.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use odradek_cluster::Controller;
use odradek_cluster::config::StaticConfig;
use odradek_cluster::controller::{
    ControllerConfig, ControllerRequest, ControllerResponse, METADATA_VERSION_LATEST, RequestId, SUPPORTED_FEATURES, bootstrap_records,
};
use odradek_cluster::image::{Image, Loader};
use odradek_cluster::messages::{
    BrokerHeartbeatRequestData, BrokerRegistrationRequestData, ControllerRegistrationRequestData, broker_registration_request,
    controller_registration_request, text,
};
use odradek_cluster::record::MetadataRecord;
use odradek_machine::{Mono, Now, Seed, WallMs};
use odradek_quorum::{Found, Input, OpenError, Output, Quorum, QuorumConfig, SnapshotId, Voter, snapshot};
use odradek_wire::batch::ReplicaBatch;
use odradek_wire::ids::{NodeId, Offset, Uuid};

/// What survives a process.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) quorum_state: Option<Bytes>,
    pub(crate) log: Vec<ReplicaBatch>,
    pub(crate) log_start: Offset,
    /// How many batches of the log are durable.
    pub(crate) synced: usize,
    pub(crate) snapshots: BTreeMap<SnapshotId, Bytes>,
}

impl Disk {
    pub(crate) fn log_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        self.log.iter().for_each(|b| bytes.extend_from_slice(b.bytes()));
        bytes.freeze()
    }

    pub(crate) fn log_end(&self) -> Offset {
        self.log.last().map_or(self.log_start, |b| b.header().next_offset())
    }

    pub(crate) fn found(&self) -> Found {
        Found {
            quorum_state: self.quorum_state.clone(),
            snapshots: self.snapshots.keys().copied().collect(),
            newest_snapshot: self.snapshots.last_key_value().map(|(_, bytes)| bytes.clone()),
            log_start: self.log_start,
            log_end: self.log_end(),
            last_epoch: self.log.last().map(|b| b.header().leader_epoch),
        }
    }
}

pub(crate) fn quorum_config() -> QuorumConfig {
    QuorumConfig {
        node: NodeId(0),
        directory_id: DIRECTORY,
        voters: vec![Voter { id: NodeId(0), directory_id: None, host: "127.0.0.1".to_owned(), port: 9093 }],
        snapshot_bytes_max: 20 << 20,
        snapshot_interval_ms_max: 3_600_000,
    }
}

pub(crate) const CLUSTER: &str = "AAAAAAAAQACAAAAAAAAAAA";
pub(crate) const DIRECTORY: Uuid = Uuid([7; 16]);

/// The metadata machines of one life of a node.
pub(crate) struct Node {
    pub(crate) disk: Disk,
    pub(crate) quorum_config: QuorumConfig,
    pub(crate) now: Now,
    pub(crate) quorum: Option<Quorum>,
    pub(crate) loader: Loader,
    pub(crate) controller: Option<Controller>,
    /// Everything that was said since it was last looked at.
    pub(crate) said: Vec<String>,
    pub(crate) replies: Vec<(RequestId, ControllerResponse)>,
    pub(crate) hold_sync: bool,
    pub(crate) life: u64,
    requests: u64,
    queue: VecDeque<Output>,
}

impl Node {
    pub(crate) fn new() -> Node {
        Node {
            disk: Disk::default(),
            quorum_config: quorum_config(),
            now: Now { mono: Mono(0), wall: WallMs(1_700_000_000_000) },
            quorum: None,
            loader: Loader::default(),
            controller: None,
            said: Vec::new(),
            replies: Vec::new(),
            hold_sync: false,
            life: 0,
            requests: 0,
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self) -> Result<(), OpenError> {
        self.life += 1;
        self.loader = Loader::default();
        let mut out = Vec::new();
        let mut quorum = Quorum::open(self.quorum_config.clone(), Seed(self.life), self.disk.found(), &mut out)?;
        quorum.load(self.disk.log_bytes())?;
        quorum.start(self.now, &mut out)?;
        self.quorum = Some(quorum);
        self.carry_out(out);
        Ok(())
    }

    /// The process is gone; what was written stays.
    pub(crate) fn kill(&mut self) {
        self.quorum = None;
        self.controller = None;
        self.queue.clear();
        self.hold_sync = false;
        self.disk.synced = self.disk.log.len();
    }

    /// The power is gone; what was not synced is lost.
    pub(crate) fn power_cut(&mut self) {
        self.disk.log.truncate(self.disk.synced);
        self.kill();
    }

    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.now.mono = self.now.mono.plus_ms(ms);
        self.now.wall = WallMs(self.now.wall.0 + ms as i64);
    }

    pub(crate) fn image(&self) -> &Image {
        self.loader.image()
    }

    pub(crate) fn level(&self) -> i16 {
        match self.controller.as_ref().map_or(0, |c| c.image().metadata_version()) {
            0 => METADATA_VERSION_LATEST,
            level => level,
        }
    }

    /// Decides, appends, applies: the reply comes with the commit.
    pub(crate) fn ask(&mut self, request: &ControllerRequest) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        let next = self.quorum.as_ref().expect("a running node").log_end();
        let decision = self.controller.as_mut().expect("an active controller").decide(self.now, request, next);
        self.append(decision.records, Some((id, decision.reply)));
        id
    }

    pub(crate) fn due(&mut self) {
        let records = self.controller.as_mut().expect("an active controller").due(self.now);
        if !records.is_empty() {
            self.append(records, None);
        }
    }

    fn append(&mut self, records: Vec<MetadataRecord>, reply: Option<(RequestId, ControllerResponse)>) {
        let level = self.level();
        let mut out = Vec::new();
        let mut base = self.quorum.as_ref().expect("a running node").log_end();
        if !records.is_empty() {
            let quorum = self.quorum.as_mut().expect("a running node");
            base = quorum.append(self.now, level, &records, &mut out).expect("the leader appends").base;
        }
        let controller = self.controller.as_mut().expect("an active controller");
        controller.accepted(self.now, &records, base, reply);
        controller.check();
        self.carry_out(out);
        if let Some(controller) = &mut self.controller {
            controller.release(&mut self.replies);
        }
        self.say_replies();
    }

    fn say_replies(&mut self) {
        self.said.extend(self.replies.drain(..).map(|(id, reply)| describe::reply(id, &reply)));
    }

    pub(crate) fn release_sync(&mut self) {
        self.hold_sync = false;
        self.disk.synced = self.disk.log.len();
        self.tell(Input::Synced { end: self.disk.log_end() });
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        if let Some(quorum) = &mut self.quorum {
            quorum.step(self.now, input, &mut out);
        }
        self.carry_out(out);
    }

    fn carry_out(&mut self, out: Vec<Output>) {
        let nested = !self.queue.is_empty();
        self.queue.extend(out);
        if nested {
            return;
        }
        while let Some(output) = self.queue.front().cloned() {
            self.one(output);
            self.queue.pop_front();
        }
    }

    fn one(&mut self, output: Output) {
        match output {
            Output::StoreState { content } => {
                self.said.push(format!("quorum-state {}", String::from_utf8_lossy(&content)));
                self.disk.quorum_state = Some(content);
                self.tell(Input::StateStored);
            }
            Output::Append { batch } => {
                self.said.push(describe::batch(&batch));
                self.disk.log.push(batch);
                if !self.hold_sync {
                    self.disk.synced = self.disk.log.len();
                    self.tell(Input::Synced { end: self.disk.log_end() });
                }
            }
            Output::RestartLog { at } => {
                self.disk.log.clear();
                self.disk.synced = 0;
                self.disk.log_start = at;
            }
            Output::Restart { id, records } => {
                self.said.push(format!("restart from {} with {} records", id.file_name(), records.len()));
                let mut image = Image::new();
                records.iter().for_each(|r| drop(image.apply(r).expect("a snapshot builds an image")));
                self.loader = Loader::new(image);
            }
            Output::Committed(batch) => {
                let mut changed = Vec::new();
                for record in &batch.records {
                    self.loader.apply(record, &mut changed).expect("committed records follow each other");
                }
            }
            Output::HighWatermark { to } => {
                self.said.push(format!("committed below {}", to.0));
                if let Some(controller) = &mut self.controller {
                    controller.committed(to, &mut self.replies);
                }
                self.say_replies();
            }
            Output::Leading { epoch } => self.lead(epoch.0),
            Output::Resigned { epoch } => {
                let unanswered = self.controller.take().map(Controller::resign).unwrap_or_default();
                self.said.push(format!("resigned epoch {}, {} requests unanswered", epoch.0, unanswered.len()));
            }
            Output::SnapshotDue { id, header } => {
                let content = snapshot::encode(id, self.now.wall.0, &header, self.level(), &self.image().to_records());
                let mut out = Vec::new();
                self.quorum.as_mut().expect("a running node").store_snapshot(id, content, &mut out);
                self.carry_out(out);
            }
            Output::StoreSnapshot { id, content } => {
                self.said.push(format!("snapshot {}", id.file_name()));
                self.disk.snapshots.insert(id, content);
                self.tell(Input::SnapshotStored { id });
            }
            Output::AdvanceLogStart { to } => {
                self.said.push(format!("log start {}", to.0));
                let gone = self.disk.log.iter().take_while(|b| b.header().next_offset() <= to).count();
                self.disk.log.drain(..gone);
                self.disk.synced -= gone;
                self.disk.log_start = to;
            }
            Output::RemoveSnapshot { id } => {
                self.said.push(format!("remove {}", id.file_name()));
                self.disk.snapshots.remove(&id);
            }
            Output::Note(_) => {}
        }
    }

    fn lead(&mut self, epoch: i32) {
        self.said.push(format!("leading epoch {epoch}"));
        let config = ControllerConfig {
            cluster_id: CLUSTER.to_owned(),
            node: NodeId(0),
            defaults: StaticConfig::default(),
            broker_session_timeout_ms: 9000,
            metadata_max_idle_interval_ms: 500,
        };
        let log_end = self.quorum.as_ref().expect("a running node").log_end();
        let controller = Controller::new(config, Seed(self.life), self.image().clone(), log_end, self.now);
        let records = controller.activation(&bootstrap_records(), self.loader.in_transaction());
        self.controller = Some(controller);
        if !records.is_empty() {
            self.append(records, None);
        }
    }
}

pub(crate) fn register_broker(id: i32, incarnation: Uuid, directory: Uuid, previous_epoch: i64) -> ControllerRequest {
    let features = SUPPORTED_FEATURES.iter().map(|f| broker_registration_request::Feature {
        name: text(f.name),
        min_supported_version: f.min,
        max_supported_version: f.max,
        ..Default::default()
    });
    ControllerRequest::BrokerRegistration(BrokerRegistrationRequestData {
        broker_id: id,
        cluster_id: text(CLUSTER),
        incarnation_id: incarnation.into(),
        listeners: vec![broker_registration_request::Listener {
            name: text("PLAINTEXT"),
            host: text("127.0.0.1"),
            port: 9092,
            ..Default::default()
        }],
        features: features.collect(),
        log_dirs: vec![directory.into()],
        previous_broker_epoch: previous_epoch,
        ..Default::default()
    })
}

pub(crate) fn register_controller(incarnation: Uuid) -> ControllerRequest {
    let features = SUPPORTED_FEATURES.iter().map(|f| controller_registration_request::Feature {
        name: text(f.name),
        min_supported_version: f.min,
        max_supported_version: f.max,
        ..Default::default()
    });
    ControllerRequest::ControllerRegistration(ControllerRegistrationRequestData {
        controller_id: 0,
        incarnation_id: incarnation.into(),
        listeners: vec![controller_registration_request::Listener {
            name: text("CONTROLLER"),
            host: text("127.0.0.1"),
            port: 9093,
            ..Default::default()
        }],
        features: features.collect(),
        ..Default::default()
    })
}

pub(crate) fn heartbeat(id: i32, epoch: i64, metadata_offset: i64, want_fence: bool, want_shut_down: bool) -> ControllerRequest {
    ControllerRequest::BrokerHeartbeat(BrokerHeartbeatRequestData {
        broker_id: id,
        broker_epoch: epoch,
        current_metadata_offset: metadata_offset,
        want_fence,
        want_shut_down,
        cordoned_log_dirs: Some(Vec::new()),
        ..Default::default()
    })
}

/// What machines say, in lines for plays.
pub(crate) mod describe {
    use super::{ControllerResponse, MetadataRecord, ReplicaBatch, RequestId};
    use odradek_wire::control::ControlRecord;

    pub(crate) fn batch(batch: &ReplicaBatch) -> String {
        let header = batch.header();
        let mut line = format!("append {} epoch {}", header.base_offset.0, header.leader_epoch.0);
        for r in batch.records(1 << 20).expect("a readable batch") {
            let r = r.expect("a readable record");
            if header.attributes.is_control() {
                let record = ControlRecord::decode(&r).expect("a control record");
                line += &format!("\n  control {}", record.kind());
            } else {
                let (r, version) = MetadataRecord::decode(&r.value.expect("a value")).expect("a metadata record");
                line += &format!("\n  {} v{version}{}", r.name().trim_end_matches("Record"), facts(&r));
            }
        }
        line
    }

    fn facts(record: &MetadataRecord) -> String {
        match record {
            MetadataRecord::RegisterBroker(r) => format!(" {} epoch {} fenced {}", r.broker_id, r.broker_epoch, r.fenced),
            MetadataRecord::BrokerRegistrationChange(r) => {
                let mut says = format!(" {} epoch {}", r.broker_id, r.broker_epoch);
                says += match r.fenced {
                    1 => " fenced",
                    -1 => " unfenced",
                    _ => "",
                };
                says += if r.in_controlled_shutdown == 1 { " in controlled shutdown" } else { "" };
                says + &r.cordoned_log_dirs.as_ref().map_or_else(String::new, |d| format!(" cordoned {d:?}"))
            }
            MetadataRecord::Topic(r) => format!(" {}", r.name),
            MetadataRecord::Config(r) => format!(" {}:{} {}={:?}", r.resource_type, r.resource_name, r.name, r.value),
            MetadataRecord::FeatureLevel(r) => format!(" {}={}", r.name, r.feature_level),
            MetadataRecord::ProducerIds(r) => format!(" next {}", r.next_producer_id),
            MetadataRecord::Partition(r) => format!(" {} replicas {:?} isr {:?} leader {}", r.partition_id, r.replicas, r.isr, r.leader),
            MetadataRecord::PartitionChange(r) => {
                let mut says = format!(" {}", r.partition_id);
                for (name, ids) in [("isr", &r.isr), ("elr", &r.eligible_leader_replicas), ("last known", &r.last_known_elr)] {
                    says += &ids.as_ref().map_or_else(String::new, |ids| format!(" {name} {ids:?}"));
                }
                says += &(if r.leader == -2 { String::new() } else { format!(" leader {}", r.leader) });
                says + &(if r.leader_recovery_state < 0 { String::new() } else { format!(" recovery {}", r.leader_recovery_state) })
            }
            _ => String::new(),
        }
    }

    pub(crate) fn reply(id: RequestId, reply: &ControllerResponse) -> String {
        let says = match reply {
            ControllerResponse::BrokerRegistration(r) => format!("error {} epoch {}", r.error_code, r.broker_epoch),
            ControllerResponse::BrokerHeartbeat(r) => {
                format!("error {} caught up {} fenced {} shut down {}", r.error_code, r.is_caught_up, r.is_fenced, r.should_shut_down)
            }
            ControllerResponse::AllocateProducerIds(r) => {
                format!("error {} ids {}+{}", r.error_code, r.producer_id_start, r.producer_id_len)
            }
            ControllerResponse::CreateTopics(r) => {
                r.topics.iter().map(|t| format!("{} error {}", t.name, t.error_code)).collect::<Vec<_>>().join(", ")
            }
            ControllerResponse::DeleteTopics(r) => {
                let one = |t: &odradek_cluster::messages::delete_topics_response::DeletableTopicResult| {
                    format!("{} error {}", t.name.as_ref().map_or("-", |n| n.as_str()), t.error_code)
                };
                r.responses.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}").chars().take_while(|c| *c != '(').collect(),
        };
        format!("reply r{} {says}", id.0)
    }
}
