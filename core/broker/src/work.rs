//! Units of work: pure functions that a host runs on any thread, each over at most one open file.

use bytes::Bytes;
use odradek_cluster::config::CompressionType;
use odradek_cluster::record::MetadataRecord;
use odradek_log::disk::{DirId, FileId};
use odradek_log::work::{self, ReadAt};
use odradek_quorum::SnapshotId;
use odradek_quorum::snapshot::{self, SnapshotHeader};
use odradek_wire::batch::{BatchError, ProducerBatch};

use crate::recompress;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Work {
    /// Read in a file of a log directory: search a running log, scan one that is opened.
    Log {
        /// In which log directory.
        dir: DirId,
        /// What to do.
        what: work::Work,
    },
    /// Compress a producer's batch again, in the codec of its topic.
    Recompress {
        /// As it came.
        batch: Box<ProducerBatch>,
        /// What the topic wants.
        codec: CompressionType,
        /// Bytes that the records may have when decompressed.
        decoded_bytes_max: usize,
    },
    /// Encode a snapshot of the metadata.
    Snapshot(Box<SnapshotWork>),
}

/// A snapshot of the metadata that is to be encoded.
#[derive(Clone, Debug)]
pub struct SnapshotWork {
    /// Which.
    pub id: SnapshotId,
    /// The wall clock, for its batches.
    pub now_ms: i64,
    /// What it begins with.
    pub header: SnapshotHeader,
    /// The finalized `metadata.version`.
    pub level: i16,
    /// Its records.
    pub records: Vec<MetadataRecord>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum WorkResult {
    /// Of a [`Work::Log`].
    Log(work::WorkResult),
    /// Of a [`Work::Recompress`].
    Recompressed(Result<Box<ProducerBatch>, BatchError>),
    /// Of a [`Work::Snapshot`].
    Snapshot(Bytes),
}

impl Work {
    /// The open file that this reads; what was written before the work was submitted is what it sees.
    pub const fn file(&self) -> Option<(DirId, FileId)> {
        match self {
            Work::Log { dir, what } => Some((*dir, what.file())),
            Work::Recompress { .. } | Work::Snapshot(_) => None,
        }
    }

    /// Does it. `file` reads what [`Work::file`] names.
    ///
    /// # Panics
    /// If work on a file is run without it.
    pub fn run(self, file: Option<&mut dyn ReadAt>) -> WorkResult {
        match self {
            Work::Log { what, .. } => WorkResult::Log(work::run(what, file.expect("a host hands in the file that the work names"))),
            Work::Recompress { batch, codec, decoded_bytes_max } => {
                WorkResult::Recompressed(recompress::recompress(&batch, codec, decoded_bytes_max).map(Box::new))
            }
            Work::Snapshot(s) => WorkResult::Snapshot(snapshot::encode(s.id, s.now_ms, &s.header, s.level, &s.records)),
        }
    }
}
