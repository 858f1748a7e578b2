//! Decisions and their errors, in the words of Apache Kafka 4.3.

mod brokers;
mod configs;
mod directories;
mod placement;
mod topics;

use odradek_machine::{Mono, Now, Seed, WallMs};
use odradek_wire::ids::{NodeId, Offset, Uuid};

use super::{Controller, ControllerConfig, ControllerRequest, ControllerResponse, RequestId, SUPPORTED_FEATURES, bootstrap_records};
use crate::config::StaticConfig;
use crate::image::Image;
use crate::messages::{
    BrokerHeartbeatRequestData, BrokerHeartbeatResponseData, BrokerRegistrationRequestData, BrokerRegistrationResponseData, ErrorCode,
    broker_registration_request, text,
};
use crate::record::MetadataRecord;

/// A controller whose every decision is appended and committed at once.
struct World {
    controller: Controller,
    next: Offset,
    now: Now,
    asked: u64,
}

impl World {
    /// A fresh cluster without brokers.
    fn empty() -> World {
        let config = ControllerConfig {
            cluster_id: "cluster".to_owned(),
            node: NodeId(0),
            defaults: StaticConfig::default(),
            broker_session_timeout_ms: 9000,
            metadata_max_idle_interval_ms: 500,
        };
        let now = Now { mono: Mono(0), wall: WallMs(0) };
        let controller = Controller::new(config, Seed(1), Image::new(), Offset(1), now);
        let mut world = World { controller, next: Offset(1), now, asked: 0 };
        let records = world.controller.activation(&bootstrap_records(), false);
        world.accept(&records, None);
        world
    }

    /// A cluster with these brokers, all unfenced.
    fn with_brokers(ids: &[i32]) -> World {
        let mut world = World::empty();
        for &id in ids {
            world.register(id);
            world.beat(id, |_| {});
        }
        world
    }

    fn ask(&mut self, request: &ControllerRequest) -> (Vec<MetadataRecord>, ControllerResponse) {
        let decision = self.controller.decide(self.now, request, self.next);
        self.asked += 1;
        self.accept(&decision.records, Some((RequestId(self.asked), decision.reply.clone())));
        (decision.records, decision.reply)
    }

    fn accept(&mut self, records: &[MetadataRecord], reply: Option<(RequestId, ControllerResponse)>) {
        self.controller.accepted(self.now, records, self.next, reply);
        self.next = self.next.plus(records.len() as i64);
        let mut replies = Vec::new();
        self.controller.committed(self.next, &mut replies);
        self.controller.check();
    }

    fn image(&self) -> &Image {
        self.controller.image()
    }

    fn register(&mut self, id: i32) -> BrokerRegistrationResponseData {
        self.register_with(&registration(id))
    }

    fn register_with(&mut self, r: &BrokerRegistrationRequestData) -> BrokerRegistrationResponseData {
        match self.ask(&ControllerRequest::BrokerRegistration(r.clone())).1 {
            ControllerResponse::BrokerRegistration(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// A heartbeat of a broker that has read everything.
    fn beat(&mut self, id: i32, change: impl FnOnce(&mut BrokerHeartbeatRequestData)) -> BrokerHeartbeatResponseData {
        let broker_epoch = self.image().broker(NodeId(id)).map_or(-1, |b| b.epoch.0);
        let mut request =
            BrokerHeartbeatRequestData { broker_id: id, broker_epoch, current_metadata_offset: self.next.0 - 1, ..Default::default() };
        change(&mut request);
        match self.ask(&ControllerRequest::BrokerHeartbeat(request)).1 {
            ControllerResponse::BrokerHeartbeat(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn advance_ms(&mut self, ms: u64) {
        self.now.mono = self.now.mono.plus_ms(ms);
    }
}

fn registration(id: i32) -> BrokerRegistrationRequestData {
    let feature = |f: &super::SupportedFeature| broker_registration_request::Feature {
        name: text(f.name),
        min_supported_version: f.min,
        max_supported_version: f.max,
        ..Default::default()
    };
    BrokerRegistrationRequestData {
        broker_id: id,
        cluster_id: text("cluster"),
        incarnation_id: uuid(1, id).into(),
        features: SUPPORTED_FEATURES.iter().map(feature).collect(),
        log_dirs: vec![uuid(2, id).into()],
        previous_broker_epoch: -1,
        ..Default::default()
    }
}

fn uuid(kind: u8, n: i32) -> Uuid {
    let mut id = [kind; 16];
    id[12..].copy_from_slice(&n.to_be_bytes());
    Uuid(id)
}

fn code(error: ErrorCode) -> i16 {
    error.code()
}
