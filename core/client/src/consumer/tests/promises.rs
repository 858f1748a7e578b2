//! What the consumer promises, whatever is lost, late or hostile.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use odradek_wire::error::ErrorCode;
use odradek_wire::request::Request;
use proptest::prelude::*;

use super::fetching::{batch, data, fetch, joined, of, poll, read_from, stage, told};
use crate::config::Isolation;
use crate::consumer::decode::{Reading, decode};
use crate::consumer::{Command, Consumer, SeekTo};
use crate::testing::{Asked, Stage};

#[derive(Clone, Copy, Debug)]
enum Act {
    /// The broker answers the oldest request, with at most so many batches a partition.
    Answer {
        batches: usize,
    },
    Refuse(ErrorCode),
    LoseSession,
    Cut,
    Move,
    Poll {
        records_max: usize,
    },
    Pause(bool),
    /// Back to an offset.
    Seek {
        partition: i32,
        offset: i64,
    },
    Pass {
        ms: u64,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (0usize..4).prop_map(|batches| Act::Answer { batches }),
        1 => Just(Act::Refuse(ErrorCode::NotLeaderOrFollower)),
        1 => Just(Act::Refuse(ErrorCode::OffsetNotAvailable)),
        1 => Just(Act::LoseSession),
        1 => Just(Act::Cut),
        1 => Just(Act::Move),
        8 => (1usize..9).prop_map(|records_max| Act::Poll { records_max }),
        1 => any::<bool>().prop_map(Act::Pause),
        1 => (0..2, 0..40i64).prop_map(|(partition, offset)| Act::Seek { partition, offset }),
        5 => prop_oneof![Just(1u64), Just(150), Just(1_200), Just(31_000)].prop_map(|ms| Act::Pass { ms }),
    ];
    proptest::collection::vec(act, 1..100)
}

const RECORDS: i64 = 40;

/// Forty records of a partition in batches of one, two, three, …
fn log(partition: i32) -> Vec<(i64, i64, Bytes)> {
    let mut batches = Vec::new();
    let (mut base, mut count) = (0, 1 + i64::from(partition));
    while base < RECORDS {
        let end = (base + count).min(RECORDS);
        let values: Vec<String> = (base..end).map(|o| format!("{partition}/{o}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        batches.push((base, end, batch(base, 0, &values)));
        (base, count) = (end, count % 5 + 1);
    }
    batches
}

struct World {
    stage: Stage<Consumer>,
    /// By its own account of the session: what the consumer asked last of each partition.
    asked: BTreeMap<i32, i64>,
    next: BTreeMap<i32, i64>,
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Answer { batches } => self.answer(batches, ErrorCode::None, ErrorCode::None),
            Act::Refuse(code) => self.answer(0, code, ErrorCode::None),
            Act::LoseSession => self.answer(0, ErrorCode::None, ErrorCode::InvalidFetchSessionEpoch),
            Act::Cut => self.stage.cut_all(),
            Act::Move => {
                let (leader, epoch) = self.stage.plan.topics["orders"].leaders[0];
                self.stage.plan.topics.get_mut("orders").expect("it is planned").leaders[0] = (3 - leader, epoch);
            }
            Act::Poll { records_max } => self.poll(records_max),
            Act::Pause(true) => self.stage.command(Command::Pause { partitions: vec![of(0)] }),
            Act::Pause(false) => self.stage.command(Command::Resume { partitions: vec![of(0)] }),
            Act::Seek { partition, offset } => {
                self.stage.command(Command::Seek { partition: of(partition), to: SeekTo::Offset(offset) });
                self.next.insert(partition, offset);
            }
            Act::Pass { ms } => self.stage.pass_ms(ms),
        }
    }

    /// Each record once, in order, from the last seek on.
    fn poll(&mut self, records_max: usize) {
        let records = poll(&mut self.stage, records_max);
        assert!(records.len() <= records_max);
        for (partition, offset, value) in records {
            assert_eq!(self.next[&partition], offset, "partition {partition} skipped or repeated something");
            assert_eq!(value, format!("{partition}/{offset}"));
            self.next.insert(partition, offset + 1);
        }
    }

    fn answer(&mut self, batches: usize, code: ErrorCode, session: ErrorCode) {
        let Some(asked) = self.stage.requests.pop_front() else { return };
        assert!(matches!(asked.request, Request::Fetch(_)), "a seek by offset needs nothing else: {:?}", asked.request);
        self.note(&asked);
        let partitions = self.asked.iter().map(|(&partition, &from)| {
            let log = log(partition);
            let wanted = log.iter().filter(|(_, end, _)| *end > from).take(batches).map(|(_, _, bytes)| bytes.clone());
            data(partition, joined(&wanted.collect::<Vec<_>>())).with_error_code(code.code())
        });
        // Without a session: each fetch names all it wants.
        let body = told(0, partitions.collect()).with_error_code(session.code());
        self.stage.answer(&asked, body);
    }

    fn note(&mut self, asked: &Asked) {
        self.asked = fetch(asked).topics.iter().flat_map(|t| &t.partitions).map(|p| (p.partition, p.fetch_offset)).collect();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn consumer_hands_out_each_record_once_and_in_order_whatever_is_lost(acts in acts()) {
        let mut stage = stage(2, |_| ());
        stage.plan.nodes = vec![1, 2];
        read_from(&mut stage, &[(0, 0), (1, 0)]);
        let mut world = World { stage, asked: BTreeMap::new(), next: BTreeMap::from([(0, 0), (1, 0)]) };
        acts.into_iter().for_each(|act| world.act(act));
        world.act(Act::Pause(false));
        for _ in 0..200 {
            // A broker would let a fetch wait at the end of the log; this one answers at once, so not for ever.
            (0..4).for_each(|_| world.act(Act::Answer { batches: 3 }));
            world.act(Act::Poll { records_max: 500 });
            world.act(Act::Pass { ms: 200 });
        }
        prop_assert!(world.next.values().all(|next| *next == RECORDS), "not everything was read: {:?}", world.next);
    }

    /// A hostile broker may send anything: no panic, and no offset out of order.
    #[test]
    fn consumer_decodes_hostile_bytes_without_a_panic(
        from in 0i64..12,
        crcs in any::<bool>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = joined(&[batch(0, 0, &["a", "b", "c"]), batch(3, 1, &["d"]), batch(4, 1, &["e", "f", "g", "h"])]);
        let mut bytes = BytesMut::from(&whole[..]);
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(whole.len() + 1));
        let reading = Reading { from, isolation: Isolation::ReadCommitted, check_crcs: crcs };
        let decoded = decode(bytes.freeze(), &[], reading);
        let offsets: Vec<i64> = decoded.records.iter().map(|r| r.offset).collect();
        prop_assert!(offsets.is_sorted_by(|a, b| a < b) && offsets.iter().all(|o| *o >= from), "{offsets:?} from {from}");
        prop_assert!(decoded.end.is_none_or(|(end, _)| offsets.iter().all(|o| *o < end)));
    }
}
