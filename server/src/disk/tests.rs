use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::host::Back;

struct World {
    disk: Disk,
    back: UnboundedReceiver<Back>,
    root: PathBuf,
    next: u64,
}

impl World {
    fn new(name: &str) -> World {
        let root = std::env::temp_dir().join(format!("odradek-disk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let (sender, back) = unbounded_channel();
        let disk = Disk::new(vec![root.clone()], Helpers::new(sender, 4), Arc::new(Counters::default()));
        std::fs::create_dir_all(&root).expect("the directory can be made");
        World { disk, back, root, next: 0 }
    }

    fn submit(&mut self, action: DiskAction) -> OpId {
        self.next += 1;
        self.disk.submit(OpId(self.next), DirId(0), action);
        OpId(self.next)
    }

    /// Takes back what helpers bring until as many operations are done.
    fn done(&mut self, count: usize) -> Vec<(OpId, DiskResult)> {
        let mut done = Vec::new();
        loop {
            done.extend(std::iter::from_fn(|| self.disk.next_done()));
            if done.len() >= count {
                return done;
            }
            match self.back.blocking_recv() {
                Some(Back::Disk(finished)) => self.disk.finished(finished),
                _ => panic!("helpers bring back what they were given"),
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[test]
fn disk_does_nothing_with_names_on_the_loop() {
    let mut world = World::new("names");
    let (file, again) = (FileId(1), FileId(2));
    let name = |text: &str| Name::from(text);
    let actions = [
        DiskAction::MakeDirectory { name: name("d") },
        DiskAction::Create { file, name: name("d/a"), length: 10 },
        DiskAction::Open { file: again, name: name("d/a") },
        DiskAction::List { name: name("d") },
        DiskAction::Rename { from: name("d/a"), to: name("d/b") },
        DiskAction::SyncDirectory { name: name("d") },
        DiskAction::Remove { name: name("d/b") },
        DiskAction::FreeSpace,
    ];
    for action in actions {
        let op = world.submit(action.clone());
        assert_eq!(world.disk.next_done(), None, "{action:?} was carried out on the loop");
        let [(done, Ok(_))] = &world.done(1)[..] else { panic!("{action:?} failed") };
        assert_eq!(*done, op);
    }
}

#[test]
fn disk_keeps_the_order_of_what_is_asked_of_a_file_that_is_being_made() {
    let mut world = World::new("order");
    let file = FileId(1);
    let ops = [
        DiskAction::Create { file, name: Name::from("a"), length: 0 },
        DiskAction::Write { file, at: 0, parts: vec![Bytes::from_static(b"one")] },
        DiskAction::Sync { file },
        DiskAction::Read { file, at: 0, length: 9 },
        DiskAction::Write { file, at: 3, parts: vec![Bytes::from_static(b"two")] },
        DiskAction::Close { file },
    ]
    .map(|action| world.submit(action));
    let done = world.done(ops.len());
    assert_eq!(done.iter().map(|(op, _)| *op).collect::<Vec<_>>(), ops);
    assert_eq!(done[3].1, Ok(DiskDone::Read(Bytes::from_static(b"one"))), "what was written behind the read is not in it");
    assert_eq!(std::fs::read(world.root.join("a")).expect("it was made"), b"onetwo");
}

#[test]
fn disk_tries_again_what_found_no_descriptor_before_anything_that_follows_on_its_file() {
    let mut world = World::new("starved");
    let file = FileId(1);
    std::fs::write(world.root.join("a"), b"one").expect("the directory was made");
    let action = DiskAction::Open { file, name: Name::from("a") };
    let open = world.submit(action.clone());
    let Some(Back::Disk(_)) = world.back.blocking_recv() else { panic!("helpers bring back what they were given") };
    // In its place it is told that there was none.
    world.disk.finished(Finished::Starved { op: open, dir: DirId(0), action });
    let write = world.submit(DiskAction::Write { file, at: 3, parts: vec![Bytes::from_static(b"two")] });
    let sync = world.submit(DiskAction::Sync { file });
    assert!(world.disk.is_starved() && world.disk.next_done().is_none());
    world.disk.try_again();
    let done = world.done(3);
    assert_eq!(done.iter().map(|(op, result)| (*op, result.is_ok())).collect::<Vec<_>>(), [(open, true), (write, true), (sync, true)]);
    assert_eq!(std::fs::read(world.root.join("a")).expect("it is there"), b"onetwo");
}

#[test]
fn disk_fails_what_is_asked_of_a_file_that_cannot_be_opened() {
    let mut world = World::new("missing");
    let file = FileId(1);
    world.submit(DiskAction::Open { file, name: Name::from("missing") });
    world.submit(DiskAction::Write { file, at: 0, parts: vec![Bytes::from_static(b"one")] });
    world.submit(DiskAction::Close { file });
    let done = world.done(3);
    let failed = done.iter().filter(|(_, result)| matches!(result, Err(error) if error.kind == DiskErrorKind::NotFound));
    assert_eq!(failed.count(), 3, "{done:?}");
    assert!(!world.root.join("missing").exists());
}
