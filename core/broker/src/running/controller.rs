//! Requests to the controller and its answers. On a node that leads they are routed in memory; everywhere else they would go over a connection, and the
//! asker cannot tell.

use odradek_cluster::controller::{Controller, ControllerRequest, ControllerResponse, Decision, Refusal, RequestId, refuse};
use odradek_cluster::image::METADATA_VERSION;
use odradek_cluster::record::MetadataRecord;
use odradek_machine::{Now, reached};
use odradek_quorum::Refused;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{LeaderEpoch, Offset};

use super::{Event, Running};
use crate::io::{NotesOf, Outbox};
use crate::sessions::RequestKey;

/// Who asked the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A client, whose request was passed on.
    Client(RequestKey),
    /// A Metadata request that wants topics to be there.
    AutoCreate(RequestKey),
    /// This broker registers.
    Registration,
    /// This broker says that it is alive.
    Heartbeat,
    /// This node registers as a controller.
    ControllerRegistration,
    /// This broker needs a block of producer ids.
    ProducerIds,
    /// This broker says in which directories its replicas are.
    Directories,
}

impl Running {
    /// Asks the controller; the answer comes to whoever `asker` names.
    pub(crate) fn ask(&mut self, now: Now, asker: Asker, request: ControllerRequest, out: &mut Outbox) -> RequestId {
        self.asks += 1;
        let id = RequestId(self.asks);
        self.asked.insert(id, asker);
        if self.metadata.controller.is_some() {
            self.decide(now, id, request, out);
        } else {
            self.metadata.unsent.push_back((id, request));
        }
        id
    }

    /// The controller decides, the quorum appends, the reply waits for the commit.
    fn decide(&mut self, now: Now, id: RequestId, request: ControllerRequest, out: &mut Outbox) {
        let next = self.metadata.quorum.log_end();
        let controller = self.metadata.controller.as_mut().expect("only an active controller decides");
        let Decision { records, reply } = controller.decide(now, &request, next);
        let appended = if records.is_empty() { Ok(next) } else { self.append_records(now, &records, out) };
        let Some(controller) = self.metadata.controller.as_mut() else {
            return self.events.push_back(Event::Abandoned(id)); // the append ended the leadership
        };
        match appended {
            Ok(base) => controller.accepted(now, &records, base, Some((id, reply))),
            Err(refused) => {
                let why = Refusal::new(ErrorCode::UnknownServerError, refused.to_string());
                self.events.push_back(Event::Reply(id, refuse(&request, &why).reply));
            }
        }
        self.release_replies();
    }

    /// Appends records as one batch; gives the offset of the first.
    fn append_records(&mut self, now: Now, records: &[MetadataRecord], out: &mut Outbox) -> Result<Offset, Refused> {
        let finalized = |r: &MetadataRecord| match r {
            MetadataRecord::FeatureLevel(f) if f.name == METADATA_VERSION => Some(f.feature_level),
            _ => None,
        };
        let level = records.iter().find_map(finalized).unwrap_or_else(|| self.image().metadata_version());
        self.with_quorum(now, out, |quorum, said| quorum.append(now, level, records, said)).map(|appended| appended.base)
    }

    /// Lets the replies leave whose records are committed.
    pub(super) fn release_replies(&mut self) {
        let (Some(controller), Some(high_watermark)) = (&mut self.metadata.controller, self.metadata.quorum.high_watermark()) else {
            return;
        };
        let mut replies = Vec::new();
        controller.committed(high_watermark, &mut replies);
        self.events.extend(replies.into_iter().map(|(id, reply)| Event::Reply(id, reply)));
    }

    /// This node leads the quorum, and all that was written before is committed.
    pub(super) fn begin_controller(&mut self, now: Now, epoch: LeaderEpoch, out: &mut Outbox) {
        reached!(&mut NotesOf(out), "controller.elected", epoch.0, self.metadata.image_end.0);
        let seed = self.setup.seed.named("controller").number(epoch.0 as u64);
        let config = self.metadata.controller_config.clone();
        let controller = Controller::new(config, seed, self.image().clone(), self.metadata.quorum.log_end(), now);
        let bootstrap = std::mem::take(&mut self.metadata.bootstrap);
        let records = controller.activation(&bootstrap, self.metadata.loader.in_transaction());
        self.metadata.controller = Some(controller);
        self.append_by_itself(now, &records, out);
        self.load_partitions(now, out);
        let registration = self.membership.controller_registration(&self.setup);
        self.ask(now, Asker::ControllerRegistration, registration, out);
        for (id, request) in std::mem::take(&mut self.metadata.unsent) {
            self.decide(now, id, request, out);
        }
    }

    /// The leadership ended: what was not answered is asked again of the next leader.
    pub(super) fn end_controller(&mut self) {
        let Some(controller) = self.metadata.controller.take() else { return };
        self.events.extend(controller.resign().into_iter().map(Event::Abandoned));
    }

    /// What falls due in the controller by itself.
    pub(super) fn wake_controller(&mut self, now: Now, out: &mut Outbox) {
        while let Some(controller) = &mut self.metadata.controller {
            if controller.deadline().is_none_or(|d| d.at > now.mono) {
                break;
            }
            let records = controller.due(now);
            if records.is_empty() {
                break;
            }
            self.append_by_itself(now, &records, out);
        }
    }

    /// Appends records that nobody asked for.
    fn append_by_itself(&mut self, now: Now, records: &[MetadataRecord], out: &mut Outbox) {
        if records.is_empty() {
            return;
        }
        match (self.append_records(now, records, out), &mut self.metadata.controller) {
            (Ok(base), Some(controller)) => controller.accepted(now, records, base, None),
            (Ok(_), None) => {}
            (Err(refused), _) => self.fail(format!("the controller's own records were refused: {refused}"), out),
        }
    }

    /// The controller answered.
    pub(super) fn controller_said(&mut self, now: Now, id: RequestId, response: ControllerResponse, out: &mut Outbox) {
        match self.asked.remove(&id) {
            Some(Asker::Client(key)) => crate::handlers::forward::answered(self, now, key, response, out),
            Some(Asker::AutoCreate(key)) => crate::handlers::metadata::created(self, now, key, &response, out),
            Some(Asker::Registration | Asker::Heartbeat | Asker::ControllerRegistration) => self.membership_said(now, response, out),
            Some(Asker::ProducerIds) => crate::handlers::init_producer_id::block_came(self, now, &response, out),
            Some(Asker::Directories) => self.directories_assigned(now, &response, out),
            None => {}
        }
    }

    /// A request to a controller whose leadership ended: its asker decides.
    pub(super) fn abandoned(&mut self, now: Now, id: RequestId, out: &mut Outbox) {
        match self.asked.remove(&id) {
            Some(Asker::Client(key) | Asker::AutoCreate(key)) => self.expired(now, key, out),
            Some(Asker::ProducerIds) => self.membership.producer_ids.asked = false,
            Some(Asker::Directories) => {
                self.membership.directories.under_way = false;
                self.beat(now, false, out);
            }
            Some(Asker::Registration | Asker::Heartbeat | Asker::ControllerRegistration) | None => {}
        }
    }
}
