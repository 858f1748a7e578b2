//! What stands at a position of a segment: a batch whose front fits, or why there is none.

use bytes::Bytes;
use odradek_machine::{Guards, guard};
use odradek_wire::batch::{BatchError, BatchHeader, Crc32, HEADER_BYTES, LOG_OVERHEAD_BYTES, crc32c_extend};
use odradek_wire::control::ControlRecord;
use odradek_wire::ids::Offset;

use super::scan::Fault;
use super::window::Window;
use crate::disk::DiskError;
use crate::log::incoming::{Control, Incoming};

/// The bytes up to and with the magic: with fewer, a reader of a log sees nothing.
const MAGIC_END: u64 = 17;
/// Below this length field a reader of a log stops with an error: Kafka's smallest record of any format.
const LENGTH_MIN: i32 = 14;
/// A marker is a batch of 78 bytes; room for what later versions may add.
const MARKER_BYTES_MAX: u64 = 16 << 10;

/// Where a batch has its length field.
const LENGTH_AT: usize = 8;
/// Where formats 0 and 1 have their checksum.
const OLD_CRC_AT: usize = 12;
/// Where format 2 has its checksum.
const CRC_AT: usize = 17;
/// Where in a batch of format 2 the bytes begin that its checksum covers.
const SUMMED_FROM: u64 = 21;

/// What stands at a position.
pub(super) enum Front {
    /// The end.
    End,
    /// No whole batch.
    Fault(Fault),
    /// A batch that lies in the file whole, by its length; nothing else was looked at.
    Batch(BatchHeader),
}

/// Looks at `at`.
pub(super) fn look(window: &mut Window<'_>, at: u64) -> Result<Front, DiskError> {
    let have = window.end.saturating_sub(at);
    if have == 0 {
        return Ok(Front::End);
    }
    let bytes = window.get(at, HEADER_BYTES as u64)?;
    if have < MAGIC_END || (bytes.len() as u64) < MAGIC_END {
        return Ok(Front::Fault(Fault::Incomplete { have, need: HEADER_BYTES as u64 }));
    }
    let length = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if length < LENGTH_MIN {
        return Ok(Front::Fault(Fault::Batch(BatchError::Length { found: length })));
    }
    let need = LOG_OVERHEAD_BYTES as u64 + u64::from(length.unsigned_abs());
    if have < need {
        return Ok(Front::Fault(Fault::Incomplete { have, need }));
    }
    Ok(match BatchHeader::parse(&bytes) {
        Ok(header) => Front::Batch(header),
        Err(error) => Front::Fault(Fault::Batch(error)),
    })
}

/// What a batch is that cannot be read here although it is whole by its own length and checksum.
///
/// Formats 0 and 1 have a CRC-32 of everything from the magic on; a later one is taken to keep its checksum where format 2 has it.
pub(super) fn unserved(fault: &Fault, at: u64, window: &mut Window<'_>) -> Result<Option<String>, DiskError> {
    let Fault::Batch(BatchError::Magic { found }) = fault else { return Ok(None) };
    let front = window.get(at, HEADER_BYTES as u64)?;
    let number = |i: usize| front.get(i..i + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let end = at + LOG_OVERHEAD_BYTES as u64 + u64::from(number(LENGTH_AT));
    let whole = match found {
        0 | 1 => {
            let mut crc = Crc32::new();
            window.pieces(at + MAGIC_END - 1, end, |piece| crc.update(piece))?;
            crc.sum() == number(OLD_CRC_AT)
        }
        _ => {
            let mut crc = 0;
            window.pieces(at + SUMMED_FROM, end, |piece| crc = crc32c_extend(crc, piece))?;
            crc == number(CRC_AT)
        }
    };
    Ok(whole.then(|| match found {
        0 | 1 => format!("message format {found}, which is not served here; Apache Kafka up to 4.3 reads it, and a topic that is copied there is rewritten in format 2"),
        _ => format!("message format {found}, which is not known here"),
    }))
}

/// Whether counts and offsets of a header fit each other and the log so far.
pub(super) fn fits(header: &BatchHeader, segment: Offset, next: Offset) -> Result<(), Fault> {
    let BatchHeader { base_offset, last_offset_delta, record_count: count, .. } = *header;
    if count < 0 {
        return Err(Fault::Batch(BatchError::Count { found: count }));
    }
    if last_offset_delta < 0 || count > last_offset_delta.saturating_add(1) {
        return Err(Fault::Batch(BatchError::LastOffsetDelta { last_offset_delta, count }));
    }
    let in_segment = base_offset >= segment
        && header.base_offset.0 < i64::MAX - i64::from(i32::MAX)
        && header.last_offset().since(segment) <= i64::from(i32::MAX);
    if base_offset < next || !in_segment {
        return Err(Fault::Offsets { base: base_offset, last_offset_delta, next });
    }
    Ok(())
}

/// Why a batch that lies in the file whole cannot be believed, if so. `segment` is the base offset of its segment, `next` the least that its own may be.
pub(super) fn judge(
    header: &BatchHeader,
    at: u64,
    (segment, next): (Offset, Offset),
    guards: Guards,
    window: &mut Window<'_>,
) -> Result<Option<Fault>, DiskError> {
    let computed = checksum(header, at, window)?;
    if !guard!(guards, TORN_TAIL, computed == header.crc) {
        return Ok(Some(Fault::Batch(BatchError::Checksum { stored: header.crc, computed })));
    }
    // The offset lies outside the checksum; all else was written so.
    Ok(match fits(header, segment, next) {
        Ok(()) => None,
        Err(Fault::Batch(error)) => Some(Fault::Unserved(format!("a whole batch that no system of today writes: {error}"))),
        Err(other) => Some(other),
    })
}

/// True if the batch behind this one is whole, and follows from what lies before this one: then it is this one whose offset, which lies outside its checksum, is
/// another than it was.
pub(super) fn is_overtaken(
    header: &BatchHeader,
    at: u64,
    (segment, next): (Offset, Offset),
    guards: Guards,
    window: &mut Window<'_>,
) -> Result<bool, DiskError> {
    if header.base_offset <= next {
        return Ok(false);
    }
    let at = at + header.size_bytes() as u64;
    let Front::Batch(behind) = look(window, at)? else { return Ok(false) };
    Ok(behind.base_offset < header.next_offset() && judge(&behind, at, (segment, next), guards, window)?.is_none())
}

/// The checksum of a batch.
pub(super) fn checksum(header: &BatchHeader, at: u64, window: &mut Window<'_>) -> Result<u32, DiskError> {
    let mut crc = 0;
    window.pieces(at + SUMMED_FROM, at + header.size_bytes() as u64, |piece| crc = crc32c_extend(crc, piece))?;
    Ok(crc)
}

/// A batch of a log as a replay of producer state takes it; its bytes are only read where it is a transaction marker.
pub(super) fn for_replay(header: &BatchHeader, at: u64, window: &mut Window<'_>) -> Result<Incoming, DiskError> {
    let control = if header.attributes.is_control() {
        let size = header.size_bytes() as u64;
        let is_marker = header.producer_id >= 0 && size <= MARKER_BYTES_MAX;
        Some(if is_marker { marker(window.get(at, size)?) } else { Control::Raft })
    } else {
        None
    };
    Ok(Incoming::header(header, control))
}

/// What a control batch of a producer says; nothing, where it cannot be read: it was checked when it was appended.
fn marker(batch: Bytes) -> Control {
    let first = odradek_wire::batch::Batches::new(batch).next().and_then(Result::ok);
    let record = first.and_then(|b| b.records(MARKER_BYTES_MAX as usize).ok()).and_then(|mut records| records.next()).and_then(Result::ok);
    match record.map(|record| ControlRecord::decode(&record)) {
        Some(Ok(ControlRecord::Abort { coordinator_epoch })) => Control::Abort { coordinator_epoch },
        Some(Ok(ControlRecord::Commit { coordinator_epoch })) => Control::Commit { coordinator_epoch },
        _ => Control::Raft,
    }
}
