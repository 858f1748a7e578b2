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
    /// By offset.
    timestamps: Vec<i64>,
}

impl Model {
    fn records(&self) -> impl Iterator<Item = (i64, i64)> {
        (0..).zip(self.timestamps.iter().copied()).skip(self.start as usize)
    }

    fn first_at_or_after(&self, timestamp_ms: i64, until: i64) -> Option<(i64, i64)> {
        self.records().find(|(o, t)| *t >= timestamp_ms && *o < until)
    }

    fn newest(&self) -> Option<(i64, i64)> {
        let most = self.records().map(|(_, t)| t).max().filter(|t| *t >= 0)?;
        self.records().find(|(_, t)| *t == most)
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
        let mut model = Model { start: 0, timestamps: Vec::new() };
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
        }
        for timestamp_ms in (-2..14).map(|d| T + d).chain([0, i64::MAX]) {
            for until in [end, part(until)] {
                prop_assert_eq!(first_at_or_after(&mut w, log, timestamp_ms, until), model.first_at_or_after(timestamp_ms, until), "{} below {}", timestamp_ms - T, until);
            }
        }
        prop_assert_eq!(newest(&mut w, log), model.newest());
    }
}
