//! A log beside the simplest thing that behaves like one: a list of batches.

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::{LeaderEpoch, Offset};
use proptest::prelude::*;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::{Log, ReadError, ReadRequest, Truncation};
use crate::testing::World;
use crate::testing::batches::{decode, values};

/// What may happen to a log. Offsets are drawn as parts of the log, in thousandths.
#[derive(Clone, Debug)]
enum Act {
    Append { records: usize, bytes: usize },
    Finish { order: u64, operations: usize },
    FinishAll { order: u64 },
    Read { from: u64, until: u64, bytes_max: u64 },
    FindTimestamp { of: u64 },
    Truncate { to: u64 },
    DeleteRecords { to: u64 },
    Retire,
    Epoch,
    PassMs(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1..4usize, 0..60usize).prop_map(|(records, bytes)| Act::Append { records, bytes }),
        8 => (any::<u64>(), 1..12usize).prop_map(|(order, operations)| Act::Finish { order, operations }),
        2 => any::<u64>().prop_map(|order| Act::FinishAll { order }),
        4 => (0..=1000u64, 0..=1100u64, 0..2000u64).prop_map(|(from, until, bytes_max)| Act::Read { from, until, bytes_max }),
        1 => (0..1000u64).prop_map(|of| Act::FindTimestamp { of }),
        1 => (0..1000u64).prop_map(|to| Act::Truncate { to }),
        1 => (0..1000u64).prop_map(|to| Act::DeleteRecords { to }),
        1 => Just(Act::Retire),
        1 => Just(Act::Epoch),
        1 => (1..100_000u64).prop_map(Act::PassMs),
    ]
}

/// The specification.
#[derive(Default)]
struct Model {
    start: i64,
    /// Base, time and values of every batch, from the one that holds the start.
    batches: Vec<(i64, i64, Vec<Vec<u8>>)>,
    epoch: i32,
}

impl Model {
    fn end(&self) -> i64 {
        self.batches.last().map_or(self.start, |(base, _, values)| (base + values.len() as i64).max(self.start))
    }

    fn records(&self) -> impl Iterator<Item = (i64, Vec<u8>)> {
        self.batches.iter().flat_map(|(base, _, values)| (*base..).zip(values.iter().cloned()))
    }

    fn part(&self, thousandths: u64) -> i64 {
        self.start + (self.end() - self.start) * thousandths.cast_signed() / 1000
    }

    /// Cuts at the batch that holds `to`, since a batch is never cut.
    fn truncate(&mut self, to: i64) {
        let whole = to <= self.start;
        self.batches.retain(|(base, _, values)| base + values.len() as i64 <= to && !whole);
    }
}

struct Beside {
    w: World,
    log: OwnerId,
    model: Model,
    n: u8,
}

impl Beside {
    fn new() -> Beside {
        let config = LogConfig {
            segment_bytes: 600,
            index_interval_bytes: 150,
            retention_bytes: Some(3000),
            retention_ms: None,
            file_delete_delay_ms: 10_000,
            ..LogConfig::default()
        };
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, config, Guards::ALL_ON);
        Beside { w, log, model: Model { epoch: 1, ..Model::default() }, n: 0 }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Append { records, bytes } => self.append(records, bytes),
            Act::Finish { order, operations } => {
                for i in 0..operations {
                    let ready = self.w.ready();
                    if !ready.is_empty() {
                        self.w.finish(ready[Seed(order).number(i as u64).below(ready.len() as u64) as usize]);
                    }
                }
            }
            Act::FinishAll { order } => self.w.finish_all_in(Seed(order)),
            Act::Read { from, until, bytes_max } => self.read(from, until, bytes_max),
            Act::FindTimestamp { of } => self.find_timestamp(of),
            Act::Truncate { to } => self.truncate(to),
            Act::DeleteRecords { to } => self.delete_records(to),
            Act::Retire => self.retire(),
            Act::Epoch => {
                self.model.epoch += 1;
                let epoch = LeaderEpoch(self.model.epoch);
                self.w.with(self.log, |log, _, out| log.begin_epoch(epoch, out));
            }
            Act::PassMs(ms) => self.w.pass_ms(ms),
        }
        let high_watermark = self.w.log(self.log).synced_end();
        self.w.with(self.log, |log, _, out| log.set_high_watermark(high_watermark, out));
        assert_eq!(self.w.log(self.log).log_end().0, self.model.end());
        assert_eq!(self.w.log(self.log).log_start().0, self.model.start);
        self.w.log(self.log).check_all();
    }

    fn append(&mut self, records: usize, bytes: usize) {
        self.n = self.n.wrapping_add(1);
        let content: Vec<Vec<u8>> = (0..records).map(|r| vec![self.n.wrapping_add(r as u8); bytes]).collect();
        let parts: Vec<&[u8]> = content.iter().map(|v| &v[..]).collect();
        let time = self.w.now.wall.0;
        let epoch = LeaderEpoch(self.model.epoch);
        let batch = values(&parts, time);
        let appended = self
            .w
            .with(self.log, |log, now, out| log.append_as_leader(now, batch, epoch, crate::log::incoming::Origin::Client, out))
            .expect("it serves");
        assert_eq!(appended.base.0, self.model.end());
        self.model.batches.push((appended.base.0, time, content));
    }

    fn read(&mut self, from: u64, until: u64, bytes_max: u64) {
        let (from, until) = (self.model.part(from), self.model.part(until));
        let request = ReadRequest { from: Offset(from), until: Offset(until), bytes_max, at_least_one: true, want_aborted: false };
        let written = self.w.log(self.log).written_end().0;
        let got = decode(self.w.read(self.log, request).expect("it is in the log"));
        let written = written.max(self.w.log(self.log).written_end().0);
        assert!(got.iter().all(|(o, _)| *o < until.min(written)), "{from}..{until}, written to {written}: {got:?}");
        // The batch that holds `from` comes first, and what comes is without a gap.
        let base = self.model.batches.iter().rev().find(|(base, _, _)| *base <= from).map_or(0, |(base, _, _)| *base);
        let want: Vec<_> = self.model.records().filter(|(o, _)| *o >= base).take(got.len()).collect();
        assert_eq!(got, want, "from {from} until {until}");
        let whole_first = self.model.batches.iter().find(|(b, _, _)| *b == base).map_or(0, |(b, _, v)| b + v.len() as i64);
        assert!(
            !got.is_empty() || from >= until.min(written) || whole_first > until.min(written),
            "nothing from {from} until {until} of {written}"
        );
    }

    fn find_timestamp(&mut self, of: u64) {
        self.w.finish_all();
        let offset = self.model.part(of);
        let Some((base, time, _)) = self.model.batches.iter().find(|(base, _, v)| base + v.len() as i64 > offset) else { return };
        // Wall time never goes back here, so the first batch of this time is the answer.
        let first = self.model.batches.iter().find(|(_, t, _)| t == time).map_or(*base, |(b, _, _)| *b).max(self.model.start);
        let (time, until) = (*time, self.w.log(self.log).log_end());
        let found = self.w.with(self.log, |log, _, out| log.offset_for_timestamp(time, until, out)).expect("it serves");
        let crate::log::TimestampFound::Cold(id) = found else { panic!("{found:?} without a look") };
        self.w.finish_all();
        let answer = self.w.answers.remove(&id).expect("it was answered");
        let crate::output::Answer::Timestamp(Some(record)) = answer else { panic!("{answer:?} for a time that is there") };
        assert_eq!(record.offset.0, first);
    }

    fn truncate(&mut self, to: u64) {
        let to = self.model.part(to);
        let under_way = self.w.with(self.log, |log, now, out| log.truncate_to(now, Offset(to), out));
        if under_way == Truncation::UnderWay {
            self.w.finish_all();
            self.model.truncate(to);
        }
    }

    fn delete_records(&mut self, to: u64) {
        let to = self.model.part(to);
        let high_watermark = self.w.log(self.log).high_watermark().0;
        let asked = self.w.with(self.log, |log, now, out| log.delete_records_before(now, Offset(to), out));
        match asked {
            Ok(start) => {
                assert_eq!(start.0, to.max(self.model.start));
                self.w.finish_all();
                self.model.start = start.0;
            }
            Err(error) => {
                assert!(to > high_watermark && matches!(error, ReadError::OutOfRange { .. }), "{error} for {to} below {high_watermark}");
            }
        }
    }

    fn retire(&mut self) {
        self.w.finish_all();
        let log = self.log;
        let high_watermark = self.w.log(log).synced_end();
        self.w.with(log, |log, _, out| log.set_high_watermark(high_watermark, out));
        self.w.with(log, Log::retire);
        self.w.finish_all();
        let start = self.w.log(log).log_start().0;
        assert!(start >= self.model.start);
        assert!(self.w.log(log).bytes() <= 3000 + 600, "{} bytes kept", self.w.log(log).bytes());
        self.model.start = start;
        self.model.batches.retain(|(base, _, v)| base + v.len() as i64 > start);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { ..ProptestConfig::default() })]

    #[test]
    fn log_behaves_like_a_list_of_batches(acts in prop::collection::vec(act(), 1..80)) {
        let mut beside = Beside::new();
        for act in &acts {
            beside.act(act);
        }
        beside.w.finish_all();
        let log = beside.log;
        assert_eq!(beside.w.log(log).synced_end(), beside.w.log(log).log_end());
        if beside.model.end() > beside.model.start {
            let got = decode(beside.w.read(log, beside.w.all_from(log, Offset(beside.model.start))).expect("it is there"));
            let base = got[0].0;
            prop_assert_eq!(got, beside.model.records().filter(|(o, _)| *o >= base).collect::<Vec<_>>());
        }
        beside.w.with(log, Log::close);
        beside.w.finish_all();
        assert!(beside.w.said_of(log).contains(&&crate::output::Output::Ended { clean: true }));
    }
}
