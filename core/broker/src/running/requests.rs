//! Requests of clients from their turn to their answer.

use odradek_cluster::config::NodeView;
use odradek_log::disk::FileRange;
use odradek_log::output::{Answer, LookupId};
use odradek_machine::{Now, reached};
use odradek_wire::request::Request;
use odradek_wire::response::{self, Response};
use odradek_wire::scatter::ScatterList;

use super::Running;
use crate::handlers::{self, Ask, Pending, Reply};
use crate::io::{NotesOf, Outbox};
use crate::partition::PartitionId;
use crate::sessions::{ConnectionLimits, RequestKey, Started};

impl Running {
    /// A request's turn came.
    pub(super) fn begin_request(&mut self, now: Now, started: Started, out: &mut Outbox) {
        let Started { key, prepared } = started;
        let ask = Ask { key, version: prepared.header.version };
        if let Some(peer) = self.connections.peer_mut(key.connection) {
            peer.calls_itself(prepared.header.client_id.as_str());
        }
        let request: Request = prepared.request;
        let reply = handlers::handle(self, now, &ask, request, out);
        self.reply(now, key, reply, out);
    }

    /// Carries out what a handler said.
    pub(crate) fn reply(&mut self, now: Now, key: RequestKey, reply: Reply, out: &mut Outbox) {
        match reply {
            Reply::Now(response) => self.answer(now, key, &response, out),
            Reply::Frame(frame) => self.answer_frame(now, key, Some(frame), out),
            Reply::Silent => self.answer_frame(now, key, None, out),
            Reply::Later => {}
            Reply::Close(why) => {
                self.connections.close(key.connection, why, out);
                self.answer_frame(now, key, None, out);
            }
        }
    }

    /// Answers a request in the version in which it was asked.
    pub(crate) fn answer(&mut self, now: Now, key: RequestKey, response: &Response, out: &mut Outbox) {
        let Some(header) = self.connections.header(key) else { return };
        match response::encode::<FileRange>(header.version, header.correlation, response) {
            Ok(frame) => self.answer_frame(now, key, Some(frame), out),
            Err(error) => {
                reached!(&mut NotesOf(out), "response.not_encoded");
                self.reply(
                    now,
                    key,
                    Reply::Close(format!("an answer to {} cannot be said in version {}: {error}", header.api, header.version)),
                    out,
                );
            }
        }
    }

    fn answer_frame(&mut self, now: Now, key: RequestKey, frame: Option<ScatterList<FileRange>>, out: &mut Outbox) {
        self.pending.remove(&key);
        self.purgatory.remove(key);
        if self.connections.header(key).is_some() {
            self.connections.answer(now.mono, key, frame, out);
        }
    }

    /// Connections follow what the image says of their limits.
    pub(super) fn limit_connections(&mut self, now: Now, out: &mut Outbox) {
        let view = NodeView::of(self.metadata.image(), self.setup.node, &self.setup.config);
        self.connections.set_limits(now.mono, ConnectionLimits::of(&view, &self.setup.hosts), out);
    }

    /// Nobody waits for a request any more.
    pub(crate) fn abandon(&mut self, key: RequestKey) {
        self.pending.remove(&key);
        self.purgatory.remove(key);
    }

    /// A log answered a question that had to go to the disk.
    pub(super) fn looked_up(&mut self, now: Now, partition: PartitionId, lookup: LookupId, answer: &Answer, out: &mut Outbox) {
        for key in self.lookups.remove(&(partition, lookup)).unwrap_or_default() {
            match self.pending.get(&key) {
                Some(Pending::Fetch(_)) => handlers::fetch::looked_up(self, now, key, partition, lookup, answer, out),
                Some(Pending::ListOffsets(_)) => handlers::list_offsets::looked_up(self, now, key, partition, lookup, answer, out),
                _ => {} // its connection is gone
            }
        }
    }

    /// The time of a parked request is over.
    pub(super) fn expired(&mut self, now: Now, key: RequestKey, out: &mut Outbox) {
        match self.pending.get(&key) {
            Some(Pending::Fetch(_)) => handlers::fetch::expired(self, now, key, out),
            Some(Pending::Produce(_)) => handlers::produce::expired(self, now, key, out),
            Some(Pending::DeleteRecords(_)) => handlers::delete_records::expired(self, now, key, out),
            Some(Pending::Forwarded(_)) => handlers::forward::expired(self, now, key, out),
            Some(Pending::Metadata(_)) => handlers::metadata::expired(self, now, key, out),
            Some(Pending::Made(_)) => handlers::made::expired(self, now, key, out),
            Some(Pending::ListOffsets(_) | Pending::InitProducerId(_)) | None => {}
        }
    }

    /// The committed image moved.
    pub(super) fn image_moved(&mut self, now: Now, out: &mut Outbox) {
        self.membership_looks(now, out);
    }
}
