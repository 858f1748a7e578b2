//! The disk against a model of what a legal power cut may leave, and proof that it hurts.

mod media;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use odradek_log::disk::{DiskAction, DiskDone, DiskErrorKind, FileId, Name, OpId};
use odradek_machine::{Seed, WallMs};
use proptest::prelude::*;

use super::queue::{Queue, Turn, Waiting};
use super::*;
use crate::time::Time;
use crate::weather::Weather;

fn moment(disk: &Disk, draw: u64) -> Moment {
    Moment { wall: WallMs(7), draw: Seed(draw), covers: disk.changes() }
}

fn go(disk: &mut Disk, action: &DiskAction) -> DiskDone {
    let moment = moment(disk, 0);
    disk.carry_out(action, moment).expect("nothing is wrong with this disk")
}

fn create(disk: &mut Disk, file: u64, name: &str) {
    go(disk, &DiskAction::Create { file: FileId(file), name: Name::from(name), length: 0 });
}

fn write(disk: &mut Disk, file: u64, at: u64, bytes: &[u8]) {
    go(disk, &DiskAction::Write { file: FileId(file), at, parts: vec![Bytes::copy_from_slice(bytes)] });
}

fn sync(disk: &mut Disk, file: u64) {
    go(disk, &DiskAction::Sync { file: FileId(file) });
}

fn sync_directory(disk: &mut Disk, name: &str) {
    go(disk, &DiskAction::SyncDirectory { name: Name::from(name) });
}

/// One file of 3,000 bytes `a`, synced with its name.
fn disk_with_a_synced_file() -> Disk {
    let mut disk = Disk::new();
    create(&mut disk, 1, "a");
    write(&mut disk, 1, 0, &[b'a'; 3000]);
    sync(&mut disk, 1);
    sync_directory(&mut disk, "");
    disk
}

fn after_cuts(disk: &Disk, look: impl Fn(&Disk) -> Option<Bytes>) -> BTreeSet<Option<Bytes>> {
    (0..200)
        .map(|seed| {
            let mut cut = disk.clone();
            cut.power_cut(Seed(seed));
            look(&cut)
        })
        .collect()
}

#[test]
fn power_cut_never_takes_what_was_synced_with_its_name() {
    let disk = disk_with_a_synced_file();
    assert_eq!(after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))), BTreeSet::from([Some(Bytes::from(vec![b'a'; 3000]))]));
    assert_eq!(disk.surely_holds(&Name::from("a"), 0, 3000), Some(Bytes::from(vec![b'a'; 3000])));
}

#[test]
fn power_cut_can_take_a_write_that_was_not_synced_and_can_leave_it() {
    let mut disk = disk_with_a_synced_file();
    write(&mut disk, 1, 3000, b"unsynced");
    let lengths: BTreeSet<_> =
        after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))).into_iter().flatten().map(|bytes| bytes.len()).collect();
    assert!(lengths.contains(&3000) && lengths.contains(&3008), "{lengths:?}");
    assert_eq!(disk.surely_holds(&Name::from("a"), 3000, 8), None);
    assert_eq!(disk.surely_long(&Name::from("a")), Some(3000));
}

#[test]
fn synced_bytes_stay_sure_when_more_is_written_behind_them_into_their_sector() {
    let mut disk = Disk::new();
    create(&mut disk, 1, "a");
    write(&mut disk, 1, 0, b"synced");
    sync(&mut disk, 1);
    sync_directory(&mut disk, "");
    write(&mut disk, 1, 6, b"not yet");
    assert_eq!(disk.surely_holds(&Name::from("a"), 0, 6), Some(Bytes::from_static(b"synced")));
    assert!(after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))).into_iter().flatten().all(|bytes| bytes.starts_with(b"synced")));
    write(&mut disk, 1, 5, b"?");
    assert_eq!(disk.surely_holds(&Name::from("a"), 0, 6), None);
}

#[test]
fn power_cut_can_leave_a_hole_before_bytes_that_survived() {
    let mut disk = disk_with_a_synced_file();
    write(&mut disk, 1, 3072, &[b'b'; 4096]);
    let holed = after_cuts(&disk, |disk| disk.read_file(&Name::from("a")));
    let holed = holed
        .iter()
        .flatten()
        .any(|bytes| bytes.len() == 7168 && bytes[3072..3584].iter().all(|&b| b == 0) && bytes[3584..].contains(&b'b'));
    assert!(holed, "no cut left a later sector without an earlier one");
}

#[test]
fn power_cut_tears_at_sectors_and_never_inside_one() {
    let mut disk = disk_with_a_synced_file();
    write(&mut disk, 1, 0, &[b'b'; 3000]);
    for bytes in after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))).into_iter().flatten() {
        assert!(bytes.chunks(512).all(|sector| sector.iter().all(|&b| b == sector[0])), "a sector is torn inside");
    }
    let mut torn = disk.clone();
    torn.troubles.next_cut = Some(NextCut { by: 0, survival: Survival::TornInside });
    let inside = after_cuts(&torn, |disk| disk.read_file(&Name::from("a")));
    assert!(
        inside.iter().flatten().any(|bytes| bytes.chunks(512).any(|sector| sector.iter().any(|&b| b != sector[0]))),
        "torn.inside tears nothing"
    );
}

#[test]
fn power_cut_can_take_the_name_of_a_synced_file_whose_directory_was_not() {
    let mut disk = Disk::new();
    create(&mut disk, 1, "a");
    write(&mut disk, 1, 0, b"x");
    sync(&mut disk, 1);
    assert_eq!(disk.surely_named_in(&Name::root()).count(), 0);
    let left = after_cuts(&disk, |disk| disk.read_file(&Name::from("a")));
    assert_eq!(left, BTreeSet::from([None, Some(Bytes::from_static(b"x"))]));
}

#[test]
fn power_cut_leaves_a_rename_old_or_new_and_never_neither() {
    let mut disk = disk_with_a_synced_file();
    create(&mut disk, 2, "a.tmp");
    write(&mut disk, 2, 0, b"new");
    sync(&mut disk, 2);
    go(&mut disk, &DiskAction::Rename { from: Name::from("a.tmp"), to: Name::from("a") });
    let left = after_cuts(&disk, |disk| disk.read_file(&Name::from("a")));
    assert_eq!(left, BTreeSet::from([Some(Bytes::from_static(b"new")), Some(Bytes::from(vec![b'a'; 3000]))]));
    sync_directory(&mut disk, "");
    assert_eq!(after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))), BTreeSet::from([Some(Bytes::from_static(b"new"))]));
}

#[test]
fn power_cut_can_bring_back_what_was_removed_or_replaced_although_other_directories_were_synced() {
    let mut disk = disk_with_a_synced_file();
    go(&mut disk, &DiskAction::MakeDirectory { name: Name::from("d") });
    create(&mut disk, 2, "d/b");
    write(&mut disk, 2, 0, b"old");
    sync(&mut disk, 2);
    sync_directory(&mut disk, "d");
    sync_directory(&mut disk, "");
    create(&mut disk, 3, "d/b.tmp");
    write(&mut disk, 3, 0, b"new");
    sync(&mut disk, 3);
    go(&mut disk, &DiskAction::Rename { from: Name::from("d/b.tmp"), to: Name::from("d/b") });
    for file in [1, 2, 3] {
        go(&mut disk, &DiskAction::Close { file: FileId(file) });
    }
    sync_directory(&mut disk, "");
    assert_eq!(
        after_cuts(&disk, |disk| disk.read_file(&Name::from("d/b"))),
        BTreeSet::from(["old", "new"].map(|text| Some(Bytes::from(text))))
    );
    sync_directory(&mut disk, "d");
    go(&mut disk, &DiskAction::Remove { name: Name::from("a") });
    sync_directory(&mut disk, "d");
    let left = after_cuts(&disk, |disk| disk.read_file(&Name::from("a")));
    assert_eq!(left, BTreeSet::from([None, Some(Bytes::from(vec![b'a'; 3000]))]));
    sync_directory(&mut disk, "");
    assert_eq!(after_cuts(&disk, |disk| disk.read_file(&Name::from("a"))), BTreeSet::from([None]));
}

#[test]
fn directory_sync_covers_only_what_had_completed_when_it_was_submitted() {
    let mut disk = Disk::new();
    let early = disk.changes();
    create(&mut disk, 1, "late");
    let covered: BTreeSet<bool> = (0..50)
        .map(|draw| {
            let mut disk = disk.clone();
            disk.carry_out(&DiskAction::SyncDirectory { name: Name::root() }, Moment { wall: WallMs(0), draw: Seed(draw), covers: early })
                .expect("a sync");
            disk.surely_named_in(&Name::root()).next().is_some()
        })
        .collect();
    assert_eq!(covered, BTreeSet::from([false, true]));
}

#[test]
fn kill_keeps_the_cache_and_lets_the_lock_go() {
    let mut disk = disk_with_a_synced_file();
    write(&mut disk, 1, 3000, b"cached");
    go(&mut disk, &DiskAction::Lock { name: Name::from(".lock") });
    let again = DiskAction::Lock { name: Name::from(".lock") };
    let now = moment(&disk, 0);
    assert_eq!(disk.carry_out(&again, now).expect_err("it is held").kind, DiskErrorKind::Locked);
    disk.kill();
    assert_eq!(disk.read_file(&Name::from("a")).expect("it is there").len(), 3006);
    go(&mut disk, &again);
}

#[test]
fn failed_sync_leaves_clean_pages_whose_old_bytes_show_after_an_eviction() {
    let mut disk = disk_with_a_synced_file();
    write(&mut disk, 1, 0, &[b'b'; 512]);
    let name = Name::from("a");
    let outcomes: BTreeSet<u8> = (0..30)
        .map(|draw| {
            let mut disk = disk.clone();
            disk.troubles.sync_fails = Some(Armed { by: 3, times: 1, file: None });
            let at = moment(&disk, draw);
            disk.carry_out(&DiskAction::Sync { file: FileId(1) }, at).expect_err("the sync fails");
            assert_eq!(disk.troubles.touched, [3]);
            sync(&mut disk, 1); // the second one succeeds and writes nothing
            assert_eq!(disk.read_file(&name).expect("it is there")[0], b'b', "the cache still has the new bytes");
            let mut cut = disk.clone();
            cut.power_cut(Seed(1));
            disk.evict();
            let shown = disk.read_file(&name).expect("it is there")[0];
            assert_eq!(cut.read_file(&name).expect("it is there")[0], shown);
            shown
        })
        .collect();
    assert_eq!(outcomes, BTreeSet::from([b'a']));
}

#[test]
fn full_disk_refuses_what_needs_room_and_still_takes_an_overwrite() {
    let mut disk = disk_with_a_synced_file();
    disk.troubles.full = Some(Limit { by: 1, pages_max: 1 });
    write(&mut disk, 1, 3000, &[b'a'; 1000]);
    let now = moment(&disk, 0);
    let refused = disk.carry_out(&DiskAction::Write { file: FileId(1), at: 4000, parts: vec![Bytes::from(vec![1; 200])] }, now);
    assert_eq!(refused.expect_err("it is full").kind, DiskErrorKind::Full);
    assert_eq!(disk.length_of(FileId(1)), Some(4096));
    assert_eq!(go(&mut disk, &DiskAction::FreeSpace), DiskDone::Free(0));
    assert_eq!(disk.troubles.touched, [1]);
}

#[test]
fn removed_file_stays_readable_for_a_stream_that_holds_it() {
    let mut disk = disk_with_a_synced_file();
    let pinned = disk.pin(FileId(1)).expect("it is open");
    go(&mut disk, &DiskAction::Close { file: FileId(1) });
    go(&mut disk, &DiskAction::Remove { name: Name::from("a") });
    sync_directory(&mut disk, "");
    assert_eq!(disk.read_pinned(pinned, 2990, 100), Some(Bytes::from(vec![b'a'; 10])));
    disk.unpin(pinned);
}

#[test]
fn operations_of_one_file_keep_their_order_and_others_do_not() {
    let weather = Weather::new(Seed(1), Vec::new());
    let mut reordered = false;
    for round in 0..50u64 {
        let mut queue = Queue::default();
        let mut turns = Vec::new();
        for op in 0..8u64 {
            let action = DiskAction::Write { file: FileId(op % 2), at: 0, parts: vec![Bytes::new()] };
            let waiting = Waiting { op: OpId(op), dir: odradek_log::disk::DirId(0), action, covers: 0 };
            turns.push((queue.submit(Time(round * 10_000_000), waiting, 1, &weather), op));
        }
        turns.sort();
        let taken: Vec<u64> = turns.iter().map(|((_, turn), _)| queue.take(*turn).expect("each turn has its operation").op.0).collect();
        assert!([0, 1].iter().all(|file| taken.iter().filter(|op| *op % 2 == *file).is_sorted()), "{taken:?}");
        reordered |= !taken.is_sorted();
        assert!(queue.is_empty() && queue.take(Turn::Loose(OpId(0))).is_none());
    }
    assert!(reordered, "no two files ever overtook each other");
}

/// What a script of the model does.
#[derive(Clone, Debug)]
enum Step {
    Write { file: u64, at: u64, byte: u8, length: u64 },
    Truncate { file: u64, length: u64 },
    Sync { file: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let file = 0..2u64;
    prop::collection::vec(
        prop_oneof![
            4 => (file.clone(), 0..9000u64, 1..=255u8, 1..5000u64).prop_map(|(file, at, byte, length)| Step::Write { file, at, byte, length }),
            1 => (file.clone(), 0..9000u64).prop_map(|(file, length)| Step::Truncate { file, length }),
            1 => file.prop_map(|file| Step::Sync { file }),
        ],
        1..20,
    )
}

/// The model: every state that a file has had since its last sync, oldest first.
type Histories = BTreeMap<u64, Vec<Vec<u8>>>;

fn follow(model: &mut Histories, step: &Step) {
    let (Step::Write { file, .. } | Step::Truncate { file, .. } | Step::Sync { file }) = step;
    let history = model.get_mut(file).expect("both files are there");
    let mut state = history.last().expect("a history is never empty").clone();
    match *step {
        Step::Write { at, byte, length, .. } => {
            state.resize(state.len().max((at + length) as usize), 0);
            state[at as usize..(at + length) as usize].fill(byte);
        }
        Step::Truncate { length, .. } => state.resize(length as usize, 0),
        Step::Sync { .. } => history.clear(),
    }
    history.push(state);
}

fn act(disk: &mut Disk, step: &Step, draw: u64) {
    let action = match *step {
        Step::Write { file, at, byte, length } => {
            DiskAction::Write { file: FileId(file), at, parts: vec![Bytes::from(vec![byte; length as usize])] }
        }
        Step::Truncate { file, length } => DiskAction::Truncate { file: FileId(file), length },
        Step::Sync { file } => DiskAction::Sync { file: FileId(file) },
    };
    let at = moment(disk, draw);
    disk.carry_out(&action, at).expect("nothing is wrong with this disk");
}

/// A sector of a state, with zeros beyond its end.
fn sector(state: &[u8], nth: usize, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = state.iter().copied().skip(nth * 512).take(512).collect();
    bytes.resize(512, 0);
    bytes.truncate(length.saturating_sub(nth * 512).min(512));
    bytes
}

fn assert_legal(history: &[Vec<u8>], left: &[u8]) {
    let lengths: BTreeSet<usize> = history.iter().map(Vec::len).collect();
    let between = left.len().is_multiple_of(512)
        && left.len() > lengths.first().copied().unwrap_or(0)
        && left.len() < lengths.last().copied().unwrap_or(0);
    assert!(lengths.contains(&left.len()) || between, "length {} is none of {lengths:?}", left.len());
    for nth in 0..left.len().div_ceil(512) {
        let is = sector(left, nth, left.len());
        // Bytes of a sector beyond the length at that time are zeros, so a state counts cut to any length it may be cut to.
        let legal = history
            .iter()
            .any(|state| lengths.iter().chain([&left.len()]).any(|&cut| sector(&state[..state.len().min(cut)], nth, left.len()) == is));
        assert!(legal || nth * 512 >= left.len(), "sector {nth} is none that the file has had");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_process_reads_is_what_it_wrote_and_what_a_cut_leaves_is_legal(steps in steps(), seed in any::<u64>()) {
        let mut disk = Disk::new();
        let mut model = Histories::from([(0, vec![Vec::new()]), (1, vec![Vec::new()])]);
        create(&mut disk, 0, "0");
        create(&mut disk, 1, "1");
        sync_directory(&mut disk, "");
        for (nth, step) in steps.iter().enumerate() {
            act(&mut disk, step, seed ^ nth as u64);
            follow(&mut model, step);
            for (file, history) in &model {
                let name = Name::from(file.to_string().as_str());
                let bytes = disk.read_file(&name).expect("it is there");
                prop_assert_eq!(&bytes[..], &history.last().expect("never empty")[..]);
            }
        }
        let sure: Vec<_> = model.keys().map(|file| {
            let name = Name::from(file.to_string().as_str());
            let long = disk.surely_long(&name).expect("the name is durable");
            (0..long.div_ceil(512)).map(|nth| disk.surely_holds(&name, nth * 512, (long - nth * 512).min(512))).collect::<Vec<_>>()
        }).collect();
        disk.power_cut(Seed(seed));
        for ((file, history), sure) in model.iter().zip(sure) {
            let left = disk.read_file(&Name::from(file.to_string().as_str())).expect("its name was synced");
            assert_legal(history, &left);
            for (nth, sure) in sure.iter().enumerate().filter_map(|(nth, sure)| Some((nth, sure.as_ref()?))) {
                prop_assert_eq!(&left[nth * 512..nth * 512 + sure.len()], &sure[..], "what was sure has changed");
            }
        }
    }
}
