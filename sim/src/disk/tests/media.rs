//! What media do: each fault destroys what it says that it destroys, and nothing else.

use super::*;

/// Two files of 20,000 bytes each, `a.log` and `d-0/b.log`, synced with their names, and a small one beside them.
fn disk() -> Disk {
    let mut disk = Disk::new();
    go(&mut disk, &DiskAction::MakeDirectory { name: Name::from("d-0") });
    for (file, name, byte, length) in [(1, "a.log", b'a', 20_000), (2, "d-0/b.log", b'b', 20_000), (3, "d-0/index", b'i', 10)] {
        create(&mut disk, file, name);
        write(&mut disk, file, 0, &vec![byte; length]);
        sync(&mut disk, file);
    }
    sync_directory(&mut disk, "");
    sync_directory(&mut disk, "d-0");
    disk
}

fn contents(disk: &Disk, name: &str) -> Bytes {
    disk.read_file(&Name::from(name)).expect("it is there")
}

fn read(disk: &mut Disk, file: u64, at: u64, length: u64, draw: u64) -> Result<Bytes, DiskErrorKind> {
    let moment = moment(disk, draw);
    match disk.carry_out(&DiskAction::Read { file: FileId(file), at, length }, moment) {
        Ok(DiskDone::Read(bytes)) => Ok(bytes),
        Ok(other) => panic!("a read came back with {other:?}"),
        Err(error) => Err(error.kind),
    }
}

fn armed(times: u64, file: &str) -> Armed {
    Armed { by: 3, times, file: Some(file.into()) }
}

/// What is said to be destroyed is where the file differs from what it would be; everything else is as it was.
fn assert_exact(destroyed: &[Destroyed], disk: &Disk, before: &BTreeMap<&str, Bytes>) {
    for (name, was) in before {
        let is = contents(disk, name);
        let of_it: Vec<&Destroyed> = destroyed.iter().filter(|one| one.file.as_str() == *name).collect();
        let said = |at: usize| of_it.iter().any(|one| one.bytes.contains(&(at as u64)));
        assert!(of_it.iter().all(|one| one.was.len() == was.len() && one.lasts));
        assert!((0..was.len()).all(|at| is.get(at) == was.get(at) || said(at)), "a byte of {name} changed of which nothing is said");
        let ends_differ = |range: &std::ops::Range<u64>| {
            is.get(range.start as usize) != was.get(range.start as usize)
                && is.get(range.end as usize - 1) != was.get(range.end as usize - 1)
        };
        assert!(of_it.iter().all(|one| ends_differ(&one.bytes)), "{name}: more is said to be destroyed than is");
    }
}

fn take(disk: &mut Disk) -> Vec<Destroyed> {
    std::mem::take(&mut disk.troubles.destroyed)
}

#[test]
fn byte_that_rots_shows_at_once_and_outlives_kill_and_power_cut() {
    for draw in 0..50 {
        let mut disk = disk();
        let before = BTreeMap::from(["a.log", "d-0/b.log"].map(|name| (name, contents(&disk, name))));
        disk.rot(3, Some(".log"), Seed(draw));
        let destroyed = take(&mut disk);
        assert_eq!((destroyed.len(), destroyed[0].bytes.end - destroyed[0].bytes.start), (1, 1));
        assert_eq!(disk.troubles.touched, [3]);
        assert_exact(&destroyed, &disk, &before);
        let rotten = contents(&disk, destroyed[0].file.as_str());
        disk.kill();
        disk.power_cut(Seed(draw));
        assert_eq!(contents(&disk, destroyed[0].file.as_str()), rotten);
        assert_eq!(contents(&disk, "d-0/index"), Bytes::from(vec![b'i'; 10]), "its name does not end with .log");
    }
}

#[test]
fn what_is_not_on_the_medium_cannot_rot() {
    let mut disk = Disk::new();
    create(&mut disk, 1, "a.log");
    write(&mut disk, 1, 0, &[b'a'; 600]);
    assert!(!disk.can_be_harmed(Some(".log")));
    disk.rot(3, Some(".log"), Seed(1));
    assert!(disk.troubles.touched.is_empty() && take(&mut disk).is_empty());
    sync(&mut disk, 1);
    write(&mut disk, 1, 0, b"x");
    for draw in 0..50 {
        let mut disk = disk.clone();
        disk.rot(3, Some(".log"), Seed(draw));
        assert!(take(&mut disk)[0].bytes.start >= SECTOR_BYTES, "a sector rots that waits for a sync");
    }
}

#[test]
fn file_is_meant_by_the_end_of_its_name_or_of_its_directorys() {
    let disk = disk();
    for (end, can) in [(".log", true), ("d-0", true), ("index", true), ("orders-0", false), ("quorum-state", false)] {
        assert_eq!(disk.can_be_harmed(Some(end)), can, "{end}");
    }
    let mut harmed = disk.clone();
    harmed.rot(3, Some("d-0"), Seed(1));
    assert!(take(&mut harmed)[0].file.as_str().starts_with("d-0/"));
}

#[test]
fn sector_that_cannot_be_read_can_be_again_when_it_was_written_whole() {
    let mut disk = disk();
    disk.lose_sector(3, Some("a.log"), Seed(7));
    let bytes = take(&mut disk)[0].bytes.clone();
    assert_eq!((bytes.start % SECTOR_BYTES, bytes.end - bytes.start), (0, SECTOR_BYTES));
    assert_eq!(read(&mut disk, 1, bytes.start, 1, 0), Err(DiskErrorKind::Io));
    assert_eq!(read(&mut disk, 1, bytes.end, 10, 0), Ok(Bytes::from(vec![b'a'; 10])));
    let pinned = disk.pin(FileId(1)).expect("it is open");
    assert_eq!(disk.read_pinned(pinned, bytes.start - 1, 2), None);
    assert_eq!(disk.read_pinned(pinned, bytes.start - 1, 1), Some(Bytes::from_static(b"a")));
    disk.unpin(pinned);
    let mut reader = disk.reader(FileId(1), 20_000, Seed(0));
    assert!(ReadAt::read_at(&mut reader, 0, 20_000).is_err());
    // A part of it is no whole sector: the rest of it would have to be read.
    let now = moment(&disk, 0);
    let part = DiskAction::Write { file: FileId(1), at: bytes.start + 1, parts: vec![Bytes::from_static(b"x")] };
    assert_eq!(disk.carry_out(&part, now).expect_err("it cannot be written in part").kind, DiskErrorKind::Io);
    disk.power_cut(Seed(1));
    go(&mut disk, &DiskAction::Open { file: FileId(9), name: Name::from("a.log") });
    assert_eq!(read(&mut disk, 9, bytes.start, 1, 0), Err(DiskErrorKind::Io));
    write(&mut disk, 9, bytes.start, &[b'n'; SECTOR_BYTES as usize]);
    assert_eq!(read(&mut disk, 9, bytes.start, 1, 0), Ok(Bytes::from_static(b"n")));
    // What was not synced is not on the medium.
    let mut cut = disk.clone();
    cut.power_cut_as(Some(Survival::None), Seed(1));
    go(&mut cut, &DiskAction::Open { file: FileId(10), name: Name::from("a.log") });
    assert_eq!(read(&mut cut, 10, bytes.start, 1, 0), Err(DiskErrorKind::Io));
    sync(&mut disk, 9);
    disk.power_cut_as(Some(Survival::None), Seed(1));
    assert_eq!(contents(&disk, "a.log")[bytes.start as usize], b'n');
}

#[test]
fn write_that_is_lost_leaves_what_the_medium_had_and_the_file_as_long_as_it_was_made() {
    let mut disk = disk();
    disk.troubles.loses_writes = Some(armed(1, ".log"));
    sync(&mut disk, 1); // nothing is dirty, so nothing can be lost
    assert!(disk.troubles.loses_writes.is_some());
    write(&mut disk, 1, 20_000, &[b'n'; 300]);
    let was = contents(&disk, "a.log");
    sync(&mut disk, 1);
    assert_eq!(disk.troubles.touched, [3]);
    let destroyed = take(&mut disk);
    assert_eq!((destroyed.len(), destroyed[0].bytes.clone()), (1, 20_000..20_300));
    assert_eq!(destroyed[0].was, was);
    let left = contents(&disk, "a.log");
    assert_eq!((&left[..20_000], &left[20_000..]), (&was[..20_000], &[0; 300][..]));
    disk.power_cut(Seed(1));
    assert_eq!(contents(&disk, "a.log"), left);
}

#[test]
fn write_that_goes_to_another_place_destroys_what_was_there_and_does_not_come_to_its_own() {
    for draw in 0..50 {
        let mut disk = disk();
        disk.troubles.misdirects_writes = Some(armed(1, ".log"));
        write(&mut disk, 1, 20_000, &[b'n'; 100]);
        let before = BTreeMap::from(["a.log", "d-0/b.log"].map(|name| (name, contents(&disk, name))));
        let at = moment(&disk, draw);
        disk.carry_out(&DiskAction::Sync { file: FileId(1) }, at).expect("the sync says that all is well");
        let destroyed = take(&mut disk);
        assert_eq!(destroyed[0].file, Name::from("a.log"));
        assert_eq!(destroyed[0].bytes, 20_000..20_100);
        assert_exact(&destroyed, &disk, &before);
        if let Some(other) = destroyed.get(1) {
            assert_eq!(
                contents(&disk, other.file.as_str())[other.bytes.start as usize],
                if other.file.as_str() == "a.log" { b'n' } else { b'a' }
            );
        }
    }
}

#[test]
fn read_that_comes_from_another_place_goes_wrong_once_and_changes_nothing() {
    let mut disk = disk();
    disk.troubles.misdirects_reads = Some(armed(1, ".log"));
    let wrong = (0..20).find_map(|draw| {
        let mut disk = disk.clone();
        let bytes = read(&mut disk, 1, 100, 6000, draw).expect("it is read");
        (bytes != contents(&disk, "a.log").slice(100..6100)).then_some((disk, bytes))
    });
    let (mut disk, bytes) = wrong.expect("some read comes from the other file");
    assert_eq!(bytes.len(), 6000);
    let destroyed = take(&mut disk);
    assert!(!destroyed[0].lasts && destroyed[0].file.as_str() == "a.log");
    let range = destroyed[0].bytes.start as usize - 100..destroyed[0].bytes.end as usize - 100;
    assert!(bytes[range.clone()].iter().all(|&byte| byte == b'b') && bytes[..range.start].iter().all(|&byte| byte == b'a'));
    assert_eq!(read(&mut disk, 1, 100, 6000, 0), Ok(Bytes::from(vec![b'a'; 6000])));
}

#[test]
fn old_image_brings_back_what_was_durable_of_what_is_meant_and_leaves_the_rest() {
    let mut disk = disk();
    write(&mut disk, 1, 20_000, b"not synced when it was taken");
    disk.keep_image(3, Some("a.log"));
    write(&mut disk, 1, 0, b"new");
    write(&mut disk, 2, 0, b"new");
    disk.kill();
    let before = BTreeMap::from(["a.log", "d-0/b.log"].map(|name| (name, contents(&disk, name))));
    assert!(disk.bring_back_image());
    assert_eq!(contents(&disk, "a.log"), Bytes::from(vec![b'a'; 20_000]));
    assert_eq!(&contents(&disk, "d-0/b.log")[..3], b"new");
    let destroyed = take(&mut disk);
    assert_eq!(destroyed.len(), 1);
    assert_eq!((destroyed[0].bytes.clone(), destroyed[0].whole_disk), (0..20_028, false));
    assert_exact(&destroyed, &disk, &before);
    assert!(!disk.bring_back_image(), "it comes back once");
}

#[test]
fn old_image_of_the_whole_disk_brings_back_names_too() {
    let mut disk = disk();
    disk.keep_image(3, None);
    write(&mut disk, 1, 0, b"new");
    create(&mut disk, 7, "made.later");
    write(&mut disk, 7, 0, b"x");
    go(&mut disk, &DiskAction::Remove { name: Name::from("d-0/index") });
    disk.kill();
    assert!(disk.bring_back_image());
    assert_eq!(disk.troubles.touched, [3]);
    let names: Vec<String> = disk.files().into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["a.log", "d-0/b.log", "d-0/index"]);
    assert_eq!(contents(&disk, "a.log"), Bytes::from(vec![b'a'; 20_000]));
    let destroyed: Vec<_> = take(&mut disk).into_iter().map(|one| (one.file.to_string(), one.bytes, one.whole_disk)).collect();
    assert_eq!(destroyed, [("a.log".to_owned(), 0..3, true), ("made.later".to_owned(), 0..1, true)]);
    // What is made now has an inode of its own.
    create(&mut disk, 8, "made.now");
    write(&mut disk, 8, 0, b"y");
    assert_eq!(contents(&disk, "a.log").len(), 20_000);
}
