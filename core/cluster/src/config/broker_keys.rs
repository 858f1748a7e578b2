//! The broker keys that are supported, and those that are known so that files for Apache Kafka start here.

use super::definition::{Definition, Update, ValueType};
use super::rule::Rule;
use super::topic_keys::SEGMENT_BYTES_MIN;

/// One row of the table; the macro keeps it readable as one.
macro_rules! keys {
    ($($name:literal, $kind:ident, $default:expr, $rule:expr, $update:ident $(, $unused:ident)?: $says:literal;)*) => {
        &[$(Definition {
            name: $name,
            value_type: ValueType::$kind,
            default: $default,
            rule: $rule,
            synonyms: &[],
            update: Update::$update,
            unused: matches!(stringify!($($unused)?).as_bytes(), b"unused"),
            says: $says,
        },)*]
    };
}

/// By name. `log.flush.interval.messages` is 1 where Kafka has "never"; everything else is Kafka's default.
pub(super) const BROKER_KEYS: &[Definition] = keys! {
    "advertised.listeners", List, None, Rule::Distinct { empty: false }, ReadOnly: "Where clients are told to connect; as listeners if not set.";
    "auto.create.topics.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether asking for a topic that is not there creates it.";
    "auto.leader.rebalance.enable", Boolean, Some("true"), Rule::Any, ReadOnly, unused: "Whether preferred leaders are elected again by themselves.";
    "broker.heartbeat.interval.ms", Int, Some("2000"), Rule::Any, ReadOnly: "How often a broker says that it is alive.";
    "broker.id", Int, Some("-1"), Rule::Any, ReadOnly: "The older name of node.id.";
    "broker.rack", String, None, Rule::Any, ReadOnly: "The rack of this broker.";
    "broker.session.timeout.ms", Int, Some("9000"), Rule::Any, ReadOnly: "After which silence a broker is fenced.";
    "compression.gzip.level", Int, Some("-1"), Rule::GzipLevel, ClusterWide: "Default of the topic key.";
    "compression.lz4.level", Int, Some("9"), Rule::Between(1, 17), ClusterWide: "Default of the topic key.";
    "compression.type", String, Some("producer"), Rule::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide: "Default of the topic key.";
    "compression.zstd.level", Int, Some("3"), Rule::Between(-131_072, 22), ClusterWide: "Default of the topic key.";
    "connections.max.idle.ms", Long, Some("600000"), Rule::Any, ReadOnly: "After which silence a connection is closed; negative for never.";
    "controlled.shutdown.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether a broker hands over before it stops.";
    "controller.listener.names", List, None, Rule::Distinct { empty: false }, ReadOnly: "Which listeners are for controllers.";
    "controller.quorum.bootstrap.servers", List, Some(""), Rule::Distinct { empty: true }, ReadOnly: "Where a quorum is found whose voters are in its log.";
    "controller.quorum.election.backoff.max.ms", Int, Some("1000"), Rule::Any, ReadOnly, unused: "The longest pause before a lost election is repeated.";
    "controller.quorum.election.timeout.ms", Int, Some("1000"), Rule::Any, ReadOnly, unused: "After how long without a leader an election begins.";
    "controller.quorum.fetch.timeout.ms", Int, Some("2000"), Rule::Any, ReadOnly, unused: "After how long without a fetch a leader or follower gives up.";
    "controller.quorum.request.timeout.ms", Int, Some("2000"), Rule::Any, ReadOnly, unused: "After how long a request between controllers is given up.";
    "controller.quorum.voters", List, Some(""), Rule::Distinct { empty: true }, ReadOnly: "Who votes: id@host:port, for a quorum whose voters are configured.";
    "cordoned.log.dirs", List, Some(""), Rule::Distinct { empty: true }, PerBroker, unused: "Log directories that take no further partition.";
    "default.replication.factor", Int, Some("1"), Rule::AtLeast(1), ReadOnly: "Replicas of a topic that does not say how many.";
    "delete.topic.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether topics may be deleted.";
    "fetch.max.bytes", Int, Some("57671680"), Rule::AtLeast(1024), ReadOnly: "The most that one fetch is answered with.";
    "group.initial.rebalance.delay.ms", Int, Some("3000"), Rule::Any, ReadOnly, unused: "How long a group waits for its first members.";
    "initial.broker.registration.timeout.ms", Int, Some("60000"), Rule::Any, ReadOnly: "After how long an unregistered broker gives up.";
    "inter.broker.listener.name", String, None, Rule::Any, ReadOnly: "Which listener brokers use among themselves.";
    "listener.security.protocol.map", String, Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Rule::Any, PerBroker: "The security protocol of each listener.";
    "listeners", List, Some("PLAINTEXT://:9092"), Rule::Distinct { empty: false }, PerBroker: "Where the node listens.";
    "log.cleaner.backoff.ms", Long, Some("15000"), Rule::AtLeast(0), ClusterWide: "How long the cleaner rests when there is nothing to clean.";
    "log.cleaner.delete.retention.ms", Long, Some("86400000"), Rule::AtLeast(0), ClusterWide: "Default of delete.retention.ms.";
    "log.cleaner.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether logs are compacted.";
    "log.cleaner.max.compaction.lag.ms", Long, Some("9223372036854775807"), Rule::AtLeast(1), ClusterWide: "Default of max.compaction.lag.ms.";
    "log.cleaner.min.cleanable.ratio", Double, Some("0.5"), Rule::Ratio, ClusterWide: "Default of min.cleanable.dirty.ratio.";
    "log.cleaner.min.compaction.lag.ms", Long, Some("0"), Rule::AtLeast(0), ClusterWide: "Default of min.compaction.lag.ms.";
    "log.cleaner.threads", Int, Some("1"), Rule::AtLeast(0), ClusterWide, unused: "How many threads clean.";
    "log.cleanup.policy", List, Some("delete"), Rule::ListOf(&["compact", "delete"]), ClusterWide: "Default of cleanup.policy.";
    "log.dir", List, Some("/tmp/kafka-logs"), Rule::Distinct { empty: false }, ReadOnly: "The log directory if log.dirs is not set.";
    "log.dirs", List, None, Rule::Distinct { empty: false }, ReadOnly: "The log directories.";
    "log.flush.interval.messages", Long, Some("1"), Rule::AtLeast(1), ClusterWide: "Default of flush.messages.";
    "log.flush.interval.ms", Long, None, Rule::Any, ClusterWide: "Default of flush.ms.";
    "log.flush.offset.checkpoint.interval.ms", Int, Some("60000"), Rule::AtLeast(0), ReadOnly: "How often recovery points are written down.";
    "log.flush.scheduler.interval.ms", Long, Some("9223372036854775807"), Rule::Any, ReadOnly: "Default of flush.ms if log.flush.interval.ms is not set.";
    "log.flush.start.offset.checkpoint.interval.ms", Int, Some("60000"), Rule::AtLeast(0), ReadOnly: "How often log starts are written down.";
    "log.index.interval.bytes", Int, Some("4096"), Rule::AtLeast(0), ClusterWide: "Default of index.interval.bytes.";
    "log.index.size.max.bytes", Int, Some("10485760"), Rule::AtLeast(4), ClusterWide: "Default of segment.index.bytes.";
    "log.local.retention.bytes", Long, Some("-2"), Rule::AtLeast(-2), ClusterWide, unused: "Default of local.retention.bytes.";
    "log.local.retention.ms", Long, Some("-2"), Rule::AtLeast(-2), ClusterWide, unused: "Default of local.retention.ms.";
    "log.message.timestamp.after.max.ms", Long, Some("3600000"), Rule::AtLeast(0), ClusterWide: "Default of message.timestamp.after.max.ms.";
    "log.message.timestamp.before.max.ms", Long, Some("9223372036854775807"), Rule::AtLeast(0), ClusterWide: "Default of message.timestamp.before.max.ms.";
    "log.message.timestamp.type", String, Some("CreateTime"), Rule::OneOf(&["CreateTime", "LogAppendTime"]), ClusterWide: "Default of message.timestamp.type.";
    "log.preallocate", Boolean, Some("false"), Rule::Any, ClusterWide: "Default of preallocate.";
    "log.retention.bytes", Long, Some("-1"), Rule::Any, ClusterWide: "Default of retention.bytes.";
    "log.retention.check.interval.ms", Long, Some("300000"), Rule::AtLeast(1), ReadOnly: "How often retention is looked at.";
    "log.retention.hours", Int, Some("168"), Rule::Any, ReadOnly: "Default of retention.ms, in hours, if neither milliseconds nor minutes are set.";
    "log.retention.minutes", Int, None, Rule::Any, ReadOnly: "Default of retention.ms, in minutes, if milliseconds are not set.";
    "log.retention.ms", Long, None, Rule::Any, ClusterWide: "Default of retention.ms.";
    "log.roll.hours", Int, Some("168"), Rule::AtLeast(1), ReadOnly: "Default of segment.ms, in hours, if milliseconds are not set.";
    "log.roll.jitter.hours", Int, Some("0"), Rule::AtLeast(0), ReadOnly: "Default of segment.jitter.ms, in hours, if milliseconds are not set.";
    "log.roll.jitter.ms", Long, None, Rule::Any, ClusterWide: "Default of segment.jitter.ms.";
    "log.roll.ms", Long, None, Rule::Any, ClusterWide: "Default of segment.ms.";
    "log.segment.bytes", Int, Some("1073741824"), Rule::AtLeast(SEGMENT_BYTES_MIN), ClusterWide: "Default of segment.bytes.";
    "log.segment.delete.delay.ms", Long, Some("60000"), Rule::AtLeast(0), ClusterWide: "Default of file.delete.delay.ms.";
    "max.connections", Int, Some("2147483647"), Rule::AtLeast(0), ClusterWide: "How many connections the node takes.";
    "max.connections.per.ip", Int, Some("2147483647"), Rule::AtLeast(0), ClusterWide: "How many connections one address may have.";
    "max.incremental.fetch.session.cache.slots", Int, Some("1000"), Rule::AtLeast(0), ReadOnly: "How many fetch sessions are kept.";
    "max.request.partition.size.limit", Int, Some("2000"), Rule::AtLeast(1), ReadOnly: "How many partitions one DescribeTopicPartitions answers with.";
    "message.max.bytes", Int, Some("1048588"), Rule::AtLeast(0), ClusterWide: "Default of max.message.bytes.";
    "metadata.log.dir", String, None, Rule::Any, ReadOnly: "Where the metadata log lives; the first log directory if not set.";
    "metadata.log.max.record.bytes.between.snapshots", Long, Some("20971520"), Rule::AtLeast(1), ReadOnly: "After how many bytes of records the metadata is written as a snapshot.";
    "metadata.log.max.snapshot.interval.ms", Long, Some("3600000"), Rule::AtLeast(0), ReadOnly: "After how long the metadata is written as a snapshot; 0 for never.";
    "metadata.log.segment.bytes", Int, Some("1073741824"), Rule::AtLeast(8_388_608), ReadOnly: "The size of the metadata log's segments.";
    "metadata.log.segment.ms", Long, Some("604800000"), Rule::Any, ReadOnly: "After how long a segment of the metadata log is closed.";
    "metadata.max.idle.interval.ms", Int, Some("500"), Rule::AtLeast(0), ReadOnly: "How often an idle controller writes a no-op; 0 for never.";
    "metadata.max.retention.bytes", Long, Some("104857600"), Rule::Any, ReadOnly, unused: "How many bytes of metadata log and snapshots are kept.";
    "metadata.max.retention.ms", Long, Some("604800000"), Rule::Any, ReadOnly, unused: "How long metadata log and snapshots are kept.";
    "min.insync.replicas", Int, Some("1"), Rule::AtLeast(1), ClusterWide: "Default of the topic key.";
    "node.id", Int, None, Rule::AtLeast(0), ReadOnly: "The id of this node.";
    "num.io.threads", Int, Some("8"), Rule::AtLeast(1), ClusterWide, unused: "How many threads handle requests.";
    "num.network.threads", Int, Some("3"), Rule::AtLeast(1), ClusterWide, unused: "How many threads handle connections.";
    "num.partitions", Int, Some("1"), Rule::AtLeast(1), ReadOnly: "Partitions of a topic that does not say how many.";
    "num.recovery.threads.per.data.dir", Int, Some("2"), Rule::AtLeast(1), ClusterWide, unused: "How many threads recover logs.";
    "num.replica.fetchers", Int, Some("1"), Rule::Any, ClusterWide, unused: "How many threads fetch from a leader.";
    "offsets.topic.num.partitions", Int, Some("50"), Rule::AtLeast(1), ReadOnly, unused: "Partitions of __consumer_offsets.";
    "offsets.topic.replication.factor", Short, Some("3"), Rule::AtLeast(1), ReadOnly, unused: "Replicas of __consumer_offsets.";
    "process.roles", List, None, Rule::ListOf(&["broker", "controller"]), ReadOnly: "What this node is: broker, controller or both.";
    "producer.id.expiration.ms", Int, Some("86400000"), Rule::AtLeast(1), ClusterWide: "After which silence a producer is forgotten.";
    "queued.max.request.bytes", Long, Some("-1"), Rule::Any, ReadOnly: "How many bytes of requests are held in all; -1 for the node's own bound.";
    "queued.max.requests", Int, Some("500"), Rule::AtLeast(1), ReadOnly, unused: "How many requests wait.";
    "replica.fetch.max.bytes", Int, Some("1048576"), Rule::AtLeast(0), ReadOnly, unused: "How much a follower asks of one partition.";
    "replica.fetch.wait.max.ms", Int, Some("500"), Rule::Any, ReadOnly, unused: "How long a follower's fetch waits.";
    "replica.high.watermark.checkpoint.interval.ms", Long, Some("5000"), Rule::Any, ReadOnly: "How often high watermarks are written down.";
    "replica.lag.time.max.ms", Long, Some("30000"), Rule::Any, ReadOnly, unused: "After how long behind a follower leaves the ISR.";
    "request.timeout.ms", Int, Some("30000"), Rule::Any, ReadOnly: "How long a request to another node may take.";
    "security.inter.broker.protocol", String, Some("PLAINTEXT"), Rule::Any, ReadOnly, unused: "The security protocol among brokers.";
    "share.coordinator.state.topic.min.isr", Short, Some("2"), Rule::AtLeast(1), ReadOnly, unused: "min.insync.replicas of __share_group_state.";
    "share.coordinator.state.topic.replication.factor", Short, Some("3"), Rule::AtLeast(1), ReadOnly, unused: "Replicas of __share_group_state.";
    "socket.listen.backlog.size", Int, Some("50"), Rule::AtLeast(1), ReadOnly: "How many connections may wait to be accepted.";
    "socket.receive.buffer.bytes", Int, Some("102400"), Rule::Any, ReadOnly: "SO_RCVBUF of a connection; -1 for the system's.";
    "socket.request.max.bytes", Int, Some("104857600"), Rule::AtLeast(1), ReadOnly: "The longest request.";
    "socket.send.buffer.bytes", Int, Some("102400"), Rule::Any, ReadOnly: "SO_SNDBUF of a connection; -1 for the system's.";
    "transaction.state.log.min.isr", Int, Some("2"), Rule::AtLeast(1), ReadOnly, unused: "min.insync.replicas of __transaction_state.";
    "transaction.state.log.replication.factor", Short, Some("3"), Rule::AtLeast(1), ReadOnly, unused: "Replicas of __transaction_state.";
    "unclean.leader.election.enable", Boolean, Some("false"), Rule::Any, ClusterWide: "Default of the topic key.";
};
