//! Lookup by timestamp beside Apache Kafka 4.3.1: the same records appended, and the answers that it gave.
//!
//! `testdata/times-kafka-4.3.1.txt` holds, for each topic, batches (codec, timestamps of the records, bytes of a value), what `ListOffsets` answered to each
//! timestamp and to the largest (offset and timestamp), and where records were deleted up to.

use odradek_machine::{Guards, WallMs};
use odradek_wire::batch::{Builder, NewRecord, ProducerBatch, Rules};
use odradek_wire::codec::Codec;
use odradek_wire::ids::Offset;

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::incoming::Incoming;
use crate::testing::World;

use super::times::{first_at_or_after, newest};

struct Topic {
    w: World,
    log: OwnerId,
    log_append_time: bool,
    deleted: i64,
    asked: usize,
}

impl Topic {
    fn new(kind: &str) -> Topic {
        let log_append_time = kind == "LogAppendTime";
        let config = LogConfig { segment_bytes: 1 << 20, log_append_time, timestamp_after_max_ms: i64::MAX, ..LogConfig::default() };
        let mut w = World::new(Guards::ALL_ON);
        let log = w.create(0, config, Guards::ALL_ON);
        Topic { w, log, log_append_time, deleted: 0, asked: 0 }
    }

    fn batch(&mut self, codec: &str, timestamps: &str, bytes: usize) {
        let mut b = Builder::new(Codec::from_name(codec).expect("a codec"));
        let value = vec![b'v'; bytes];
        let timestamps: Vec<i64> = match timestamps.split_once('@') {
            Some((count, at)) => {
                self.w.now.wall = WallMs(at.parse().expect("a time"));
                vec![0; count.parse().expect("a count")]
            }
            None => timestamps.split(',').map(|t| t.parse().expect("a time")).collect(),
        };
        for timestamp_ms in timestamps {
            b.push(NewRecord { timestamp_ms, value: Some(&value), ..NewRecord::default() });
        }
        let rules = Rules { produce_version: 12, decoded_bytes_max: 1 << 24 };
        let batch = Incoming::produced(ProducerBatch::validate(&b.build_bytes(), rules).expect("a batch that was built here is right"));
        self.w.append(self.log, batch).expect("Apache Kafka took it");
        self.w.finish_all();
    }

    fn delete(&mut self, to: i64) {
        let end = self.w.log(self.log).log_end();
        self.w.with(self.log, |log, _, out| log.set_high_watermark(end, out));
        self.w.with(self.log, |log, now, out| log.delete_records_before(now, Offset(to), out)).expect("Apache Kafka did it");
        self.w.finish_all();
        self.deleted = to;
    }

    fn ask(&mut self, what: &str, offset: i64, timestamp_ms: i64) {
        let end = self.w.log(self.log).log_end().0;
        let ours = match what {
            "max" => newest(&mut self.w, self.log),
            asked => first_at_or_after(&mut self.w, self.log, asked.parse().expect("a time"), end),
        };
        // While segments below the log start await their deletion, Apache Kafka looks for a timestamp in the first that has one as young, and no further; a record
        // that is there is the answer that a reader can use. Ours go at once, and with them what they had of the largest timestamp.
        let files = self.w.log(self.log).segments[0].base.0;
        let gone = if what == "max" { files } else { self.deleted };
        if self.deleted > 0 && offset < gone {
            return assert!(ours.is_none_or(|(at, _)| at >= gone), "{what}: {ours:?} was deleted");
        }
        assert_eq!(ours.unwrap_or((-1, -1)), (offset, timestamp_ms), "{what}, deleted to {}, {}", self.deleted, self.log_append_time);
        self.asked += 1;
    }
}

#[test]
fn lookup_by_timestamp_answers_as_apache_kafka_does() {
    let mut topics: Vec<Topic> = Vec::new();
    for line in include_str!("../../../testdata/times-kafka-4.3.1.txt").lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("a number in {line}"));
        match (&words[..], topics.last_mut()) {
            (["topic", kind], _) => topics.push(Topic::new(kind)),
            (["batch", codec, timestamps, bytes], Some(topic)) => topic.batch(codec, timestamps, bytes.parse().expect("bytes")),
            (["delete", to], Some(topic)) => topic.delete(number(to)),
            (["ask", what, offset, timestamp_ms], Some(topic)) => topic.ask(what, number(offset), number(timestamp_ms)),
            _ => panic!("{line}"),
        }
    }
    assert!(topics.iter().map(|t| t.asked).sum::<usize>() > 400);
}
