//! What the producer promises, whatever is lost, late or refused: a model of a broker's log is the judge.

use std::collections::{BTreeMap, VecDeque};

use odradek_wire::error::ErrorCode;
use odradek_wire::messages::ProduceResponseData;
use proptest::prelude::*;

use super::delivery::{SentBatch, batches, send, stage, told};
use crate::error::Outcome;
use crate::producer::{Event, Producer};
use crate::testing::{Asked, Stage};

const PARTITIONS: usize = 2;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Act {
    Send {
        partition: usize,
    },
    /// The broker works on the oldest request and answers in this way.
    Answer(Manner),
    /// The connections end; requests on them are lost, or worked on later although nobody hears the answer.
    Cut {
        worked_on: bool,
    },
    /// A request of a connection that is gone is worked on.
    Late,
    Move {
        partition: usize,
        leader: i32,
    },
    Pass {
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    Fairly,
    /// Appends and says that it did not hear of it.
    InDoubt(ErrorCode),
    /// Does not append.
    Refuse(ErrorCode),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let manner = prop_oneof![
        6 => Just(Manner::Fairly),
        1 => Just(Manner::InDoubt(ErrorCode::NotLeaderOrFollower)),
        1 => Just(Manner::InDoubt(ErrorCode::RequestTimedOut)),
        1 => Just(Manner::InDoubt(ErrorCode::UnknownServerError)),
        1 => Just(Manner::Refuse(ErrorCode::NotEnoughReplicas)),
        1 => Just(Manner::Refuse(ErrorCode::InvalidRecord)),
        1 => Just(Manner::Refuse(ErrorCode::MessageTooLarge)),
    ];
    let act = prop_oneof![
        8 => (0..PARTITIONS).prop_map(|partition| Act::Send { partition }),
        8 => manner.prop_map(Act::Answer),
        2 => any::<bool>().prop_map(|worked_on| Act::Cut { worked_on }),
        3 => Just(Act::Late),
        1 => (0..PARTITIONS, 1..3).prop_map(|(partition, leader)| Act::Move { partition, leader }),
        6 => prop_oneof![Just(1u64), Just(7), Just(120), Just(900), Just(12_000)].prop_map(|ms| Act::Pass { ms }),
    ];
    proptest::collection::vec(act, 1..120)
}

/// The log of one partition, and the state of its producer by Kafka's rules: five batches are remembered.
#[derive(Default)]
struct Log {
    values: Vec<String>,
    epoch: Option<(i64, i16)>,
    next: i32,
    last: VecDeque<(i32, usize, i64)>,
}

impl Log {
    fn append(&mut self, (_, stamp, values): &SentBatch) -> Result<i64, ErrorCode> {
        let offset = self.values.len() as i64;
        if let Some((producer, epoch, sequence)) = *stamp {
            match self.epoch {
                Some((known, current)) if known == producer && epoch < current => return Err(ErrorCode::InvalidProducerEpoch),
                Some((known, current)) if known == producer && epoch == current => {
                    if let Some((_, _, at)) = self.last.iter().find(|(base, count, _)| (*base, *count) == (sequence, values.len())) {
                        return Ok(*at);
                    }
                    if sequence != self.next {
                        return Err(ErrorCode::OutOfOrderSequenceNumber);
                    }
                }
                Some(_) if sequence != 0 => return Err(ErrorCode::OutOfOrderSequenceNumber),
                Some(_) | None => {}
            }
            if self.epoch != Some((producer, epoch)) {
                self.last.clear();
            }
            (self.epoch, self.next) = (Some((producer, epoch)), sequence + values.len() as i32);
            self.last.push_back((sequence, values.len(), offset));
            if self.last.len() > 5 {
                self.last.pop_front();
            }
        }
        self.values.extend(values.iter().cloned());
        Ok(offset)
    }
}

struct World {
    stage: Stage<Producer>,
    logs: Vec<Log>,
    late: VecDeque<Asked>,
    sent: Vec<Vec<String>>,
    next: u64,
}

impl World {
    fn new(idempotence: bool) -> World {
        let stage = stage(PARTITIONS, |c| {
            (c.linger_ms, c.batch_bytes, c.idempotence) = (3, 150, idempotence);
            c.delivery_timeout_ms = 32_000;
        });
        let mut world = World { stage, logs: Vec::new(), late: VecDeque::new(), sent: vec![Vec::new(); PARTITIONS], next: 0 };
        world.logs.resize_with(PARTITIONS, Log::default);
        world.stage.plan.nodes = vec![1, 2];
        world
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send { partition } => {
                let value = self.next.to_string();
                send(&mut self.stage, self.next, partition as i32, &value);
                self.sent[partition].push(value);
                self.next += 1;
            }
            Act::Answer(manner) => {
                if let Some(asked) = self.stage.requests.pop_front() {
                    let answer = self.work_on(&asked, manner);
                    self.stage.answer(&asked, answer);
                }
            }
            Act::Cut { worked_on } => {
                if worked_on {
                    self.late.extend(self.stage.requests.drain(..));
                }
                self.stage.cut_all();
            }
            Act::Late => {
                if let Some(asked) = self.late.pop_front() {
                    self.work_on(&asked, Manner::Fairly);
                }
            }
            Act::Move { partition, leader } => {
                let leaders = &mut self.stage.plan.topics.get_mut("orders").expect("it is planned").leaders;
                leaders[partition] = (leader, leaders[partition].1 + 1);
            }
            Act::Pass { ms } => self.stage.pass_ms(ms),
        }
    }

    fn work_on(&mut self, asked: &Asked, manner: Manner) -> ProduceResponseData {
        let leaders = self.stage.plan.topics["orders"].leaders.clone();
        let mut answer = told(asked, ErrorCode::None, 0);
        for (batch, answer) in batches(asked).iter().zip(&mut answer.responses[0].partition_responses) {
            let log = &mut self.logs[batch.0 as usize];
            let led_here = 9_000 + leaders[batch.0 as usize].0 == i32::from(asked.port);
            let result = match manner {
                _ if !led_here => Err(ErrorCode::NotLeaderOrFollower),
                Manner::Fairly => log.append(batch),
                Manner::InDoubt(code) => log.append(batch).and(Err(code)),
                Manner::Refuse(code) => Err(code),
            };
            answer.error_code = result.err().unwrap_or_default().code();
            answer.base_offset = result.unwrap_or(-1);
        }
        answer
    }

    /// Nothing is lost any longer: everything in hand gets its outcome.
    fn heal(&mut self) {
        for _ in 0..400 {
            while !self.stage.requests.is_empty() {
                self.act(Act::Answer(Manner::Fairly));
            }
            self.stage.pass_ms(100);
        }
        while !self.late.is_empty() {
            self.act(Act::Late);
        }
    }

    /// Each record's outcome, exactly one: its offset, or whether it is known not to be there.
    fn outcomes(&mut self) -> BTreeMap<u64, Result<Option<i64>, Outcome>> {
        let mut outcomes = BTreeMap::new();
        for event in self.stage.take_events() {
            let (token, outcome) = match event {
                Event::Delivered { token, offset, .. } => (token, Ok(offset)),
                Event::Failed { token, outcome, .. } => (token, Err(outcome)),
                other => panic!("{other:?} was not asked for"),
            };
            assert!(outcomes.insert(token.0, outcome).is_none(), "record {} has two outcomes", token.0);
        }
        assert_eq!(outcomes.len() as u64, self.next, "a record has no outcome");
        outcomes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Nothing is doubled, nothing reordered, and every outcome is true.
    #[test]
    fn producer_idempotent_log_is_the_order_of_sending_and_outcomes_are_true(acts in acts()) {
        let mut world = World::new(true);
        acts.into_iter().for_each(|act| world.act(act));
        world.heal();
        let outcomes = world.outcomes();
        for (log, sent) in world.logs.iter().zip(&world.sent) {
            let numbers: Vec<u64> = log.values.iter().map(|v| v.parse().expect("a number")).collect();
            prop_assert!(numbers.is_sorted_by(|a, b| a < b), "doubled or reordered: {numbers:?}");
            for value in sent {
                let token: u64 = value.parse().expect("a number");
                let at = log.values.iter().position(|v| v == value).map(|at| at as i64);
                match outcomes[&token] {
                    Ok(Some(offset)) => prop_assert_eq!(at, Some(offset), "record {} was told another offset", token),
                    Ok(None) => prop_assert!(at.is_some(), "record {token} is told as written and is not"),
                    Err(Outcome::Definite) => prop_assert_eq!(at, None, "record {} is told as not written and is", token),
                    Err(Outcome::Unknown) => {}
                }
            }
        }
    }

    /// Without idempotence records may be doubled and reordered; their outcomes are true all the same.
    #[test]
    fn producer_without_idempotence_tells_one_true_outcome_a_record(acts in acts()) {
        let mut world = World::new(false);
        acts.into_iter().for_each(|act| world.act(act));
        world.heal();
        for (token, outcome) in world.outcomes() {
            let written = world.logs.iter().any(|log| log.values.contains(&token.to_string()));
            match outcome {
                Ok(_) => prop_assert!(written, "record {token} is told as written and is not"),
                Err(Outcome::Definite) => prop_assert!(!written, "record {token} is told as not written and is"),
                Err(Outcome::Unknown) => {}
            }
        }
    }
}
