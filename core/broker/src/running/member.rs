//! The broker registers, says that it is alive, and begins to listen when the committed image shows it unfenced.

use odradek_cluster::controller::ControllerResponse;
use odradek_machine::{Note, Now, reached};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{BrokerEpoch, Uuid};

use super::{Asker, Running, Stopping};
use crate::io::{NotesOf, Outbox, Output};
use crate::membership::Standing;

impl Running {
    /// Asks the controller for a broker epoch.
    pub(super) fn register(&mut self, now: Now, out: &mut Outbox) {
        self.membership.standing = Standing::Registering;
        let log_dirs: Vec<Uuid> = self.storage.log_dirs().filter(|d| !d.dir.is_out_of_service()).map(|d| d.id).collect();
        let request = self.membership.registration(&self.setup, &self.cluster_id, &log_dirs);
        self.ask(now, Asker::Registration, request, out);
    }

    /// The controller answered a registration or a heartbeat.
    pub(super) fn membership_said(&mut self, now: Now, response: ControllerResponse, out: &mut Outbox) {
        match response {
            ControllerResponse::BrokerRegistration(r) => self.registered(now, r.error_code, BrokerEpoch(r.broker_epoch), out),
            ControllerResponse::BrokerHeartbeat(r) => {
                self.membership.heartbeat_under_way = false;
                match ErrorCode::from_code(r.error_code) {
                    ErrorCode::None => self.beat_again(now),
                    ErrorCode::StaleBrokerEpoch | ErrorCode::BrokerIdNotRegistered => return self.register(now, out),
                    _ => self.membership.beat_later(now.mono),
                }
                if r.should_shut_down {
                    self.may_shut_down(now, out);
                } else if r.error_code == 0 && !r.is_fenced {
                    self.membership_looks(now, out);
                }
            }
            ControllerResponse::ControllerRegistration(r) if r.error_code != 0 => {
                let says = format!("the controller's registration was refused: {}", ErrorCode::from_code(r.error_code));
                out.push(Output::Note(Note::mark("controller.registration_refused").says(says)));
            }
            _ => {}
        }
    }

    /// A controlled shutdown is seldom granted by the first heartbeat and often by one soon after, so that asks sooner than the interval says.
    fn beat_again(&mut self, now: Now) {
        match self.stopping.as_mut().and_then(Stopping::asks_soon) {
            Some(after_ms) => self.membership.beat_at(now.mono.plus_ms(after_ms)),
            None => self.membership.beat_later(now.mono),
        }
    }

    fn registered(&mut self, now: Now, error: i16, epoch: BrokerEpoch, out: &mut Outbox) {
        match ErrorCode::from_code(error) {
            ErrorCode::None => {
                self.membership.standing = Standing::Fenced(epoch);
                reached!(&mut NotesOf(out), "broker.registered", epoch.0, 0);
                if !self.assign_directories(now, out) {
                    self.beat(now, false, out);
                }
            }
            ErrorCode::NotController | ErrorCode::DuplicateBrokerRegistration => {
                // The session of the life before is still alive: ask again when it may have ended.
                self.membership.beat_later(now.mono);
            }
            refused => self.fail(format!("the broker's registration was refused: {refused}"), out),
        }
    }

    /// Says that this broker is alive.
    pub(super) fn beat(&mut self, now: Now, want_shut_down: bool, out: &mut Outbox) {
        let failed = self.storage.log_dirs().filter(|d| d.dir.is_out_of_service()).map(|d| d.id);
        if let Some(request) = self.membership.heartbeat(&self.setup, self.metadata.image_end, want_shut_down, failed) {
            self.membership.heartbeat_under_way = true;
            self.ask(now, Asker::Heartbeat, request, out);
        }
    }

    pub(super) fn membership_wake(&mut self, now: Now, out: &mut Outbox) {
        if self.membership.is_due(now.mono) {
            match self.membership.standing {
                Standing::Registering => self.register(now, out),
                Standing::Fenced(_) | Standing::Active(_) => {
                    self.tell_directories(now, out);
                    self.beat(now, self.stopping.is_some(), out);
                }
                Standing::Loading => {}
            }
        }
    }

    /// Looks at what the committed image says of this broker.
    pub(super) fn membership_looks(&mut self, now: Now, out: &mut Outbox) {
        let Some(epoch) = self.membership.epoch() else { return };
        let me = self.me();
        let Some(fenced) = self.image().broker(me).filter(|b| b.epoch == epoch).map(|b| b.fenced) else { return };
        match (self.membership.standing, fenced) {
            (Standing::Fenced(epoch), false) => {
                self.membership.standing = Standing::Active(epoch);
                reached!(&mut NotesOf(out), "broker.unfenced", epoch.0, 0);
                if !std::mem::replace(&mut self.listening, true) {
                    out.push(Output::Listen);
                    self.connections.admit(now.mono, out);
                }
            }
            (Standing::Active(epoch), true) => {
                self.membership.standing = Standing::Fenced(epoch);
                reached!(&mut NotesOf(out), "broker.fenced", epoch.0, 0);
            }
            // Fenced, and the image has moved: the controller unfences who caught up, so say how far this broker is.
            (Standing::Fenced(_), true) if !self.membership.heartbeat_under_way => self.membership.beat_at(now.mono),
            _ => {}
        }
    }
}
