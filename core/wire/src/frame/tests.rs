//! The framer against a model: the frames that were written, however the stream is cut.

use std::io::Write;

use bytes::{BufMut, Bytes};
use proptest::prelude::*;

use super::*;

const LIMITS: FrameLimits = FrameLimits { frame_bytes_max: 300_000, other_bytes_max: Some(100_000), unasked_bytes_max: UNASKED_BYTES_MAX };

/// A frame of Produce (key 0) that nobody can mistake for another.
fn frame(bytes: usize, salt: usize) -> Vec<u8> {
    (0..bytes).map(|i| if i < 2 { 0 } else { (i * 31 + i / 256 + salt) as u8 }).collect()
}

fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in frames {
        stream.put_u32(frame.len() as u32);
        stream.write_all(frame).expect("a vector takes everything");
    }
    stream
}

/// Polls until nothing more comes, granting what is announced.
fn drain(framer: &mut Framer, frames: &mut Vec<Bytes>) {
    while let Some(event) = framer.poll().expect("the stream is well-formed") {
        match event {
            FrameEvent::Announced { bytes } => {
                assert!(bytes > UNASKED_BYTES_MAX);
                assert_eq!(framer.poll(), Ok(None), "nothing comes before the grant");
                framer.grant();
            }
            FrameEvent::Frame(frame) => frames.push(frame),
        }
    }
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![6 => 0..200usize, 2 => 200..CHUNK_BYTES * 2, 1 => CHUNK_BYTES * 2..300_000];
    prop::collection::vec(length, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_come_out_as_they_went_in_however_the_stream_is_cut(lengths in lengths(), cuts in prop::collection::vec(1..40_000usize, 1..40)) {
        let expected: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(salt, &bytes)| frame(bytes, salt)).collect();
        let stream = stream(&expected);
        let (mut framer, mut frames) = (Framer::new(LIMITS), Vec::new());
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            framer.feed(now);
            drain(&mut framer, &mut frames);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(frames, expected);
    }

    #[test]
    fn frames_come_out_as_they_went_in_when_read_into_the_framer(lengths in lengths(), reads in prop::collection::vec(1..40_000usize, 1..40)) {
        let expected: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(salt, &bytes)| frame(bytes, salt)).collect();
        let stream = stream(&expected);
        let (mut framer, mut frames) = (Framer::new(LIMITS), Vec::new());
        let mut rest = &stream[..];
        for read in reads.iter().cycle() {
            let mut spare = framer.spare();
            prop_assert!(spare.remaining_mut() > 0);
            let (now, later) = rest.split_at((*read).min(rest.len()).min(spare.remaining_mut()));
            spare.put_slice(now);
            drain(&mut framer, &mut frames);
            prop_assert!(framer.resident_bytes() <= OWN_BYTES.max(GROWTH * framer.held.len()), "{} for {}", framer.resident_bytes(), framer.held.len());
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(frames, expected);
    }

    #[test]
    fn hostile_streams_never_panic_and_cost_what_arrived(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..30)) {
        let mut framer = Framer::new(LIMITS);
        let mut arrived = 0;
        for piece in pieces {
            framer.feed(&piece);
            arrived += piece.len();
            while let Ok(Some(event)) = framer.poll() {
                if matches!(event, FrameEvent::Announced { .. }) {
                    framer.grant();
                }
            }
            prop_assert!(framer.resident_bytes() <= 2 * arrived + 64, "{} for {arrived}", framer.resident_bytes());
        }
    }
}

#[test]
fn frame_of_a_hundred_mebibytes_half_sent_costs_what_was_sent() {
    let mut framer = Framer::new(FrameLimits::server(FrameLimits::REQUEST_BYTES_MAX));
    framer.feed(&FrameLimits::REQUEST_BYTES_MAX.to_be_bytes());
    assert_eq!(framer.poll(), Ok(None), "the API decides how long a frame may be");
    framer.feed(&[0, 0]);
    assert_eq!(framer.poll(), Ok(Some(FrameEvent::Announced { bytes: FrameLimits::REQUEST_BYTES_MAX })));
    assert!(framer.is_asking() && framer.resident_bytes() <= CHUNK_BYTES);
    framer.grant();
    for _ in 0..100 {
        let mut spare = framer.spare();
        let room = spare.remaining_mut().min(10_000);
        spare.put_bytes(7, room);
        assert_eq!(framer.poll(), Ok(None));
    }
    assert!(framer.resident_bytes() <= OWN_BYTES.max(GROWTH * framer.held.len()), "{} for {}", framer.resident_bytes(), framer.held.len());
}

#[test]
fn frame_read_into_its_own_buffer_is_not_copied_out() {
    let mut framer = Framer::new(FrameLimits::client());
    let bytes = 40_000;
    framer.spare().put_slice(&(bytes as u32).to_be_bytes());
    assert_eq!(framer.poll(), Ok(None));
    while framer.held.len() < bytes {
        let mut spare = framer.spare();
        let room = spare.remaining_mut();
        spare.put_bytes(9, room);
    }
    let at = framer.held.as_ptr();
    let Ok(Some(FrameEvent::Frame(frame))) = framer.poll() else { panic!("the frame is whole") };
    assert_eq!((frame.len(), frame.as_ptr()), (bytes, at));
    assert_eq!(framer.held.len(), 0, "nothing was read past the end of a long frame");
}

#[test]
fn frame_lengths_that_no_frame_may_have_break_the_stream_for_good() {
    for (bytes, error) in [
        (&(-1i32).to_be_bytes()[..], FrameError::Negative { length: -1 }),
        (&300_001u32.to_be_bytes()[..], FrameError::TooLarge { bytes: 300_001, bytes_max: 300_000 }),
        (&[0, 1, 0x86, 0xa1, 0, 3][..], FrameError::OtherTooLarge { api_key: 3, bytes: 100_001, bytes_max: 100_000 }),
    ] {
        let mut framer = Framer::new(LIMITS);
        framer.feed(bytes);
        assert_eq!(framer.poll(), Err(error));
        framer.feed(&stream(&[frame(10, 0)]));
        assert_eq!(framer.poll(), Err(error), "there is no way back");
    }
}

#[test]
fn frame_buffer_is_given_back_when_the_connection_falls_idle() {
    let mut framer = Framer::new(LIMITS);
    framer.spare().put_slice(&stream(&[frame(100, 1)]));
    assert!(matches!(framer.poll(), Ok(Some(FrameEvent::Frame(_)))));
    framer.rest();
    assert_eq!(framer.resident_bytes(), 0);
}
