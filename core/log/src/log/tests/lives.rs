//! One log over several lives: killed at any moment, opened again, and all that was durable is there.

use odradek_machine::{Guards, Seed};
use odradek_wire::ids::{Offset, TopicPartition, Uuid};
use proptest::prelude::*;

use crate::config::LogConfig;
use crate::dir::Owner;
use crate::dir::ids::OwnerId;
use crate::disk::{DirId, Name};
use crate::log::{Log, Setup};
use crate::testing::batches::{decode, idempotent};
use crate::testing::disk::Disk;
use crate::testing::{World, opening};

const T: i64 = 1_700_000_000_000;

fn config() -> LogConfig {
    LogConfig { segment_bytes: 500, index_interval_bytes: 120, ..LogConfig::default() }
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
            w.resume(setup, found.log.expect("nothing is damaged: the disk loses nothing that was written"))
        }
    };
    w.dir.disown();
    (w, log, root.clean)
}

#[derive(Clone, Debug)]
enum End {
    /// Some operations that were asked for are done, in any order, and the process is gone.
    Killed {
        order: u64,
        operations: usize,
    },
    Stopped,
}

type Life = (Vec<(usize, u64, usize)>, End);

fn life() -> impl Strategy<Value = Life> {
    let appends = prop::collection::vec((0..120usize, any::<u64>(), 0..14usize), 0..20);
    let killed = (any::<u64>(), 0..20usize).prop_map(|(order, operations)| End::Killed { order, operations });
    (appends, prop_oneof![3 => killed, 1 => Just(End::Stopped)])
}

fn some(w: &mut World, order: u64, operations: usize) {
    for i in 0..operations as u64 {
        let ready = w.ready();
        if !ready.is_empty() {
            w.finish(ready[Seed(order).number(i).below(ready.len() as u64) as usize]);
        }
    }
}

proptest! {
    #[test]
    fn log_keeps_through_kills_what_it_called_durable(lives in prop::collection::vec(life(), 1..6)) {
        let mut disk = Disk::default();
        let mut model: Vec<Vec<u8>> = Vec::new();
        let (mut durable, mut clean) = (0usize, false);
        for (n, (appends, end)) in lives.into_iter().enumerate() {
            let (mut w, log, was_clean) = begin(disk);
            prop_assert_eq!(was_clean, clean, "life {}", n);
            let found = w.log(log).log_end().0 as usize;
            prop_assert!(found >= durable && found <= model.len(), "life {}: {} found, {} durable, {} appended", n, found, durable, model.len());
            model.truncate(found);
            w.finish_all();
            if found > 0 {
                let got = decode(w.read(log, w.all_from(log, Offset(0))).expect("it is there"));
                prop_assert_eq!(&got.into_iter().map(|(_, v)| v).collect::<Vec<_>>(), &model);
                // The producer's last batch is known again, whatever of its state was on disk.
                let again = w.append(log, idempotent(&[&model[found - 1]], T, 7, 0, found as i32 - 1)).expect("it is in the log");
                prop_assert!(again.duplicate && again.base.0 as usize == found - 1, "life {}: {:?}", n, again);
            }
            for (bytes, order, operations) in appends {
                let value = vec![model.len() as u8; bytes];
                w.append(log, idempotent(&[&value], T, 7, 0, model.len() as i32)).expect("it is next");
                model.push(value);
                some(&mut w, order, operations);
            }
            match end {
                End::Killed { order, operations } => some(&mut w, order, operations),
                End::Stopped => stop(&mut w, log),
            }
            clean = matches!(end, End::Stopped);
            durable = w.log(log).durable_end().0 as usize;
            disk = w.disk;
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
