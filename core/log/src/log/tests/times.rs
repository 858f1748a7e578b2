//! Lookup by timestamp beside the simplest thing that answers so: a list of records.

use odradek_machine::Guards;
use odradek_wire::batch::{Builder, NewRecord, ProducerBatch, Rules};
use odradek_wire::codec::Codec;
use odradek_wire::ids::Offset;
use proptest::prelude::*;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::incoming::Incoming;
use crate::log::{Log, TimestampFound};
use crate::output::{Answer, Output};
use crate::testing::World;

/// The wall clock of [`World`].
const T: i64 = 1_700_000_000_000;

const CODECS: [Codec; 3] = [Codec::None, Codec::Zstd, Codec::Lz4];

fn batch(timestamps: &[i64], codec: Codec) -> Incoming {
    let mut b = Builder::new(codec);
    for timestamp_ms in timestamps {
        b.push(NewRecord { timestamp_ms: *timestamp_ms, value: Some(b"some value"), ..NewRecord::default() });
    }
    let rules = Rules { produce_version: 12, decoded_bytes_max: 1 << 20 };
    Incoming::produced(ProducerBatch::validate(&b.build_bytes(), rules).expect("a batch that was built here is right"))
}

fn ask(
    w: &mut World,
    log: OwnerId,
    ask: impl FnOnce(&mut Log, &mut Vec<Output>) -> Result<TimestampFound, crate::log::ReadError>,
) -> Option<(i64, i64)> {
    let id = match w.with(log, |log, _, out| ask(log, out)).expect("it serves") {
        TimestampFound::Ready(found) => return found.map(|r| (r.offset.0, r.timestamp_ms)),
        TimestampFound::Cold(id) => id,
    };
    w.finish_all();
    let Some(Answer::Timestamp(found)) = w.answers.remove(&id) else { panic!("a timestamp was asked for") };
    found.map(|r| (r.offset.0, r.timestamp_ms))
}

pub(super) fn first_at_or_after(w: &mut World, log: OwnerId, timestamp_ms: i64, until: i64) -> Option<(i64, i64)> {
    ask(w, log, |log, out| log.offset_for_timestamp(timestamp_ms, Offset(until), out))
}

pub(super) fn newest(w: &mut World, log: OwnerId) -> Option<(i64, i64)> {
    ask(w, log, Log::offset_of_max_timestamp)
}

/// The specification.
struct Model {
    start: i64,
    /// Where the first file begins that is there.
    files: i64,
    /// By offset.
    timestamps: Vec<i64>,
}

impl Model {
    fn records(&self, from: i64) -> impl Iterator<Item = (i64, i64)> {
        (0..).zip(self.timestamps.iter().copied()).skip(from as usize)
    }

    fn first_at_or_after(&self, timestamp_ms: i64, until: i64) -> Option<(i64, i64)> {
        self.records(self.start).find(|(o, t)| *t >= timestamp_ms && *o < until)
    }

    /// Deleted records count as long as their file is there.
    fn newest(&self) -> Option<(i64, i64)> {
        let most = self.records(self.files).map(|(_, t)| t).max()?;
        self.records(self.files).find(|(_, t)| *t == most)
    }
}

proptest! {
    #[test]
    fn lookup_by_timestamp_finds_the_first_record_that_is_as_young(
        batches in prop::collection::vec((prop::collection::vec(prop_oneof![1 => Just(-1i64), 9 => (0..12i64).prop_map(|d| T + d)], 1..5), 0..3usize), 1..60),
        start in 0..1000u64, until in 0..1000u64, stop in any::<bool>(),
    ) {
        let config = LogConfig { segment_bytes: 600, index_interval_bytes: 100, ..LogConfig::default() };
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, config, Guards::ALL_ON);
        let mut model = Model { start: 0, files: 0, timestamps: Vec::new() };
        for (timestamps, codec) in &batches {
            w.append(log, batch(timestamps, CODECS[*codec])).expect("nothing is wrong with it");
            model.timestamps.extend(timestamps);
        }
        w.finish_all();
        let end = model.timestamps.len() as i64;
        let part = |thousandths: u64| (end * thousandths as i64) / 1000;
        if stop {
            w.with(log, |log, _, out| log.set_high_watermark(Offset(end), out));
            model.start = part(start);
            w.with(log, |log, now, out| log.delete_records_before(now, Offset(model.start), out)).expect("it is in the log");
            w.finish_all();
            model.files = w.log(log).segments[0].base.0;
        }
        for timestamp_ms in (-2..14).map(|d| T + d).chain([0, i64::MAX]) {
            for until in [end, part(until)] {
                prop_assert_eq!(first_at_or_after(&mut w, log, timestamp_ms, until), model.first_at_or_after(timestamp_ms, until), "{} below {}", timestamp_ms - T, until);
            }
        }
        prop_assert_eq!(newest(&mut w, log), model.newest());
    }
}

#[test]
fn the_largest_timestamp_counts_deleted_records_until_their_file_goes_and_records_without_one_where_no_other_is_there() {
    let of = |batches: &[&[i64]]| {
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, LogConfig { segment_bytes: 200, ..LogConfig::default() }, Guards::ALL_ON);
        for timestamps in batches {
            w.append(log, batch(timestamps, Codec::None)).expect("nothing is wrong with it");
        }
        w.finish_all();
        w.with(log, |log, _, out| log.set_high_watermark(log.log_end(), out));
        (w, log)
    };
    let delete = |w: &mut World, log: OwnerId, to: i64| {
        w.with(log, |log, now, out| log.delete_records_before(now, Offset(to), out)).expect("it is in the log");
        w.finish_all();
    };
    let (mut w, log) = of(&[]);
    assert_eq!(newest(&mut w, log), None, "nothing was ever there");
    let (mut w, log) = of(&[&[-1, -1], &[-1]]);
    assert_eq!(newest(&mut w, log), Some((0, -1)));
    delete(&mut w, log, 3);
    assert_eq!(newest(&mut w, log), Some((0, -1)), "it is still in the file");
    let (mut w, log) = of(&[&[-5], &[-1]]);
    assert_eq!(newest(&mut w, log), None, "the first batch without a time has no record that says so");
    let (mut w, log) = of(&[&[T + 9, T], &[T + 5, T + 7], &[T + 6, T + 7], &[T + 1]]);
    assert_eq!((newest(&mut w, log), w.log(log).segments()), (Some((0, T + 9)), 2));
    delete(&mut w, log, 3);
    assert_eq!(newest(&mut w, log), Some((0, T + 9)));
    delete(&mut w, log, 4);
    assert_eq!((newest(&mut w, log), w.log(log).segments()), (Some((5, T + 7)), 1), "its file is gone");
    delete(&mut w, log, 7);
    assert_eq!(newest(&mut w, log), Some((5, T + 7)), "everything is deleted");
}
