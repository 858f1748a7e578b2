//! When a segment is full, by Kafka's rules.

use odradek_machine::Guards;
use odradek_wire::ids::{LeaderEpoch, Offset};

use crate::config::LogConfig;
use crate::dir::ids::OwnerId;
use crate::log::incoming::Origin;
use crate::testing::World;
use crate::testing::batches::{decode, replicated, values};

/// The wall clock of [`World`].
const T: i64 = 1_700_000_000_000;

fn begin(config: LogConfig) -> (World, OwnerId) {
    let mut w = World::new(Guards::ALL_ON);
    let log = w.create(0, config, Guards::ALL_ON);
    (w, log)
}

fn append(w: &mut World, log: OwnerId, timestamp_ms: i64) -> usize {
    w.append(log, values(&[b"v"], timestamp_ms)).expect("it fits");
    w.finish_all();
    w.log(log).segments()
}

#[test]
fn segment_rolls_when_records_are_older_than_its_first_by_more_than_segment_ms() {
    let (mut w, log) = begin(LogConfig { segment_ms: 1_000, ..LogConfig::default() });
    let segments: Vec<_> = [0, 1_000, -5_000, 1_001, 1_500, 2_002].map(|ms| append(&mut w, log, T + ms)).into();
    assert_eq!(segments, [1, 1, 1, 2, 2, 3], "by the timestamps of records, whatever the clock says");
    w.pass_ms(60_000);
    assert_eq!(append(&mut w, log, T + 2_500), 3);
}

#[test]
fn segment_whose_first_record_has_no_timestamp_rolls_by_the_clock() {
    let (mut w, log) = begin(LogConfig { segment_ms: 1_000, ..LogConfig::default() });
    assert_eq!(append(&mut w, log, -1), 1);
    w.pass_ms(700);
    assert_eq!(append(&mut w, log, -1), 1);
    w.pass_ms(300);
    assert_eq!(append(&mut w, log, T + 1_000_000), 1, "made exactly so long ago");
    w.pass_ms(1);
    assert_eq!(append(&mut w, log, -1), 2, "it was made longer ago, whenever it was written to");
}

#[test]
fn segment_that_is_empty_does_not_roll_however_old_it_is() {
    let (mut w, log) = begin(LogConfig { segment_ms: 1_000, ..LogConfig::default() });
    w.pass_ms(50_000);
    assert_eq!(append(&mut w, log, T), 1);
}

#[test]
fn segment_jitter_shortens_segment_ms_differently_for_each_segment() {
    let (mut w, log) = begin(LogConfig { segment_ms: 1_000, segment_jitter_ms: 900, ..LogConfig::default() });
    let mut lives = Vec::new();
    let (mut first, mut segments) = (0, append(&mut w, log, T));
    for ms in (0..20_000).step_by(10) {
        if append(&mut w, log, T + ms) > segments {
            segments += 1;
            lives.push(ms - first);
            first = ms;
        }
    }
    assert!(lives.iter().all(|ms| (100..=1_010).contains(ms)), "{lives:?}");
    assert!(lives.iter().max() > lives.iter().min().map(|m| m + 200).as_ref(), "{lives:?}");
}

#[test]
fn segment_rolls_when_its_offset_index_is_full() {
    // Room for three entries, one for each batch but the first. Without timestamps the other index stays empty.
    let config = LogConfig { index_interval_bytes: 1, segment_index_bytes: 24, ..LogConfig::default() };
    let (mut w, log) = begin(config);
    let segments: Vec<_> = (0..9).map(|_| append(&mut w, log, -1)).collect();
    assert_eq!(segments, [1, 1, 1, 1, 2, 2, 2, 2, 3]);
    assert_eq!(w.disk.content("t-0/00000000000000000000.index").map(<[u8]>::len), Some(24));
}

#[test]
fn segment_rolls_when_its_time_index_is_full_but_for_the_entry_of_its_end() {
    // Room for four entries of time, and for six of offsets.
    let config = LogConfig { index_interval_bytes: 1, segment_index_bytes: 48, ..LogConfig::default() };
    let (mut w, log) = begin(config);
    let segments: Vec<_> = (0..9).map(|i| append(&mut w, log, T + i)).collect();
    assert_eq!(segments, [1, 1, 1, 1, 2, 2, 2, 2, 3]);
    assert!(w.disk.content("t-0/00000000000000000000.timeindex").is_some_and(|bytes| bytes.len() <= 48));
}

#[test]
fn segment_rolls_before_an_offset_that_its_index_cannot_say() {
    let far = i64::from(i32::MAX);
    let (mut w, log) = begin(LogConfig::default());
    let follow = |w: &mut World, base: i64, values: &[&[u8]]| {
        let batch = replicated(base, 0, values, T);
        w.with(log, |log, now, out| log.append_as_follower(now, batch, out)).expect("it does not go back");
        w.finish_all();
        w.log(log).segments()
    };
    assert_eq!(follow(&mut w, 5, &[b"a"]), 1);
    assert_eq!(follow(&mut w, far - 1, &[b"b", b"c"]), 1, "the last offset is the largest that can be said");
    assert_eq!(follow(&mut w, far + 1, &[b"d"]), 2);
    assert_eq!(follow(&mut w, 2 * far + 1, &[b"e", b"f"]), 3);
    let got = decode(w.read(log, w.all_from(log, Offset(0))).expect("it is there"));
    assert_eq!(got.iter().map(|(o, _)| *o).collect::<Vec<_>>(), [5, far - 1, far, far + 1, 2 * far + 1, 2 * far + 2]);
    let bases: Vec<_> = w.disk.list("t-0").into_iter().filter(|n| n.ends_with(".log")).collect();
    assert_eq!(bases, [0, far + 1, 2 * far + 1].map(|base| format!("{base:020}.log")));
}

#[test]
fn log_that_has_no_offsets_left_refuses_and_stands() {
    let (mut w, log) = begin(LogConfig::default());
    let last = replicated(i64::MAX - 2, 0, &[b"a"], T);
    w.with(log, |log, now, out| log.append_as_follower(now, last, out)).expect("it is the last but one");
    w.finish_all();
    let (one, two) = (values(&[b"v"], T), values(&[b"v", b"w"], T));
    let mut lead = |batch| w.with(log, |log, now, out| log.append_as_leader(now, batch, LeaderEpoch(1), Origin::Client, out));
    assert!(matches!(lead(two), Err(crate::log::AppendError::Exhausted { .. })));
    assert_eq!(lead(one).map(|a| a.end), Ok(Offset(i64::MAX)));
    assert!(matches!(lead(values(&[b"v"], T)), Err(crate::log::AppendError::Exhausted { .. })));
}
