//! Stories of durability, told whole: what is done, and then everything that log and directory say.
//!
//! | verb | meaning |
//! |---|---|
//! | `create` | makes the log |
//! | `append NAME [BYTES] [seq N]` | appends one record, with a sequence as an idempotent producer; NAME waits until it may be acknowledged |
//! | `done VERB PART` | finishes the oldest operation of this kind on a name that contains PART |
//! | `fails VERB PART` | the same, with an I/O error |
//! | `rest` | finishes everything, oldest first |
//!
//! Every operation that is asked for is a line; so is every mark, and every name that may be acknowledged.

use odradek_machine::Guards;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir;
use crate::dir::ids::OwnerId;
use crate::disk::{DiskAction, DiskErrorKind};
use crate::output::Output;
use crate::testing::batches::{idempotent, values};
use crate::testing::{Said, World, play};

struct Stage {
    w: World,
    log: Option<OwnerId>,
    parked: Vec<(String, Offset)>,
    /// Operations that were told.
    told: u64,
    /// What was said and told.
    heard: usize,
}

const T: i64 = 1_700_000_000_000;

impl Stage {
    fn new() -> Stage {
        let mut w = World::new(Guards::ALL_ON);
        w.disk.fail_expected = true;
        Stage { w, log: None, parked: Vec::new(), told: 0, heard: 0 }
    }

    fn act(&mut self, verb: &str, said: &mut Vec<String>) {
        let words: Vec<_> = verb.split(' ').collect();
        match words[..] {
            ["create"] => self.log = Some(self.w.create(0, LogConfig { segment_bytes: 300, ..LogConfig::default() }, Guards::ALL_ON)),
            ["append", name, ref how @ ..] => self.append(name, how, said),
            ["done", verb, part] => self.finish(verb, part),
            ["fails", verb, part] => {
                let verb = VERBS.iter().find(|v| **v == verb).expect("a verb of the disk");
                self.w.disk.fail.push((verb, "", DiskErrorKind::Io));
                self.finish(verb, part);
            }
            ["rest"] => {
                while !self.w.ops.is_empty() {
                    self.tell_operations(said);
                    self.w.finish(0);
                }
            }
            _ => panic!("a play has no verb {verb}"),
        }
        self.tell(said);
    }

    fn append(&mut self, name: &str, how: &[&str], said: &mut Vec<String>) {
        let (bytes, sequence) = match how {
            [] => (1, None),
            [bytes] => (bytes.parse().expect("bytes"), None),
            ["seq", n] => (1, Some(n.parse().expect("a sequence"))),
            _ => panic!("an append in another way: {how:?}"),
        };
        let value = vec![b'v'; bytes];
        let batch = sequence.map_or_else(|| values(&[&value], T), |n| idempotent(&[&value], T, 7, 0, n));
        match self.w.append(self.log.expect("the log was created"), batch) {
            Ok(a) => {
                said.push(format!("{name} is at {}{}", a.base.0, if a.duplicate { ", a duplicate" } else { "" }));
                self.parked.push((name.to_owned(), a.end));
            }
            Err(error) => said.push(format!("{name} is refused: {error}")),
        }
    }

    fn finish(&mut self, verb: &str, part: &str) {
        let fits = |i: &usize| self.w.ops[*i].1.verb() == verb && self.w.disk.name_of(&self.w.ops[*i].1).as_str().contains(part);
        let i = self.w.ready().into_iter().find(fits).unwrap_or_else(|| panic!("no {verb} of {part} is under way"));
        self.w.finish(i);
    }

    fn tell(&mut self, said: &mut Vec<String>) {
        self.tell_operations(said);
        for s in &self.w.said[self.heard..] {
            match s {
                Said::Log(_, Output::Note(n)) | Said::Dir(dir::Output::Note(n)) => {
                    said.push(format!("note {}{}", n.mark, n.says.as_ref().map(|s| format!(": {s}")).unwrap_or_default()));
                }
                Said::Log(_, other) => said.push(format!("log says {other:?}")),
                Said::Dir(dir::Output::OutOfService { error }) => said.push(format!("directory out of service: {error}")),
                Said::Dir(other) => said.push(format!("directory says {other:?}")),
            }
        }
        self.heard = self.w.said.len();
        let Some(log) = self.log else { return };
        let log = self.w.log(log);
        if log.is_out_of_service() {
            said.extend(self.parked.drain(..).map(|(name, _)| format!("{name} is never acknowledged")));
        }
        let durable = log.durable_end();
        said.extend(self.parked.extract_if(.., |(_, end)| *end <= durable).map(|(name, _)| format!("acknowledge {name}")));
    }

    fn tell_operations(&mut self, said: &mut Vec<String>) {
        let told = self.told;
        for (op, action) in self.w.ops.iter().filter(|(op, _)| op.0 > told) {
            let name = match action.file().filter(|_| !matches!(action, DiskAction::Create { .. } | DiskAction::Open { .. })) {
                None => self.w.disk.name_of(action).to_string(),
                Some(file) => self.w.name_of_file(file),
            };
            let more = match action {
                DiskAction::Write { at, parts, .. } => format!(" {} bytes at {at}", parts.iter().map(bytes::Bytes::len).sum::<usize>()),
                _ => String::new(),
            };
            said.push(format!("  {} {}{more}", action.verb(), if name.is_empty() { "the root" } else { &name }));
            self.told = self.told.max(op.0);
        }
    }
}

const VERBS: &[&str] = &["create", "write", "sync", "syncdir", "rename", "close", "mkdir"];

fn tell(file: &str) {
    let mut stage = Stage::new();
    play::run(file, |verb, said| stage.act(verb, said));
}

#[test]
fn play_a_sync_that_fails() {
    tell("sync-fails.play");
}

#[test]
fn play_a_duplicate_waits_for_its_original() {
    tell("duplicate-waits.play");
}

#[test]
fn play_a_roll_while_a_sync_runs() {
    tell("roll-while-syncing.play");
}
