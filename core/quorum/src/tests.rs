//! Elections, commits, snapshots and restarts, one step at a time.

use bytes::Bytes;
use odradek_machine::{Mono, Now, Seed, WallMs};
use odradek_wire::batch::{Builder, NewRecord};
use odradek_wire::codec::Codec;
use odradek_wire::ids::{LeaderEpoch, NodeId, Offset, Uuid};
use odradek_wire::records::metadata::{ConfigRecord, MetadataRecord, NoOpRecord};
use proptest::prelude::*;

use crate::batches::data_batch;
use crate::{Found, Input, OpenError, Output, Quorum, QuorumConfig, QuorumState, Refused, Role, Voter, snapshot};

const NOW: Now = Now { mono: Mono(0), wall: WallMs(1000) };

fn config() -> QuorumConfig {
    let voter = Voter { id: NodeId(0), directory_id: None, host: "h".to_owned(), port: 1 };
    QuorumConfig {
        node: NodeId(0),
        directory_id: Uuid([1; 16]),
        voters: vec![voter],
        snapshot_bytes_max: 1 << 20,
        snapshot_interval_ms_max: 60_000,
    }
}

fn no_op() -> MetadataRecord {
    MetadataRecord::NoOp(NoOpRecord {})
}

fn open(found: Found) -> Quorum {
    Quorum::open(config(), Seed(1), found, &mut Vec::new()).expect("a directory in order")
}

/// The outputs of one step.
fn told(quorum: &mut Quorum, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    quorum.step(NOW, input, &mut out);
    out.retain(|o| !matches!(o, Output::Note(_)));
    out
}

/// A quorum that leads an empty log, its first record committed.
fn leader() -> Quorum {
    let mut quorum = open(Found::default());
    quorum.start(NOW, &mut Vec::new()).expect("the only voter");
    told(&mut quorum, Input::StateStored);
    told(&mut quorum, Input::StateStored);
    told(&mut quorum, Input::Synced { end: Offset(1) });
    assert_eq!(quorum.role(), Role::Leader);
    quorum
}

#[test]
fn a_vote_is_durable_before_it_counts_and_a_leadership_before_its_first_record() {
    let mut quorum = open(Found::default());
    let mut out = Vec::new();
    quorum.start(NOW, &mut out).expect("the only voter");
    let state = |out: &[Output]| match out {
        [Output::StoreState { content }] => QuorumState::decode(content).expect("what we write"),
        other => panic!("{other:?}"),
    };
    out.retain(|o| !matches!(o, Output::Note(_)));
    let vote = state(&out);
    assert_eq!((vote.epoch, vote.leader, vote.voted), (LeaderEpoch(1), None, Some((NodeId(0), Uuid::ZERO))));
    let elected = state(&told(&mut quorum, Input::StateStored));
    assert_eq!((elected.leader, elected.voted), (Some(NodeId(0)), None));
    assert_eq!(quorum.append(NOW, 30, &[no_op()], &mut Vec::new()), Err(Refused::NotLeader));
    let out = told(&mut quorum, Input::StateStored);
    assert!(matches!(&*out, [Output::Append { batch }] if batch.header().attributes.is_control()), "{out:?}");
    assert_eq!(quorum.append(NOW, 30, &[no_op()], &mut Vec::new()), Err(Refused::NotLeader), "its first record is not committed");
}

/// Raft's figure 8: what an earlier leader wrote is committed only with a record of the epoch.
#[test]
fn nothing_of_an_earlier_epoch_is_committed_by_counting() {
    let earlier = data_batch(Offset(0), LeaderEpoch(4), 1, 30, &[no_op(), no_op()]).build();
    let mut quorum = open(Found { log_end: Offset(2), last_epoch: Some(LeaderEpoch(4)), ..Found::default() });
    quorum.load(earlier.into_bytes()).expect("whole");
    quorum.start(NOW, &mut Vec::new()).expect("the only voter");
    assert_eq!(quorum.epoch(), LeaderEpoch(5), "the epoch of the log is never forgotten");
    told(&mut quorum, Input::StateStored);
    told(&mut quorum, Input::StateStored);
    assert_eq!(told(&mut quorum, Input::Synced { end: Offset(2) }), []);
    assert_eq!(quorum.high_watermark(), None);
    let out = told(&mut quorum, Input::Synced { end: Offset(3) });
    let [Output::Committed(batch), Output::HighWatermark { to: Offset(3) }, Output::Leading { epoch: LeaderEpoch(5) }] = &*out else {
        panic!("{out:?}")
    };
    assert_eq!((batch.base, batch.end, batch.epoch, batch.records.len()), (Offset(0), Offset(2), LeaderEpoch(4), 2));
}

#[test]
fn batches_are_committed_when_they_are_synced_and_come_out_in_order() {
    let mut quorum = leader();
    let mut out = Vec::new();
    let first = quorum.append(NOW, 30, &[no_op(), no_op()], &mut out).expect("it leads");
    let second = quorum.append(NOW, 30, &[no_op()], &mut out).expect("it leads");
    assert_eq!((first.base, first.end, second.base), (Offset(1), Offset(3), Offset(3)));
    assert_eq!(told(&mut quorum, Input::Synced { end: Offset(1) }), []);
    assert!(
        matches!(&*told(&mut quorum, Input::Synced { end: Offset(3) }), [Output::Committed(b), Output::HighWatermark { .. }] if b.end == first.end)
    );
    assert!(
        matches!(&*told(&mut quorum, Input::Synced { end: Offset(4) }), [Output::Committed(b), Output::HighWatermark { .. }] if b.end == second.end)
    );
}

#[test]
fn a_batch_that_no_log_may_hold_is_refused_whole() {
    let mut quorum = leader();
    let value = Some("x".repeat(1 << 20));
    let record = MetadataRecord::Config(ConfigRecord { value, ..Default::default() });
    let mut out = Vec::new();
    assert!(matches!(quorum.append(NOW, 30, &vec![record; 9], &mut out), Err(Refused::TooLarge { bytes }) if bytes > 8 << 20));
    assert_eq!((out, quorum.log_end()), (Vec::new(), Offset(1)));
}

#[test]
fn a_failed_directory_ends_the_leadership_for_good() {
    let mut quorum = leader();
    quorum.append(NOW, 30, &[no_op()], &mut Vec::new()).expect("it leads");
    assert_eq!(told(&mut quorum, Input::DirectoryFailed), [Output::Resigned { epoch: LeaderEpoch(1) }]);
    assert_eq!(told(&mut quorum, Input::Synced { end: Offset(2) }), []);
    assert_eq!(quorum.append(NOW, 30, &[no_op()], &mut Vec::new()), Err(Refused::NotLeader));
    assert_eq!((quorum.role(), quorum.deadline()), (Role::Resigned, None));
}

#[test]
fn a_snapshot_falls_due_by_time_once() {
    let mut quorum = leader();
    let at = quorum.deadline().expect("something was committed").at;
    let later = Now { mono: at, wall: WallMs(61_000) };
    let mut out = Vec::new();
    quorum.step(later, Input::Wake, &mut out);
    let [Output::SnapshotDue { id, .. }] = &*out else { panic!("{out:?}") };
    assert_eq!((id.end, id.epoch), (Offset(1), LeaderEpoch(1)));
    let id = *id;
    out.clear();
    quorum.step(later, Input::Wake, &mut out);
    assert_eq!(out, []);
    quorum.store_snapshot(id, Bytes::new(), &mut out);
    assert!(matches!(&*out, [Output::StoreSnapshot { .. }]));
    assert_eq!(told(&mut quorum, Input::SnapshotStored { id }), [], "the log stays until there are two");
    assert_eq!(quorum.snapshots(), [id]);
}

#[test]
fn no_snapshot_is_taken_inside_a_transaction() {
    let mut quorum = leader();
    quorum.config.snapshot_bytes_max = 1;
    let begin = MetadataRecord::BeginTransaction(Default::default());
    quorum.append(NOW, 30, &[begin], &mut Vec::new()).expect("it leads");
    let due = |out: &[Output]| out.iter().any(|o| matches!(o, Output::SnapshotDue { .. }));
    assert!(!due(&told(&mut quorum, Input::Synced { end: Offset(2) })));
    let end = MetadataRecord::EndTransaction(Default::default());
    quorum.append(NOW, 30, &[end], &mut Vec::new()).expect("it leads");
    assert!(due(&told(&mut quorum, Input::Synced { end: Offset(3) })));
}

#[test]
fn who_does_not_vote_alone_is_refused() {
    let refused = |voters: &[i32]| {
        let voter = |&id: &i32| Voter { id: NodeId(id), directory_id: None, host: "h".to_owned(), port: 1 };
        let config = QuorumConfig { voters: voters.iter().map(voter).collect(), ..config() };
        let mut quorum = Quorum::open(config, Seed(1), Found::default(), &mut Vec::new()).expect("an empty directory");
        quorum.start(NOW, &mut Vec::new())
    };
    assert!(matches!(refused(&[1]), Err(OpenError::NotAVoter { node: 0, .. })));
    assert!(matches!(refused(&[0, 1, 2]), Err(OpenError::SeveralVoters { .. })));
    assert_eq!(refused(&[0]), Ok(()));
}

#[test]
fn a_log_that_does_not_follow_itself_is_refused() {
    let batch = |base, epoch| data_batch(Offset(base), LeaderEpoch(epoch), 1, 30, &[no_op()]).build().into_bytes();
    let loaded = |batches: &[Bytes]| {
        let mut quorum = open(Found { log_end: Offset(2), last_epoch: Some(LeaderEpoch(2)), ..Found::default() });
        batches.iter().try_for_each(|b| quorum.load(b.clone()))?;
        quorum.start(NOW, &mut Vec::new())
    };
    assert_eq!(loaded(&[batch(0, 1), batch(1, 2)]), Ok(()));
    for wrong in [&[batch(0, 2), batch(1, 1)][..], &[batch(1, 1)], &[batch(0, 1)], &[batch(0, 1), batch(1, 2), batch(2, 2)]] {
        assert!(matches!(loaded(wrong), Err(OpenError::Log { .. })), "{wrong:?}");
    }
}

#[test]
fn a_record_that_is_not_known_here_refuses_the_start_before_anything_is_appended_behind_it() {
    let mut builder = Builder::new(Codec::None).at(Offset(0), LeaderEpoch(1));
    builder.push(NewRecord { timestamp_ms: 1, value: Some(&[9, 9, 9]), ..Default::default() });
    let mut quorum = open(Found { log_end: Offset(1), last_epoch: Some(LeaderEpoch(1)), ..Found::default() });
    let refused = quorum.load(builder.build_bytes());
    assert_eq!(refused, Err(OpenError::Log { at: 0, why: "frame version 9 instead of 1".to_owned() }));
}

#[test]
fn an_epoch_of_the_log_that_was_never_stored_is_refused() {
    let state = QuorumState { epoch: LeaderEpoch(2), ..QuorumState::default() }.encode(0, &[NodeId(0)]);
    let found =
        |last| Found { quorum_state: Some(state.clone()), last_epoch: Some(LeaderEpoch(last)), log_end: Offset(1), ..Found::default() };
    let outcome = |last| Quorum::open(config(), Seed(1), found(last), &mut Vec::new()).map(drop);
    assert_eq!(outcome(2), Ok(()));
    let why = "the log has epoch 3, quorum-state has 2".to_owned();
    assert_eq!(outcome(3), Err(OpenError::Log { at: 1, why }));
}

proptest! {
    #[test]
    fn hostile_files_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), flip in 0usize..400, bit in 0u8..8) {
        let _ = QuorumState::decode(&bytes);
        let _ = snapshot::decode(Bytes::from(bytes.clone()));
        let _ = open(Found { log_end: Offset(9), ..Found::default() }).load(Bytes::from(bytes));
        let mut bent = snapshot::bootstrap_checkpoint(1, 30, &odradek_cluster::controller::bootstrap_records()).to_vec();
        let at = flip % bent.len();
        bent[at] ^= 1 << bit;
        // Base offset and epoch lie outside the checksum.
        let covered = snapshot::decode(Bytes::from(bent)).is_err();
        prop_assert!(covered || outside_checksums(at), "byte {}", at);
    }

    #[test]
    fn election_state_is_read_as_it_was_written(epoch in 0i32.., leader in prop::option::of(0i32..), voted in prop::option::of((0i32.., any::<[u8; 16]>())), kraft in 0i16..2) {
        let voted = voted.map(|(id, directory)| (NodeId(id), if kraft == 1 { Uuid(directory) } else { Uuid::ZERO }));
        let state = QuorumState { epoch: LeaderEpoch(epoch), leader: leader.map(NodeId), voted };
        prop_assert_eq!(QuorumState::decode(&state.encode(kraft, &[NodeId(0), NodeId(7)])), Ok(state));
    }
}

/// True for the base offset and the leader epoch of each batch of our bootstrap checkpoint.
fn outside_checksums(at: usize) -> bool {
    let bytes = snapshot::bootstrap_checkpoint(1, 30, &odradek_cluster::controller::bootstrap_records());
    let mut start = 0;
    for batch in odradek_wire::batch::Batches::new(bytes) {
        let length = batch.expect("ours").bytes().len();
        if (start..start + length).contains(&at) {
            return matches!(at - start, 0..8 | 12..16);
        }
        start += length;
    }
    false
}
