//! The LZ4 frame format, as far as Kafka reads it: version 1, independent blocks, no dictionary, one frame. The framing is ours, so that no block reserves
//! more than its bytes could become.

use super::xxh32::xxh32;
use super::{Codec, CodecError, Output};

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// Version 1, independent blocks: what Kafka's Java side writes.
const FLAGS: u8 = 0x60;
/// Blocks of 64 KiB: what Kafka's Java side writes.
const BLOCK_DESCRIPTOR: u8 = 0x40;
const BLOCK_BYTES: usize = 64 * 1024;
/// Set in a block's length when its bytes are stored as they are.
const STORED: u32 = 1 << 31;
/// One byte of a match length stands for 255 bytes: no honest block grows more.
const GROWTH_MAX: usize = 255;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut frame = MAGIC.to_vec();
    frame.extend_from_slice(&[FLAGS, BLOCK_DESCRIPTOR, header_checksum(&[FLAGS, BLOCK_DESCRIPTOR])]);
    let mut block = vec![0; lz4_flex::block::get_maximum_output_size(BLOCK_BYTES.min(bytes.len()))];
    for chunk in bytes.chunks(BLOCK_BYTES) {
        let len = lz4_flex::block::compress_into(chunk, &mut block).expect("a block has room for its worst case");
        let (length, packed) = if len < chunk.len() { (len as u32, &block[..len]) } else { (chunk.len() as u32 | STORED, chunk) };
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(packed);
    }
    frame.extend_from_slice(&0u32.to_le_bytes());
    frame
}

pub(super) fn decompress(bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = Output::new(Codec::Lz4, limit_bytes);
    let mut frame = Reader { rest: bytes };
    let header = FrameHeader::read(&mut frame).map_err(|what| out.corrupt(what))?;
    loop {
        let length = u32::from_le_bytes(*frame.chunk().map_err(|what| out.corrupt(what))?);
        let stored = length & STORED != 0;
        let length = (length & !STORED) as usize;
        if length == 0 {
            // The checksum of the content is read over, as in Kafka: the batch has its own.
            return if header.content_checksum { frame.chunk::<4>().map(|_| out.bytes).map_err(cut_short) } else { Ok(out.bytes) };
        }
        if length > header.block_bytes_max {
            return Err(out.corrupt("a block above the frame's maximum"));
        }
        let block = frame.take(length).map_err(|what| out.corrupt(what))?;
        if header.block_checksums && xxh32(block) != u32::from_le_bytes(*frame.chunk().map_err(|what| out.corrupt(what))?) {
            return Err(out.corrupt("block checksum"));
        }
        read_block(block, stored, header.block_bytes_max, &mut out)?;
    }
}

fn cut_short(what: &'static str) -> CodecError {
    CodecError::Corrupt { codec: Codec::Lz4, what }
}

fn read_block(block: &[u8], stored: bool, block_bytes_max: usize, out: &mut Output) -> Result<(), CodecError> {
    if stored {
        out.room(block.len())?.copy_from_slice(block);
        return Ok(());
    }
    let start = out.bytes.len();
    let most = block_bytes_max.min(block.len().saturating_mul(GROWTH_MAX));
    let allowed = most.min(out.limit_bytes - start);
    let room = out.room(allowed)?;
    match lz4_flex::block::decompress_into(block, room) {
        Ok(len) => {
            out.bytes.truncate(start + len);
            Ok(())
        }
        Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if allowed < most => {
            Err(CodecError::Limit { codec: Codec::Lz4, limit_bytes: out.limit_bytes })
        }
        Err(_) => Err(out.corrupt("broken block")),
    }
}

struct FrameHeader {
    block_bytes_max: usize,
    block_checksums: bool,
    content_checksum: bool,
}

impl FrameHeader {
    fn read(frame: &mut Reader<'_>) -> Result<FrameHeader, &'static str> {
        if *frame.chunk()? != MAGIC {
            return Err("not a frame");
        }
        let descriptor = frame.rest;
        let [flags, block] = *frame.chunk()?;
        if flags & 0xc0 != 0x40 {
            return Err("version of the frame");
        }
        if flags & 0x20 == 0 {
            return Err("blocks that depend on each other");
        }
        if flags & 0x03 != 0 || block & 0x8f != 0 || block >> 4 < 4 {
            return Err("reserved bits or block size");
        }
        if flags & 0x08 != 0 {
            frame.take(8)?; // the size of the content: a claim
        }
        let summed = &descriptor[..descriptor.len() - frame.rest.len()];
        if *frame.chunk()? != [header_checksum(summed)] {
            return Err("header checksum");
        }
        Ok(FrameHeader {
            block_bytes_max: 1 << (2 * (block >> 4) + 8),
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 0x04 != 0,
        })
    }
}

fn header_checksum(descriptor: &[u8]) -> u8 {
    (xxh32(descriptor) >> 8) as u8
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], &'static str> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or("cut short")?;
        self.rest = rest;
        Ok(chunk)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or("cut short")?;
        self.rest = rest;
        Ok(taken)
    }
}
