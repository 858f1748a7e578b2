//! The broker keys that work.

use super::definition::{Definition, Effect, Update, ValueType};
use super::rule::Rule;
use super::topic_keys::SEGMENT_BYTES_MIN;

/// One row of the table; the macro keeps it readable as one.
macro_rules! keys {
    ($($name:literal, $kind:ident, $default:expr, $rule:expr, $update:ident: $says:literal;)*) => {
        &[$(Definition {
            name: $name,
            value_type: ValueType::$kind,
            default: $default,
            rule: $rule,
            synonyms: &[],
            update: Update::$update,
            effect: Effect::Works,
            internal: false,
            says: $says,
        },)*]
    };
}

/// By name. `log.flush.interval.messages` is 1 where Kafka has "never"; everything else is Kafka's default. That each has a reader is a test of
/// `tools/policy`; which may change while a node runs is as in Kafka, but for `listeners` and `listener.security.protocol.map`, which are bound at the start.
pub(super) const BROKER_KEYS: &[Definition] = keys! {
    "advertised.listeners", List, None, Rule::Distinct { empty: false }, ReadOnly: "Where clients are told to connect; as listeners if not set.";
    "auto.create.topics.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether asking for a topic that is not there creates it.";
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
    "controller.quorum.voters", List, Some(""), Rule::Distinct { empty: true }, ReadOnly: "Who votes: id@host:port, for a quorum whose voters are configured.";
    "default.replication.factor", Int, Some("1"), Rule::AtLeast(1), ReadOnly: "Replicas of a topic that does not say how many.";
    "delete.topic.enable", Boolean, Some("true"), Rule::Any, ReadOnly: "Whether topics may be deleted.";
    "fetch.max.bytes", Int, Some("57671680"), Rule::AtLeast(1024), ReadOnly: "The most that one fetch is answered with.";
    "inter.broker.listener.name", String, None, Rule::Any, ReadOnly: "Which listener brokers use among themselves.";
    "listener.security.protocol.map", String, Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Rule::Any, ReadOnly: "The security protocol of each listener.";
    "listeners", List, Some("PLAINTEXT://:9092"), Rule::Distinct { empty: false }, ReadOnly: "Where the node listens.";
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
    "log.message.timestamp.after.max.ms", Long, Some("3600000"), Rule::AtLeast(0), ClusterWide: "Default of message.timestamp.after.max.ms.";
    "log.message.timestamp.before.max.ms", Long, Some("9223372036854775807"), Rule::AtLeast(0), ClusterWide: "Default of message.timestamp.before.max.ms.";
    "log.message.timestamp.type", String, Some("CreateTime"), Rule::OneOf(&["CreateTime", "LogAppendTime"]), ClusterWide: "Default of message.timestamp.type.";
    "log.retention.bytes", Long, Some("-1"), Rule::Any, ClusterWide: "Default of retention.bytes.";
    "log.retention.check.interval.ms", Long, Some("300000"), Rule::AtLeast(1), ReadOnly: "How often retention is looked at.";
    "log.retention.hours", Int, Some("168"), Rule::NotZero, ReadOnly: "Default of retention.ms, in hours, if neither milliseconds nor minutes are set.";
    "log.retention.minutes", Int, None, Rule::NotZero, ReadOnly: "Default of retention.ms, in minutes, if milliseconds are not set.";
    "log.retention.ms", Long, None, Rule::NotZero, ClusterWide: "Default of retention.ms.";
    "log.roll.hours", Int, Some("168"), Rule::AtLeast(1), ReadOnly: "Default of segment.ms, in hours, if milliseconds are not set.";
    "log.roll.jitter.hours", Int, Some("0"), Rule::AtLeast(0), ReadOnly: "Default of segment.jitter.ms, in hours, if milliseconds are not set.";
    "log.roll.jitter.ms", Long, None, Rule::AtLeast(0), ClusterWide: "Default of segment.jitter.ms.";
    "log.roll.ms", Long, None, Rule::AtLeast(1), ClusterWide: "Default of segment.ms.";
    "log.segment.bytes", Int, Some("1073741824"), Rule::AtLeast(SEGMENT_BYTES_MIN), ClusterWide: "Default of segment.bytes.";
    "log.segment.delete.delay.ms", Long, Some("60000"), Rule::AtLeast(0), ClusterWide: "Default of file.delete.delay.ms.";
    "max.connection.creation.rate", Int, Some("2147483647"), Rule::AtLeast(0), ClusterWide: "How many connections a second the node takes, over ten seconds.";
    "max.connections", Int, Some("2147483647"), Rule::AtLeast(0), ClusterWide: "How many connections the node takes.";
    "max.connections.per.ip", Int, Some("2147483647"), Rule::AtLeast(0), ClusterWide: "How many connections one address may have.";
    "max.connections.per.ip.overrides", String, Some(""), Rule::Any, ClusterWide: "What stands before max.connections.per.ip for some addresses: address:number, with commas.";
    "max.incremental.fetch.session.cache.slots", Int, Some("1000"), Rule::AtLeast(0), ReadOnly: "How many fetch sessions are kept.";
    "max.request.partition.size.limit", Int, Some("2000"), Rule::AtLeast(1), ReadOnly: "How many partitions one DescribeTopicPartitions answers with.";
    "message.max.bytes", Int, Some("1048588"), Rule::AtLeast(0), ClusterWide: "Default of max.message.bytes.";
    "metadata.log.dir", String, None, Rule::Any, ReadOnly: "Where the metadata log lives; the first log directory if not set.";
    "metadata.log.max.record.bytes.between.snapshots", Long, Some("20971520"), Rule::AtLeast(1), ReadOnly: "After how many bytes of records the metadata is written as a snapshot.";
    "metadata.log.max.snapshot.interval.ms", Long, Some("3600000"), Rule::AtLeast(0), ReadOnly: "After how long the metadata is written as a snapshot; 0 for never.";
    "metadata.log.segment.bytes", Int, Some("1073741824"), Rule::AtLeast(8_388_608), ReadOnly: "The size of the metadata log's segments.";
    "metadata.log.segment.ms", Long, Some("604800000"), Rule::Any, ReadOnly: "After how long a segment of the metadata log is closed.";
    "metadata.max.idle.interval.ms", Int, Some("500"), Rule::AtLeast(0), ReadOnly: "How often an idle controller writes a no-op; 0 for never.";
    "min.insync.replicas", Int, Some("1"), Rule::AtLeast(1), ClusterWide: "Default of the topic key.";
    "node.id", Int, None, Rule::AtLeast(0), ReadOnly: "The id of this node.";
    "num.partitions", Int, Some("1"), Rule::AtLeast(1), ReadOnly: "Partitions of a topic that does not say how many.";
    "process.roles", List, None, Rule::ListOf(&["broker", "controller"]), ReadOnly: "What this node is: broker, controller or both.";
    "producer.id.expiration.ms", Int, Some("86400000"), Rule::AtLeast(1), ClusterWide: "After which silence a producer is forgotten.";
    "queued.max.request.bytes", Long, Some("-1"), Rule::Any, ReadOnly: "How many bytes of requests are held in all; -1 for the node's own bound.";
    "replica.high.watermark.checkpoint.interval.ms", Long, Some("5000"), Rule::Any, ReadOnly: "How often high watermarks are written down.";
    "request.timeout.ms", Int, Some("30000"), Rule::Any, ReadOnly: "How long a request to another node may take.";
    "socket.listen.backlog.size", Int, Some("50"), Rule::AtLeast(1), ReadOnly: "How many connections may wait to be accepted.";
    "socket.receive.buffer.bytes", Int, Some("102400"), Rule::Any, ReadOnly: "SO_RCVBUF of a connection; -1 for the system's.";
    "socket.request.max.bytes", Int, Some("104857600"), Rule::AtLeast(1), ReadOnly: "The longest request.";
    "socket.send.buffer.bytes", Int, Some("102400"), Rule::Any, ReadOnly: "SO_SNDBUF of a connection; -1 for the system's.";
    "unclean.leader.election.enable", Boolean, Some("false"), Rule::Any, ClusterWide: "Default of the topic key.";
};
