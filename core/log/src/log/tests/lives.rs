//! One log over several lives: killed or without power at any moment, opened again, and all that was durable is there.
//!
//! `PROPTEST_CASES=25600 cargo test -p odradek-log lives` lives a hundred times as often.

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::{LeaderEpoch, Offset, TopicPartition, Uuid};
use proptest::prelude::*;

use crate::config::LogConfig;
use crate::dir::Owner;
use crate::dir::ids::OwnerId;
use crate::disk::{DirId, Name};
use crate::log::{Log, Setup, Truncation};
use crate::output::Output;
use crate::testing::batches::{decode, idempotent};
use crate::testing::disk::Disk;
use crate::testing::{World, opening};

const T: i64 = 1_700_000_000_000;

fn config() -> LogConfig {
    LogConfig { segment_bytes: 500, index_interval_bytes: 120, file_delete_delay_ms: 50, ..LogConfig::default() }
}

/// Opens what is on the disk; makes the log in the first life.
fn begin(mut disk: Disk) -> (World, OwnerId, bool) {
    disk.let_go();
    let (root, opened) = opening::open(&mut disk, &[0], &config());
    let mut w = World::on(disk, Guards::ALL_ON);
    w.dir.inherit(&root);
    let log = match opened.logs.into_iter().next() {
        None => w.create(0, config(), Guards::ALL_ON),
        Some(found) => {
            let partition = TopicPartition { topic: "t".into(), partition: 0 };
            let files = w.dir.adopt(Owner::Partition(partition.clone()), Some(found.files));
            let (name, topic_id) = (Name::from("t-0"), Uuid([7; 16]));
            let setup = Setup { partition, topic_id, dir: DirId(0), name, config: config(), files, seed: Seed(7), guards: Guards::ALL_ON };
            w.resume(setup, found.log.expect("nothing is damaged: the disk loses nothing that was synced"))
        }
    };
    w.dir.disown(|_| false);
    (w, log, root.clean)
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Append {
        bytes: usize,
    },
    DeleteRecords {
        to: u64,
    },
    /// As a follower does that diverged. If it is not done when the next act comes, the life ends.
    Truncate {
        to: u64,
    },
    /// As a follower does whose log ended before its leader's began.
    StartAt {
        beyond: usize,
    },
    Epoch,
    PassMs,
}

/// Some operations that were asked for are done, in any order.
#[derive(Clone, Copy, Debug)]
struct Several {
    order: u64,
    operations: usize,
}

#[derive(Clone, Copy, Debug)]
struct End {
    clean: bool,
    /// What was not synced is lost as drawn from this number.
    power_cut: Option<u64>,
}

type Life = (Vec<(Act, Several)>, Several, End);

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0..120usize).prop_map(|bytes| Act::Append { bytes }),
        1 => (0..=1000u64).prop_map(|to| Act::DeleteRecords { to }),
        1 => (300..=1000u64).prop_map(|to| Act::Truncate { to }),
        1 => (1..9usize).prop_map(|beyond| Act::StartAt { beyond }),
        1 => Just(Act::Epoch),
        1 => Just(Act::PassMs),
    ]
}

fn several() -> impl Strategy<Value = Several> {
    (any::<u64>(), 0..14usize).prop_map(|(order, operations)| Several { order, operations })
}

fn life() -> impl Strategy<Value = Life> {
    let end =
        (prop::bool::weighted(0.25), prop::option::weighted(0.6, any::<u64>())).prop_map(|(clean, power_cut)| End { clean, power_cut });
    (prop::collection::vec((act(), several()), 0..20), several(), end)
}

/// The specification: what was appended, what must be there, where the log may begin.
#[derive(Debug, Default)]
struct Model {
    /// The value of each record, from offset zero.
    values: Vec<Vec<u8>>,
    durable: usize,
    /// The log start that was told, and the furthest that was asked for.
    start: usize,
    start_asked: usize,
    /// Where a truncation that is under way will end.
    cut: Option<usize>,
    /// Where the log may begin anew, with nothing in it.
    anew: Option<usize>,
    appended: u8,
}

impl Model {
    fn begin_anew(&mut self, at: usize) {
        self.values.resize(at, Vec::new());
        (self.durable, self.start, self.start_asked) = (at, at, at);
    }
}

struct Lives {
    w: World,
    log: OwnerId,
    model: Model,
    epoch: i32,
}

impl Lives {
    fn begin(n: usize, disk: Disk, model: Model, clean: bool) -> Lives {
        let (w, log, was_clean) = begin(disk);
        assert_eq!(was_clean, clean, "life {n}");
        let mut lives = Lives { w, log, model, epoch: 100 * (n as i32 + 1) };
        lives.compare(n);
        lives
    }

    fn compare(&mut self, n: usize) {
        let log = self.w.log(self.log);
        let (found, start) = (log.log_end().0 as usize, log.log_start().0 as usize);
        if let Some(to) = self.model.anew.take().filter(|to| *to == start) {
            assert_eq!(found, to, "life {n}: the log begins anew and ends elsewhere");
            self.model.begin_anew(to);
        }
        let Model { values, durable, .. } = &self.model;
        let names = (
            self.w.disk.list("t-0"),
            self.w.disk.content("log-start-offset-checkpoint").map(String::from_utf8_lossy),
            self.w.disk.content("synced-marks").map(String::from_utf8_lossy),
        );
        assert!(
            found >= *durable && found <= values.len(),
            "life {n}: {start}..{found} found, {durable} durable, {} appended, {names:#?}",
            values.len()
        );
        assert!(start >= self.model.start && start <= self.model.start_asked, "life {n}: the log begins at {start}: {:?}", self.model);
        self.model.values.truncate(found);
        (self.model.start, self.model.durable, self.model.cut) = (start, found, None);
        self.w.finish_all();
        self.w.log(self.log).check_all();
        if found > start {
            let got = decode(self.w.read(self.log, self.w.all_from(self.log, Offset(start as i64))).expect("it is there"));
            let want = (start..).zip(&self.model.values[start..]);
            let differs = got.iter().zip(want).find(|((o, v), (offset, value))| *o != *offset as i64 || v != *value);
            assert!(differs.is_none() && got.len() == found - start, "life {n}: {} of {start}..{found}, {differs:?}", got.len());
            // The producer's last batch is known again, whatever of its state was on disk.
            let last = idempotent(&[&self.model.values[found - 1]], T, 7, 0, found as i32 - 1);
            let again = self.w.append(self.log, last).expect("it is in the log");
            assert!(again.duplicate && again.base.0 as usize == found - 1, "life {n}: {again:?}");
        }
    }

    /// Says whether the life goes on.
    fn act(&mut self, act: Act, then: Several) -> bool {
        let part = |thousandths: u64, model: &Model| model.start + (model.values.len() - model.start) * thousandths as usize / 1000;
        let mut goes_on = true;
        match act {
            Act::Append { bytes } => self.append(bytes),
            Act::DeleteRecords { to } => self.delete_records(part(to, &self.model)),
            Act::Truncate { to } => {
                let to = part(to, &self.model).max(self.model.start_asked + 1);
                goes_on = self.truncate(to, then);
            }
            Act::StartAt { beyond } => goes_on = self.start_at(self.model.values.len() + beyond, then),
            Act::Epoch => {
                self.epoch += 1;
                let epoch = LeaderEpoch(self.epoch);
                self.w.with(self.log, |log, _, out| log.begin_epoch(epoch, out));
            }
            Act::PassMs => self.w.pass_ms(30),
        }
        self.work(then);
        goes_on
    }

    fn append(&mut self, bytes: usize) {
        self.model.appended = self.model.appended.wrapping_add(1);
        let value = vec![self.model.appended; bytes];
        let batch = idempotent(&[&value], T, 7, 0, self.model.values.len() as i32);
        let epoch = LeaderEpoch(self.epoch);
        let append =
            self.w.with(self.log, |log, now, out| log.append_as_leader(now, batch, epoch, crate::log::incoming::Origin::Client, out));
        assert_eq!(append.expect("it is next").base.0 as usize, self.model.values.len());
        self.model.values.push(value);
    }

    fn delete_records(&mut self, to: usize) {
        let high_watermark = self.w.log(self.log).durable_end();
        self.w.with(self.log, |log, _, out| log.set_high_watermark(high_watermark, out));
        if self.w.with(self.log, |log, now, out| log.delete_records_before(now, Offset(to as i64), out)).is_ok() {
            self.model.start_asked = self.model.start_asked.max(to);
        }
    }

    fn truncate(&mut self, to: usize, then: Several) -> bool {
        let asked = self.w.with(self.log, |log, now, out| log.truncate_to(now, Offset(to as i64), out));
        if asked == Truncation::Done {
            return true;
        }
        self.model.cut = Some(to);
        self.model.durable = self.model.durable.min(to);
        let done = self.is_truncated(then);
        if done {
            self.model.cut = None;
            self.model.values.truncate(to);
        }
        done
    }

    fn start_at(&mut self, to: usize, then: Several) -> bool {
        let asked = self.w.with(self.log, |log, now, out| log.truncate_fully_and_start_at(now, Offset(to as i64), out));
        assert_eq!(asked, Truncation::UnderWay);
        (self.model.anew, self.model.cut) = (Some(to), Some(self.model.durable));
        let done = self.is_truncated(then);
        if done {
            (self.model.anew, self.model.cut) = (None, None);
            self.model.begin_anew(to);
        }
        done
    }

    fn is_truncated(&mut self, then: Several) -> bool {
        if then.operations > 4 {
            self.w.finish_all_in(Seed(then.order));
        } else {
            self.work(then);
        }
        let done = self.w.said_of(self.log).iter().rev().any(|o| matches!(o, Output::Truncated { .. }));
        self.w.said.clear();
        done
    }

    fn work(&mut self, several: Several) {
        for i in 0..several.operations as u64 {
            let ready = self.w.ready();
            if !ready.is_empty() {
                self.w.finish(ready[Seed(several.order).number(i).below(ready.len() as u64) as usize]);
            }
        }
        self.note_what_holds();
    }

    /// What was told to anybody must hold from here on.
    fn note_what_holds(&mut self) {
        if self.model.anew.is_some() {
            return;
        }
        let log = self.w.log(self.log);
        self.model.start = self.model.start.max(log.log_start().0 as usize);
        let durable = (log.durable_end().0 as usize).min(self.model.cut.unwrap_or(usize::MAX));
        self.model.durable = self.model.durable.max(durable);
    }

    fn end(mut self, end: End) -> (Disk, Model) {
        if end.clean {
            stop(&mut self.w, self.log);
        }
        self.note_what_holds();
        if let Some(seed) = end.power_cut {
            self.w.disk.cut_power(Seed(seed));
        }
        (self.w.disk, self.model)
    }
}

proptest! {
    #[test]
    fn log_keeps_through_kills_and_power_cuts_what_it_called_durable(lives in prop::collection::vec(life(), 1..6)) {
        let (mut disk, mut model, mut clean) = (Disk::default(), Model::default(), false);
        for (n, (acts, then, end)) in lives.into_iter().enumerate() {
            let mut life = Lives::begin(n, disk, model, clean);
            let whole = acts.into_iter().all(|(act, then)| life.act(act, then));
            life.work(then);
            let end = End { clean: end.clean && whole, ..end };
            clean = end.clean;
            (disk, model) = life.end(end);
        }
    }
}

fn stop(w: &mut World, log: OwnerId) {
    w.finish_all();
    let mut said = Vec::new();
    w.dir.stop(w.now, 1, &mut said);
    w.carry_dir(said);
    w.finish_all();
    w.with(log, Log::close);
    w.finish_all();
}
