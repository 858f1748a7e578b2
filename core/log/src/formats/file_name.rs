//! Names of the files in a partition's directory.

use odradek_wire::ids::{LeaderEpoch, Offset};

/// What a file named after an offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Record batches.
    Log,
    /// Offset index.
    Index,
    /// Time index.
    TimeIndex,
    /// Aborted transactions.
    TxnIndex,
    /// Producer state up to the offset.
    Snapshot,
    /// Metadata snapshot up to the offset, with the epoch of its last record (KIP-630).
    Checkpoint(LeaderEpoch),
}

/// What is to become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing: it is in use.
    None,
    /// `.deleted`: awaits its deletion.
    Deleted,
    /// `.cleaned`: output of a compaction that did not end.
    Cleaned,
    /// `.swap`: output of a compaction that is complete, to take the place of its sources.
    Swap,
    /// `.part`: a metadata snapshot that was not completed.
    Part,
}

/// The name of a file in a partition's directory, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// The base offset of a segment, or the end of a snapshot (exclusive).
    pub offset: Offset,
    /// What it holds.
    pub kind: Kind,
    /// What is to become of it.
    pub mark: Mark,
}

/// The files of a segment, in the order in which they are renamed and removed.
pub const SEGMENT_KINDS: [Kind; 4] = [Kind::Log, Kind::Index, Kind::TimeIndex, Kind::TxnIndex];
/// When each leader epoch began.
pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// Which topic a partition's directory belongs to.
pub const PARTITION_METADATA: &str = "partition.metadata";
/// The election state beside the metadata log.
pub const QUORUM_STATE: &str = "quorum-state";

impl Kind {
    /// The end of the name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Kind::Log => "log",
            Kind::Index => "index",
            Kind::TimeIndex => "timeindex",
            Kind::TxnIndex => "txnindex",
            Kind::Snapshot => "snapshot",
            Kind::Checkpoint(_) => "checkpoint",
        }
    }
}

impl FileName {
    /// The name of a file in use.
    pub fn of(kind: Kind, offset: Offset) -> String {
        match kind {
            Kind::Checkpoint(epoch) => format!("{:020}-{:010}.checkpoint", offset.0, epoch.0),
            kind => format!("{:020}.{}", offset.0, kind.extension()),
        }
    }

    /// The name in parts; `None` for a file that is not named after an offset.
    pub fn parse(name: &str) -> Option<FileName> {
        let (rest, mark) = [(".deleted", Mark::Deleted), (".cleaned", Mark::Cleaned), (".swap", Mark::Swap), (".part", Mark::Part)]
            .into_iter()
            .find_map(|(suffix, mark)| name.strip_suffix(suffix).map(|rest| (rest, mark)))
            .unwrap_or((name, Mark::None));
        let (number, extension) = rest.split_once('.')?;
        let offset = Offset(digits(number.get(..20)?, 20)?);
        let kind = match (extension, &number[20..]) {
            ("log", "") => Kind::Log,
            ("index", "") => Kind::Index,
            ("timeindex", "") => Kind::TimeIndex,
            ("txnindex", "") => Kind::TxnIndex,
            ("snapshot", "") => Kind::Snapshot,
            ("checkpoint", epoch) => Kind::Checkpoint(parse_epoch(epoch, mark)?),
            _ => return None,
        };
        Some(FileName { offset, kind, mark })
    }
}

/// `-EEEEEEEEEE`, and for an incomplete snapshot something random behind it.
fn parse_epoch(text: &str, mark: Mark) -> Option<LeaderEpoch> {
    let text = text.strip_prefix('-')?;
    let (epoch, rest) = (text.get(..10)?, &text[10..]);
    let complete = rest.is_empty() || (mark == Mark::Part && rest.starts_with('-'));
    complete.then(|| digits(epoch, 10)).flatten().and_then(|n| i32::try_from(n).ok()).map(LeaderEpoch)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
