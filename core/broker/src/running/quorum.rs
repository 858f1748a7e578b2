//! The quorum's outputs carried out, its log read at the start, its commits brought into the image.

use bytes::{Bytes, BytesMut};
use odradek_log::disk::{DiskAction, DiskDone, Name};
use odradek_log::log::incoming::Incoming;
use odradek_log::log::{AppendError, Log};
use odradek_log::output::{Input as LogInput, Output as LogOutput, Request};
use odradek_machine::{Note, Now};
use odradek_quorum::{CommittedBatch, Input, Output as QuorumOutput, SnapshotId};
use odradek_wire::batch::ReplicaBatch;
use odradek_wire::ids::Offset;

use super::{Event, Running, Stopping};
use crate::io::{Outbox, Output};
use crate::metadata::{QuorumFile, Unread};
use crate::storage::{Holder, WorkOwner};
use crate::work::{SnapshotWork, Work};

/// Directory of the metadata log.
pub(crate) const METADATA_DIRECTORY: &str = "__cluster_metadata-0";
/// Bytes of the metadata log that are read at once at the start.
const LOAD_BYTES: u64 = 1 << 20;

impl Running {
    /// Does something with the metadata log and tells the quorum how far it is synced.
    pub(super) fn with_metadata_log<T>(&mut self, now: Now, out: &mut Outbox, f: impl FnOnce(&mut Log, &mut Vec<LogOutput>) -> T) -> T {
        let mut said = Vec::new();
        let result = f(&mut self.metadata.log, &mut said);
        let (owner, dir) = (self.metadata.log_owner, self.metadata.dir);
        self.carry_log(now, owner, dir, Holder::MetadataLog, said, out);
        let synced = self.metadata.log.synced_end();
        if self.metadata.unread.is_empty() && synced > self.metadata.told_synced {
            self.metadata.told_synced = synced;
            self.with_quorum(now, out, |quorum, said| quorum.step(now, Input::Synced { end: synced }, said));
        }
        result
    }

    /// Does something with the quorum and carries out what it says.
    pub(super) fn with_quorum<T>(
        &mut self,
        now: Now,
        out: &mut Outbox,
        f: impl FnOnce(&mut odradek_quorum::Quorum, &mut Vec<QuorumOutput>) -> T,
    ) -> T {
        let mut said = Vec::new();
        let result = f(&mut self.metadata.quorum, &mut said);
        for output in said {
            self.quorum_said(now, output, out);
        }
        result
    }

    /// Carries out what the quorum said when it was opened.
    pub(super) fn quorum_begins(&mut self, now: Now, said: Vec<QuorumOutput>, out: &mut Outbox) {
        for output in said {
            self.quorum_said(now, output, out);
        }
    }

    fn quorum_said(&mut self, now: Now, output: QuorumOutput, out: &mut Outbox) {
        match output {
            QuorumOutput::StoreState { content } => self.replace(now, QuorumFile::State, "quorum-state", content, out),
            QuorumOutput::StoreSnapshot { id, content } => self.replace(now, QuorumFile::Snapshot(id), &id.file_name(), content, out),
            QuorumOutput::RemoveSnapshot { id } => {
                let name = Name::from(METADATA_DIRECTORY).join(&id.file_name());
                self.quorum_disk(now, QuorumFile::Removal, DiskAction::Remove { name }, out);
            }
            QuorumOutput::Append { batch } => self.append_metadata(now, batch, out),
            QuorumOutput::RestartLog { at } => {
                self.with_metadata_log(now, out, |log, said| log.truncate_fully_and_start_at(now, at, said));
            }
            QuorumOutput::HighWatermark { to } => self.metadata_high_watermark(now, to, out),
            QuorumOutput::Restart { records, id } => {
                self.metadata.image_end = id.end;
                self.apply(now, &records, out);
            }
            QuorumOutput::Committed(batch) => self.committed(now, &batch, out),
            QuorumOutput::Leading { epoch } => self.begin_controller(now, epoch, out),
            QuorumOutput::Resigned { .. } => self.end_controller(),
            QuorumOutput::SnapshotDue { id, header } => {
                let (level, records) = (self.image().metadata_version(), self.image().to_records());
                let work = self.storage.begin_work(WorkOwner::Snapshot(id));
                out.push(Output::Work {
                    work,
                    what: Work::Snapshot(Box::new(SnapshotWork { id, now_ms: now.wall.0, header, level, records })),
                });
            }
            QuorumOutput::AdvanceLogStart { to } => {
                if let Err(error) = self.with_metadata_log(now, out, |log, said| log.delete_records_before(now, to, said)) {
                    out.push(Output::Note(Note::mark("metadata.log_start_kept").says(error.to_string())));
                }
            }
            QuorumOutput::Note(note) => out.push(Output::Note(note)),
        }
    }

    fn append_metadata(&mut self, now: Now, batch: ReplicaBatch, out: &mut Outbox) {
        let (base, end) = (batch.header().base_offset, batch.header().next_offset());
        let incoming = Incoming::replicated(batch).expect("the quorum builds batches that can be read");
        let appended = self.with_metadata_log(now, out, |log, said| log.append_as_follower(now, incoming, said));
        match appended {
            Ok(appended) => assert_eq!((appended.base, appended.end), (base, end), "the metadata log and the quorum disagree on offsets"),
            // It is being closed: what the quorum still says is said to nobody, and was promised to nobody.
            Err(AppendError::Busy) if self.stopping.as_ref().is_some_and(Stopping::closes_the_metadata_log) => {}
            Err(error) => self.fail(format!("the metadata log takes no appends: {error}"), out),
        }
    }

    /// A snapshot that was due is encoded.
    pub(super) fn snapshot_encoded(&mut self, now: Now, id: SnapshotId, content: Bytes, out: &mut Outbox) {
        self.with_quorum(now, out, |quorum, said| quorum.store_snapshot(id, content, said));
    }

    fn replace(&mut self, now: Now, what: QuorumFile, name: &str, bytes: Bytes, out: &mut Outbox) {
        let token = self.metadata.begin(what);
        let name = Name::from(METADATA_DIRECTORY).join(name);
        let (owner, dir) = (self.metadata.files_owner, self.metadata.dir);
        self.request_dir(now, owner, dir, Request::Replace { token, name, bytes }, out);
    }

    fn quorum_disk(&mut self, now: Now, what: QuorumFile, action: DiskAction, out: &mut Outbox) {
        let token = self.metadata.begin(what);
        let (owner, dir) = (self.metadata.files_owner, self.metadata.dir);
        self.request_dir(now, owner, dir, Request::Disk { token, action }, out);
    }

    /// A file operation of the quorum finished.
    pub(super) fn quorum_file_done(&mut self, now: Now, input: LogInput, out: &mut Outbox) {
        let LogInput::Disk { token, result } = input else {
            if input == LogInput::OutOfService {
                self.with_quorum(now, out, |quorum, said| quorum.step(now, Input::DirectoryFailed, said));
            }
            return;
        };
        let Some(what) = self.metadata.end(token) else { return };
        match (what, result) {
            (QuorumFile::State, Ok(_)) => self.with_quorum(now, out, |quorum, said| quorum.step(now, Input::StateStored, said)),
            (QuorumFile::Snapshot(id), Ok(_)) => {
                self.with_quorum(now, out, |quorum, said| quorum.step(now, Input::SnapshotStored { id }, said));
            }
            (QuorumFile::Load, Ok(DiskDone::Read(bytes))) => self.loaded(now, bytes, out),
            (QuorumFile::Load, Ok(other)) => unreachable!("a read completed with {other:?}"),
            (QuorumFile::Removal, _) => {}
            (_, Err(error)) => self.fail(format!("the metadata log's directory failed: {error}"), out),
        }
    }

    /// Reads the next part of the metadata log, or starts the quorum when all is read.
    pub(crate) fn load_on(&mut self, now: Now, out: &mut Outbox) {
        let Some(&Unread { file, at, end }) = self.metadata.unread.front() else {
            if !self.metadata.partial.is_empty() {
                let bytes = self.metadata.partial.len();
                self.fail(format!("the metadata log ends in {bytes} bytes that are no batch"), out);
                return;
            }
            match self.with_quorum(now, out, |quorum, said| quorum.start(now, said)) {
                Ok(()) => self.with_metadata_log(now, out, |_, _| ()),
                Err(error) => self.fail(error.to_string(), out),
            }
            return;
        };
        if at >= end {
            self.metadata.unread.pop_front();
            return self.load_on(now, out);
        }
        self.quorum_disk(now, QuorumFile::Load, DiskAction::Read { file, at, length: LOAD_BYTES.min(end - at) }, out);
    }

    fn loaded(&mut self, now: Now, bytes: Bytes, out: &mut Outbox) {
        let part = self.metadata.unread.front_mut().expect("only an unread part is read");
        if bytes.is_empty() {
            let at = part.at;
            self.fail(format!("the metadata log ends at byte {at}, before its length"), out);
            return;
        }
        part.at += bytes.len() as u64;
        let mut all = BytesMut::with_capacity(self.metadata.partial.len() + bytes.len());
        all.extend_from_slice(&self.metadata.partial);
        all.extend_from_slice(&bytes);
        let mut all = all.freeze();
        let whole = whole_batches(&all);
        let batches = all.split_to(whole);
        self.metadata.partial = all;
        if let Err(error) = self.metadata.quorum.load(batches) {
            self.fail(error.to_string(), out);
            return;
        }
        self.load_on(now, out);
    }

    fn committed(&mut self, now: Now, batch: &CommittedBatch, out: &mut Outbox) {
        self.metadata.image_end = batch.end;
        self.apply(now, &batch.records, out);
        self.events.push_back(Event::ImageMoved);
    }

    fn metadata_high_watermark(&mut self, now: Now, to: Offset, out: &mut Outbox) {
        let mut said = Vec::new();
        self.metadata.log.set_high_watermark(to, &mut said);
        let (owner, dir) = (self.metadata.log_owner, self.metadata.dir);
        self.carry_log(now, owner, dir, Holder::MetadataLog, said, out);
        self.release_replies();
    }
}

/// Bytes of the whole batches that `bytes` begins with.
fn whole_batches(bytes: &[u8]) -> usize {
    const OVERHEAD_BYTES: usize = 12;
    let mut at = 0;
    while let Some(length) = bytes.get(at + 8..at + OVERHEAD_BYTES) {
        let length = u32::from_be_bytes(length.try_into().expect("four bytes were taken")) as usize;
        match at.checked_add(OVERHEAD_BYTES + length) {
            Some(next) if next <= bytes.len() => at = next,
            _ => break,
        }
    }
    at
}
