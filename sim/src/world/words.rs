//! What happens, in the words of a trace: short, and with names where the machines have numbers.

use odradek_broker::io::Input;
use odradek_log::dir::ids::DirIds;
use odradek_log::disk::{DiskAction, FileId, OpId};

use crate::disk::Disk;
use crate::oracle::{Event, RecordId};

/// The number of an operation within its life and directory; those of the opening have a letter in front.
pub(super) fn op(op: OpId) -> String {
    let number = op.0 & ((1 << 40) - 1);
    if DirIds::is_opening(op) { format!("op o{number}") } else { format!("op {number}") }
}

/// What a node asks of its disk.
pub(super) fn action(disk: &Disk, action: &DiskAction) -> String {
    let called = |file: &FileId| disk.name_of(*file).map_or_else(|| format!("file {}", file.0 & ((1 << 28) - 1)), ToString::to_string);
    match action {
        DiskAction::Create { name, length: 0, .. } => format!("creates {name}"),
        DiskAction::Create { name, length, .. } => format!("creates {name} of {length} bytes"),
        DiskAction::Open { name, .. } => format!("opens {name}"),
        DiskAction::Close { file } => format!("closes {}", called(file)),
        DiskAction::Write { file, at, parts } => {
            format!("writes {} bytes at {at} of {}", parts.iter().map(bytes::Bytes::len).sum::<usize>(), called(file))
        }
        DiskAction::Read { file, at, length } => format!("reads {length} bytes at {at} of {}", called(file)),
        DiskAction::Sync { file } => format!("syncs {}", called(file)),
        DiskAction::Truncate { file, length } => format!("truncates {} to {length} bytes", called(file)),
        DiskAction::Rename { from, to } => format!("renames {from} to {to}"),
        DiskAction::Remove { name } => format!("removes {name}"),
        DiskAction::MakeDirectory { name } => format!("makes directory {name}"),
        DiskAction::SyncDirectory { name } => format!("syncs directory {}", if name.as_str().is_empty() { "." } else { name.as_str() }),
        DiskAction::List { name } => format!("lists directory {}", if name.as_str().is_empty() { "." } else { name.as_str() }),
        DiskAction::FreeSpace => "asks for free space".to_owned(),
        DiskAction::Lock { name } => format!("locks {name}"),
        DiskAction::Unlock { name } => format!("unlocks {name}"),
    }
}

/// What a node is told.
pub(super) fn input(input: &Input) -> String {
    match input {
        Input::Request { connection, frame_bytes, request: Ok(prepared) } => {
            format!("takes {:?} v{} of {frame_bytes} bytes on {}", prepared.header.api, prepared.header.version, connection.0)
        }
        Input::Request { connection, request: Err(error), .. } => format!("takes a request that is none on {}: {error}", connection.0),
        Input::Disk { op: id, result: Ok(_) } => format!("{} done", op(*id)),
        Input::Disk { op: id, result: Err(_) } => format!("hears that {} failed", op(*id)),
        Input::Opened { connection, peer, .. } => format!("accepts {} from {peer}", connection.0),
        Input::FrameAnnounced { connection, bytes } => format!("is announced a frame of {bytes} bytes on {}", connection.0),
        Input::Moved { connection } => format!("sees bytes move on {}", connection.0),
        Input::Flushed { connection } => format!("has sent an answer on {}", connection.0),
        Input::Closed { connection } => format!("hears that {} is closed", connection.0),
        Input::Work { work, .. } => format!("work {} done", work.0),
        Input::Wake => "wakes".to_owned(),
        Input::Stop => "is asked to stop".to_owned(),
        other => format!("{other:?}").chars().take(160).collect(),
    }
}

/// What an application did or saw, and which one, by its place in the plan.
pub(super) fn application(event: &Event<'_>) -> (Option<u16>, String) {
    let of = |record: &RecordId, says: String| (Some(record.client), format!("record {} {says}", record.op));
    match event {
        Event::Sent { record, to } if to.partition < 0 => of(record, format!("is sent to {}", to.topic)),
        Event::Sent { record, to } => of(record, format!("is sent to {to}")),
        Event::Acknowledged { record, at, offset: Some(offset) } => of(record, format!("is acknowledged at {at} offset {}", offset.0)),
        Event::Acknowledged { record, at, offset: None } => of(record, format!("counts as sent to {at}")),
        Event::GaveUp { record, certain: true, error } => of(record, format!("is given up, and certainly not written: {error}")),
        Event::GaveUp { record, certain: false, error } => of(record, format!("is given up, its outcome unknown: {error}")),
        Event::Read { client, at, offset, record } => {
            let whose = record.map_or_else(|| "somebody else's record".to_owned(), |record| format!("record {record}"));
            (Some(*client), format!("reads {whose} at {at} offset {}", offset.0))
        }
        Event::Moved { client, at, to } => (Some(*client), format!("goes on at {at} offset {}", to.0)),
        other => (None, format!("{other:?}")),
    }
}
