//! What a broker's answer to a batch means: a pure policy, beside the state that carries it out.

use odradek_wire::error::ErrorCode;

/// The meaning of one answer for one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in the log.
    Delivered,
    /// It is in the log since an earlier attempt, at an offset that the broker no longer knows.
    Duplicate,
    /// It is longer than the broker takes, and not in the log.
    TooLarge,
    /// Try again. `doubt` says that this attempt may have been appended all the same; `stale`, that the leader may be another one.
    Retry { doubt: bool, stale: bool },
    /// Its sequence does not follow the last one that the broker knows; this attempt is not in the log.
    OutOfSequence,
    /// It is not in the log and no attempt will put it there.
    Refused,
    /// It may be in the log, and to try again is no use.
    Doubtful,
}

/// Judges the error code of a partition in a Produce response.
///
/// An attempt counts as not appended only where Kafka's brokers check before they append. NOT_LEADER_OR_FOLLOWER and its kin are also answered to a
/// batch that was appended and waited for its replicas when the leadership went (KAFKA-13574), and UNKNOWN_SERVER_ERROR says nothing at all.
pub(super) const fn judge(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::None => Verdict::Delivered,
        ErrorCode::DuplicateSequenceNumber => Verdict::Duplicate,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => Verdict::TooLarge,
        ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerEpoch => Verdict::OutOfSequence,
        ErrorCode::NotEnoughReplicas | ErrorCode::CorruptMessage | ErrorCode::ThrottlingQuotaExceeded => {
            Verdict::Retry { doubt: false, stale: false }
        }
        ErrorCode::RequestTimedOut | ErrorCode::NotEnoughReplicasAfterAppend => Verdict::Retry { doubt: true, stale: false },
        ErrorCode::InvalidRecord
        | ErrorCode::InvalidTimestamp
        | ErrorCode::InvalidRequiredAcks
        | ErrorCode::InvalidRequest
        | ErrorCode::InvalidTopicException
        | ErrorCode::UnsupportedVersion
        | ErrorCode::UnsupportedForMessageFormat
        | ErrorCode::UnsupportedCompressionType
        | ErrorCode::PolicyViolation
        | ErrorCode::TopicAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed => Verdict::Refused,
        code if code.is_retriable() => Verdict::Retry { doubt: true, stale: true },
        _ => Verdict::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_doubts_every_answer_that_may_follow_an_append() {
        for code in [ErrorCode::NotLeaderOrFollower, ErrorCode::RequestTimedOut, ErrorCode::KafkaStorageError, ErrorCode::UnknownTopicId] {
            assert!(matches!(judge(code), Verdict::Retry { doubt: true, .. }), "{code}");
        }
        assert_eq!(judge(ErrorCode::UnknownServerError), Verdict::Doubtful);
        assert_eq!(judge(ErrorCode::NotEnoughReplicas), Verdict::Retry { doubt: false, stale: false });
    }

    #[test]
    fn verdict_is_delivered_for_success_and_duplicates_alone() {
        let delivered = |code: &&ErrorCode| matches!(judge(**code), Verdict::Delivered | Verdict::Duplicate);
        let all: Vec<_> = ErrorCode::ALL.iter().filter(delivered).collect();
        assert_eq!(all, [&ErrorCode::None, &ErrorCode::DuplicateSequenceNumber]);
    }

    #[test]
    fn verdict_tries_again_and_asks_for_the_leader_where_the_java_client_does() {
        let table = include_str!("../../../wire/captures/errors-java-4.3.1.txt");
        for line in table.lines().filter(|l| !l.starts_with('#')) {
            let [code, _, retriable, stale] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("four words: {line}") };
            let code = ErrorCode::from_code(code.parse().expect("a number"));
            let verdict = judge(code);
            assert_eq!(matches!(verdict, Verdict::Retry { .. }), retriable == "retriable", "{code}: {verdict:?}");
            assert!(stale == "fresh" || matches!(verdict, Verdict::Retry { stale: true, .. }), "{code}: {verdict:?}");
        }
    }
}
