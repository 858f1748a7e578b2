//! Codecs: what goes in comes out; broken, cut and lying streams end in an error within their bounds.

use std::io::{Read, Write};

use allocation_counter::measure;
use proptest::collection::vec;
use proptest::prelude::*;

use super::xxh32::xxh32;
use super::{Codec, CodecError, compress, decompress};

const PACKED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const MIB: usize = 1 << 20;

fn compressible(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 7 % 250) as u8).collect()
}

#[test]
fn ids_and_names_are_kafkas() {
    let named: Vec<_> = Codec::ALL.iter().map(|codec| (codec.id(), codec.name())).collect();
    assert_eq!(named, [(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")]);
    assert!(Codec::ALL.iter().all(|&c| Codec::from_id(c.id()) == Some(c) && Codec::from_name(c.name()) == Some(c)));
    assert_eq!((Codec::from_id(5), Codec::from_name("lzo")), (None, None));
}

#[test]
fn every_cut_of_a_stream_is_an_error_or_the_end_as_kafka_sees_it() {
    for codec in PACKED {
        let whole = compressible(100_000);
        let packed = compress(codec, None, &whole);
        for cut in (0..packed.len()).step_by(packed.len() / 300 + 1) {
            match decompress(codec, &packed[..cut], MIB) {
                Err(CodecError::Corrupt { .. }) => {}
                // snappy-java takes the end of the bytes at a block's edge for the end of the stream.
                Ok(part) if codec == Codec::Snappy => assert!(part.len() < whole.len() && whole.starts_with(&part)),
                other => panic!("{codec:?} cut at {cut} of {}: {:?}", packed.len(), other.map(|bytes| bytes.len())),
            }
        }
    }
}

#[test]
fn the_limit_is_exact() {
    for codec in Codec::ALL {
        for len in [0, 1, 1000, 70_000, 300_000] {
            let whole = compressible(len);
            let packed = compress(codec, None, &whole);
            assert_eq!(decompress(codec, &packed, len).as_ref(), Ok(&whole), "{codec:?} {len}");
            if let Some(limit_bytes) = len.checked_sub(1) {
                assert_eq!(decompress(codec, &packed, limit_bytes), Err(CodecError::Limit { codec, limit_bytes }), "{len}");
            }
        }
    }
}

#[test]
fn levels_out_of_range_are_brought_into_it() {
    for codec in Codec::ALL {
        for level in [i32::MIN, -7, 0, 1, 9, 12, i32::MAX] {
            assert_eq!(decompress(codec, &compress(codec, Some(level), b"some bytes"), MIB).as_deref(), Ok(&b"some bytes"[..]));
        }
    }
}

#[test]
fn several_gzip_members_are_one_stream_and_garbage_behind_them_is_ignored() {
    let [one, two] = [b"one", b"two"].map(|bytes| compress(Codec::Gzip, None, bytes));
    let both = [&one[..], &two].concat();
    assert_eq!(decompress(Codec::Gzip, &both, MIB).as_deref(), Ok(&b"onetwo"[..]));
    assert_eq!(decompress(Codec::Gzip, &[&both[..], &[0; 9]].concat(), MIB).as_deref(), Ok(&b"onetwo"[..]));
}

#[test]
fn snappy_is_read_bare_and_framed_and_joined() {
    let bare = snap::raw::Encoder::new().compress_vec(b"a bare block").expect("fits");
    assert_eq!(decompress(Codec::Snappy, &bare, MIB).as_deref(), Ok(&b"a bare block"[..]));
    let framed = compress(Codec::Snappy, None, b"framed");
    assert_eq!(&framed[..16], b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let joined = [&framed[..], &framed].concat();
    assert_eq!(decompress(Codec::Snappy, &joined, MIB).as_deref(), Ok(&b"framedframed"[..]));
    let mut other_version = framed;
    other_version[11] = 0;
    assert!(decompress(Codec::Snappy, &other_version, MIB).is_err());
}

/// A frame by another LZ4 writer.
fn lz4_frame(info: lz4_flex::frame::FrameInfo, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte")
}

#[test]
fn lz4_frames_are_read_and_refused_as_kafka_does() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
    let whole = compressible(200_000);
    for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
        for sums in [false, true] {
            let info = FrameInfo::new().block_size(size).block_checksums(sums).content_checksum(sums).content_size(sums.then_some(200_000));
            assert_eq!(decompress(Codec::Lz4, &lz4_frame(info.clone(), &whole), MIB).as_ref(), Ok(&whole), "{info:?}");
        }
    }
    let refused = |bytes: &[u8]| match decompress(Codec::Lz4, bytes, MIB) {
        Err(CodecError::Corrupt { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&lz4_frame(FrameInfo::new().block_mode(BlockMode::Linked), &whole)), "blocks that depend on each other");
    let mut summed = lz4_frame(FrameInfo::new().block_checksums(true), &whole);
    let sum_at = 11 + u32::from_le_bytes(*summed[7..].first_chunk().expect("a block")) as usize;
    summed[sum_at] ^= 1;
    assert_eq!(refused(&summed), "block checksum");
    let mut header = compress(Codec::Lz4, None, b"x");
    header[6] ^= 1;
    assert_eq!(refused(&header), "header checksum");
    assert_eq!(refused(b"\x02\x21\x4c\x18anything"), "not a frame");
}

#[test]
fn lz4_frames_of_ours_are_read_by_another_reader() {
    for len in [0, 10, 65_536, 65_537, 200_000] {
        let whole = compressible(len);
        let mut read = Vec::new();
        lz4_flex::frame::FrameDecoder::new(&compress(Codec::Lz4, None, &whole)[..]).read_to_end(&mut read).expect("a right frame");
        assert_eq!(read, whole);
    }
}

#[test]
fn xxh32_gives_the_published_values() {
    assert_eq!(xxh32(b""), 0x02cc_5d05);
    assert_eq!(xxh32(b"a"), 0x550d_7456);
    assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
}

/// A Zstandard frame of `blocks` blocks that repeat one byte 128 KiB times, with any claim about its content.
fn zstd_bomb(blocks: usize, claimed: u64) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    bomb.extend_from_slice(&claimed.to_le_bytes());
    for i in 0..blocks {
        let header = u32::from(i + 1 == blocks) | 1 << 1 | (128 * 1024) << 3;
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

/// Streams that claim, or hold, far more than they may.
fn bombs() -> Vec<(Codec, Vec<u8>)> {
    const TEN_GIB: u64 = 10 << 30;
    let mut zeros = Vec::new();
    let mut gzip = flate2::write::GzEncoder::new(&mut zeros, flate2::Compression::best());
    let chunk = vec![0; MIB];
    (0..200).for_each(|_| gzip.write_all(&chunk).expect("a vector takes every byte"));
    gzip.finish().expect("a vector takes every byte");
    let lz4 = |blocks: usize| {
        let block = lz4_flex::block::compress(&vec![0; 4 * MIB]);
        let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x70];
        frame.push((xxh32(&[0x60, 0x70]) >> 8) as u8);
        for _ in 0..blocks {
            frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
            frame.extend_from_slice(&block);
        }
        frame
    };
    let snappy_claim = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 100]].concat();
    vec![
        (Codec::Gzip, zeros),
        (Codec::Lz4, lz4(60)),
        (Codec::Snappy, compress(Codec::Snappy, None, &vec![0; 50 * MIB])),
        (Codec::Snappy, snappy_claim),
        (Codec::Zstd, zstd_bomb(MIB / 4, TEN_GIB)),
        (Codec::Zstd, zstd_bomb(1, TEN_GIB)),
        (Codec::Zstd, zstd_bomb(MIB / 4, 100)),
    ]
}

#[test]
fn a_bomb_ends_in_an_error() {
    for (i, (codec, bomb)) in bombs().into_iter().enumerate() {
        let refused = decompress(codec, &bomb, 10 * MIB).expect_err("a bomb");
        let lies = matches!(i, 3 | 5);
        assert_eq!(matches!(refused, CodecError::Corrupt { .. }), lies, "bomb {i}: {refused}");
    }
}

#[test]
fn a_stream_takes_memory_for_what_it_holds_and_not_for_what_it_claims() {
    let claims = [
        (Codec::Snappy, [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 100]].concat()),
        (Codec::Lz4, [&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, (xxh32(&[0x60, 0x70]) >> 8) as u8, 20, 0, 0, 0][..], &[0; 20]].concat()),
        (Codec::Zstd, zstd_bomb(1, 10 << 30)),
        (Codec::Gzip, compress(Codec::Gzip, None, &[0; 100])),
    ];
    for (codec, bytes) in claims {
        let seen = measure(|| drop(decompress(codec, &bytes, usize::MAX)));
        assert!(seen.bytes_max < 512 * 1024, "{codec:?}: {seen:?}");
    }
    for (codec, bomb) in bombs() {
        let seen = measure(|| assert!(decompress(codec, &bomb, MIB).is_err()));
        assert!(seen.bytes_max < 4 * MIB as u64, "{codec:?}: {seen:?}");
    }
}

/// The bombs once more, in a process of their own that may not have the memory they ask for.
#[test]
fn bombs_get_no_memory_beyond_the_limit() {
    let itself = std::env::current_exe().expect("a test has a file");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -v 524288 && exec \"$0\" --ignored --exact codec::tests::bombs_alone"]).arg(itself);
    let output = shell.output().expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above, under a limit of memory"]
fn bombs_alone() {
    a_bomb_ends_in_an_error();
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(codec in prop::sample::select(Codec::ALL.to_vec()), bytes in prop_oneof![vec(any::<u8>(), 0..3000), vec(0u8..3, 0..200_000)]) {
        prop_assert_eq!(decompress(codec, &compress(codec, None, &bytes), bytes.len()), Ok(bytes));
    }

    #[test]
    fn random_and_mutated_streams_never_panic_and_keep_the_limit(
        codec in prop::sample::select(PACKED.to_vec()), noise in vec(any::<u8>(), 0..200), edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5), limit in 0usize..4000,
    ) {
        let mut packed = compress(codec, None, &compressible(3000));
        for (at, byte) in edits {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        for bytes in [&noise, &packed] {
            if let Ok(whole) = decompress(codec, bytes, limit) {
                prop_assert!(whole.len() <= limit);
            }
        }
    }
}
