//! Keys that may be set and change nothing: each is named in a warning at the start.

use super::family;
use crate::config::definition::{Definition, Effect, Update, ValueType};
use crate::config::rule::Rule;

/// By reason, then by name.
pub(super) const FAMILIES: &[&[Definition]] = &[
    family! { Nothing: "nothing is compacted yet",
        "log.cleaner.backoff.ms", Long, Some("15000"), Rule::AtLeast(0);
        "log.cleaner.dedupe.buffer.size", Long, Some("134217728"), Rule::Any;
        "log.cleaner.delete.retention.ms", Long, Some("86400000"), Rule::AtLeast(0);
        "log.cleaner.enable", Boolean, Some("true"), Rule::Any;
        "log.cleaner.io.buffer.load.factor", Double, Some("0.9"), Rule::Any;
        "log.cleaner.io.buffer.size", Int, Some("524288"), Rule::AtLeast(0);
        "log.cleaner.io.max.bytes.per.second", Double, Some("1.7976931348623157E308"), Rule::Any;
        "log.cleaner.max.compaction.lag.ms", Long, Some("9223372036854775807"), Rule::AtLeast(1);
        "log.cleaner.min.cleanable.ratio", Double, Some("0.5"), Rule::Ratio;
        "log.cleaner.min.compaction.lag.ms", Long, Some("0"), Rule::AtLeast(0);
        "log.cleaner.threads", Int, Some("1"), Rule::AtLeast(0);
    },
    family! { Nothing: "every segment is kept on the disks of this server",
        "follower.fetch.last.tiered.offset.enable", Boolean, Some("false"), Rule::Any;
        "log.local.retention.bytes", Long, Some("-2"), Rule::AtLeast(-2);
        "log.local.retention.ms", Long, Some("-2"), Rule::AtLeast(-2);
        "remote.fetch.max.wait.ms", Int, Some("500"), Rule::AtLeast(1);
        "remote.list.offsets.request.timeout.ms", Long, Some("30000"), Rule::AtLeast(1);
        "remote.log.index.file.cache.total.size.bytes", Long, Some("1073741824"), Rule::AtLeast(1);
        "remote.log.manager.copier.thread.pool.size", Int, Some("10"), Rule::AtLeast(1);
        "remote.log.manager.copy.max.bytes.per.second", Long, Some("9223372036854775807"), Rule::AtLeast(1);
        "remote.log.manager.copy.quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "remote.log.manager.copy.quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
        "remote.log.manager.expiration.thread.pool.size", Int, Some("10"), Rule::AtLeast(1);
        "remote.log.manager.fetch.max.bytes.per.second", Long, Some("9223372036854775807"), Rule::AtLeast(1);
        "remote.log.manager.fetch.quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "remote.log.manager.fetch.quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
        "remote.log.manager.follower.thread.pool.size", Int, Some("2"), Rule::AtLeast(1);
        "remote.log.manager.task.interval.ms", Long, Some("30000"), Rule::AtLeast(1);
        "remote.log.manager.thread.pool.size", Int, Some("2"), Rule::AtLeast(1);
        "remote.log.metadata.custom.metadata.max.bytes", Int, Some("128"), Rule::AtLeast(0);
        "remote.log.metadata.manager.class.name", String, Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), Rule::Any;
        "remote.log.metadata.manager.class.path", String, None, Rule::Any;
        "remote.log.metadata.manager.impl.prefix", String, Some("rlmm.config."), Rule::Any;
        "remote.log.metadata.manager.listener.name", String, None, Rule::Any;
        "remote.log.reader.max.pending.tasks", Int, Some("100"), Rule::AtLeast(1);
        "remote.log.reader.threads", Int, Some("10"), Rule::AtLeast(1);
        "remote.log.storage.manager.class.name", String, None, Rule::Any;
        "remote.log.storage.manager.class.path", String, None, Rule::Any;
        "remote.log.storage.manager.impl.prefix", String, Some("rsm.config."), Rule::Any;
    },
    family! { internal Nothing: "every segment is kept on the disks of this server",
        "remote.log.index.file.cache.ttl.ms", Long, Some("900000"), Rule::AtLeast(-1);
        "remote.log.manager.task.retry.backoff.max.ms", Long, Some("30000"), Rule::AtLeast(1);
        "remote.log.manager.task.retry.backoff.ms", Long, Some("500"), Rule::AtLeast(1);
        "remote.log.manager.task.retry.jitter", Double, Some("0.2"), Rule::Any;
    },
    family! { Nothing: "this server has no share groups yet",
        "group.share.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
        "group.share.assignors", List, Some("simple"), Rule::Any;
        "group.share.delivery.count.limit", Int, Some("5"), Rule::Between(2, 10);
        "group.share.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.share.max.assignment.interval.ms", Int, Some("15000"), Rule::AtLeast(0);
        "group.share.max.delivery.count.limit", Int, Some("10"), Rule::Between(5, 25);
        "group.share.max.heartbeat.interval.ms", Int, Some("15000"), Rule::AtLeast(1);
        "group.share.max.partition.max.record.locks", Int, Some("4000"), Rule::Between(2000, 10_000);
        "group.share.max.record.lock.duration.ms", Int, Some("60000"), Rule::Between(30_000, 3_600_000);
        "group.share.max.session.timeout.ms", Int, Some("60000"), Rule::AtLeast(1);
        "group.share.max.share.sessions", Int, Some("2000"), Rule::AtLeast(1);
        "group.share.max.size", Int, Some("200"), Rule::Between(1, 1000);
        "group.share.min.assignment.interval.ms", Int, Some("0"), Rule::AtLeast(0);
        "group.share.min.delivery.count.limit", Int, Some("2"), Rule::Between(2, 5);
        "group.share.min.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.share.min.partition.max.record.locks", Int, Some("100"), Rule::Between(100, 2000);
        "group.share.min.record.lock.duration.ms", Int, Some("15000"), Rule::Between(1000, 30_000);
        "group.share.min.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "group.share.partition.max.record.locks", Int, Some("2000"), Rule::Between(100, 10_000);
        "group.share.record.lock.duration.ms", Int, Some("30000"), Rule::Between(1000, 3_600_000);
        "group.share.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "share.coordinator.append.linger.ms", Int, Some("-1"), Rule::AtLeast(-1);
        "share.coordinator.cached.buffer.max.bytes", Int, Some("1048588"), Rule::AtLeast(524_288);
        "share.coordinator.load.buffer.size", Int, Some("5242880"), Rule::AtLeast(1);
        "share.coordinator.snapshot.update.records.per.snapshot", Int, Some("500"), Rule::Between(0, 500);
        "share.coordinator.state.topic.compression.codec", Int, Some("0"), Rule::Any;
        "share.coordinator.state.topic.min.isr", Short, Some("2"), Rule::AtLeast(1);
        "share.coordinator.state.topic.num.partitions", Int, Some("50"), Rule::AtLeast(1);
        "share.coordinator.state.topic.replication.factor", Short, Some("3"), Rule::AtLeast(1);
        "share.coordinator.state.topic.segment.bytes", Int, Some("104857600"), Rule::AtLeast(1);
        "share.coordinator.threads", Int, Some("1"), Rule::AtLeast(1);
        "share.coordinator.write.timeout.ms", Int, Some("5000"), Rule::AtLeast(1);
        "share.fetch.purgatory.purge.interval.requests", Int, Some("1000"), Rule::Any;
    },
    family! { internal Nothing: "this server has no share groups yet",
        "group.share.initialize.retry.interval.ms", Int, Some("30000"), Rule::AtLeast(1);
        "group.share.persister.class.name", String, Some("org.apache.kafka.server.share.persister.DefaultStatePersister"), Rule::Any;
        "share.coordinator.cold.partition.snapshot.interval.ms", Int, Some("300000"), Rule::AtLeast(1);
        "share.coordinator.state.topic.prune.interval.ms", Int, Some("300000"), Rule::AtLeast(1);
    },
    family! { Nothing: "this server coordinates no groups yet",
        "group.consumer.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
        "group.consumer.assignors", List, Some("uniform,range"), Rule::Any;
        "group.consumer.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.consumer.max.assignment.interval.ms", Int, Some("15000"), Rule::AtLeast(0);
        "group.consumer.max.heartbeat.interval.ms", Int, Some("15000"), Rule::AtLeast(1);
        "group.consumer.max.session.timeout.ms", Int, Some("60000"), Rule::AtLeast(1);
        "group.consumer.max.size", Int, Some("2147483647"), Rule::AtLeast(1);
        "group.consumer.migration.policy", String, Some("bidirectional"), Rule::Any;
        "group.consumer.min.assignment.interval.ms", Int, Some("0"), Rule::AtLeast(0);
        "group.consumer.min.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.consumer.min.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "group.consumer.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "group.coordinator.append.linger.ms", Int, Some("-1"), Rule::AtLeast(-1);
        "group.coordinator.background.threads", Int, Some("2"), Rule::AtLeast(1);
        "group.coordinator.cached.buffer.max.bytes", Int, Some("1048588"), Rule::AtLeast(524_288);
        "group.coordinator.rebalance.protocols", List, Some("classic,consumer,streams"), Rule::Any;
        "group.coordinator.threads", Int, Some("4"), Rule::AtLeast(1);
        "group.initial.rebalance.delay.ms", Int, Some("3000"), Rule::Any;
        "group.max.session.timeout.ms", Int, Some("1800000"), Rule::Any;
        "group.max.size", Int, Some("2147483647"), Rule::AtLeast(1);
        "group.min.session.timeout.ms", Int, Some("6000"), Rule::Any;
        "group.streams.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
        "group.streams.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.streams.initial.rebalance.delay.ms", Int, Some("3000"), Rule::AtLeast(0);
        "group.streams.max.assignment.interval.ms", Int, Some("15000"), Rule::AtLeast(0);
        "group.streams.max.heartbeat.interval.ms", Int, Some("15000"), Rule::AtLeast(1);
        "group.streams.max.session.timeout.ms", Int, Some("60000"), Rule::AtLeast(1);
        "group.streams.max.size", Int, Some("2147483647"), Rule::AtLeast(1);
        "group.streams.max.standby.replicas", Int, Some("2"), Rule::AtLeast(0);
        "group.streams.min.assignment.interval.ms", Int, Some("0"), Rule::AtLeast(0);
        "group.streams.min.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
        "group.streams.min.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "group.streams.num.standby.replicas", Int, Some("0"), Rule::AtLeast(0);
        "group.streams.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
        "offset.metadata.max.bytes", Int, Some("4096"), Rule::Any;
        "offsets.commit.timeout.ms", Int, Some("5000"), Rule::AtLeast(1);
        "offsets.load.buffer.size", Int, Some("5242880"), Rule::AtLeast(1);
        "offsets.retention.check.interval.ms", Long, Some("600000"), Rule::AtLeast(1);
        "offsets.retention.minutes", Int, Some("10080"), Rule::AtLeast(1);
        "offsets.topic.compression.codec", Int, Some("0"), Rule::Any;
        "offsets.topic.num.partitions", Int, Some("50"), Rule::AtLeast(1);
        "offsets.topic.replication.factor", Short, Some("3"), Rule::AtLeast(1);
        "offsets.topic.segment.bytes", Int, Some("104857600"), Rule::AtLeast(1);
    },
    family! { internal Nothing: "this server coordinates no groups yet",
        "group.consumer.regex.refresh.interval.ms", Int, Some("600000"), Rule::AtLeast(10_000);
    },
    family! { Nothing: "this server runs no transactions yet",
        "add.partitions.to.txn.retry.backoff.max.ms", Int, Some("100"), Rule::AtLeast(0);
        "add.partitions.to.txn.retry.backoff.ms", Int, Some("20"), Rule::AtLeast(1);
        "transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, Some("10000"), Rule::AtLeast(1);
        "transaction.max.timeout.ms", Int, Some("900000"), Rule::AtLeast(1);
        "transaction.partition.verification.enable", Boolean, Some("true"), Rule::Any;
        "transaction.remove.expired.transaction.cleanup.interval.ms", Int, Some("3600000"), Rule::AtLeast(1);
        "transaction.state.log.load.buffer.size", Int, Some("5242880"), Rule::AtLeast(1);
        "transaction.state.log.min.isr", Int, Some("2"), Rule::AtLeast(1);
        "transaction.state.log.num.partitions", Int, Some("50"), Rule::AtLeast(1);
        "transaction.state.log.replication.factor", Short, Some("3"), Rule::AtLeast(1);
        "transaction.state.log.segment.bytes", Int, Some("104857600"), Rule::AtLeast(1);
        "transaction.two.phase.commit.enable", Boolean, Some("false"), Rule::Any;
        "transactional.id.expiration.ms", Int, Some("604800000"), Rule::AtLeast(1);
    },
    family! { Nothing: "the metadata quorum has one voter so far",
        "controller.quorum.append.linger.ms", Int, Some("25"), Rule::AtLeast(0);
        "controller.quorum.auto.join.enable", Boolean, Some("false"), Rule::Any;
        "controller.quorum.election.backoff.max.ms", Int, Some("1000"), Rule::AtLeast(0);
        "controller.quorum.election.timeout.ms", Int, Some("1000"), Rule::AtLeast(0);
        "controller.quorum.fetch.max.bytes", Int, Some("1048576"), Rule::AtLeast(1);
        "controller.quorum.fetch.snapshot.max.bytes", Int, Some("1048576"), Rule::AtLeast(1);
        "controller.quorum.fetch.timeout.ms", Int, Some("2000"), Rule::AtLeast(0);
        "controller.quorum.request.timeout.ms", Int, Some("2000"), Rule::AtLeast(0);
        "controller.quorum.retry.backoff.ms", Int, Some("20"), Rule::AtLeast(0);
    },
    family! { Nothing: "every partition has one replica so far",
        "alter.log.dirs.replication.quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "alter.log.dirs.replication.quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
        "auto.leader.rebalance.enable", Boolean, Some("true"), Rule::Any;
        "leader.imbalance.check.interval.seconds", Long, Some("300"), Rule::AtLeast(1);
        "num.replica.alter.log.dirs.threads", Int, None, Rule::Any;
        "num.replica.fetchers", Int, Some("1"), Rule::AtLeast(1);
        "replica.fetch.backoff.ms", Int, Some("1000"), Rule::AtLeast(0);
        "replica.fetch.max.bytes", Int, Some("1048576"), Rule::AtLeast(0);
        "replica.fetch.min.bytes", Int, Some("1"), Rule::Any;
        "replica.fetch.response.max.bytes", Int, Some("10485760"), Rule::AtLeast(0);
        "replica.fetch.wait.max.ms", Int, Some("500"), Rule::Any;
        "replica.lag.time.max.ms", Long, Some("30000"), Rule::Any;
        "replica.selector.class", String, None, Rule::Any;
        "replica.socket.receive.buffer.bytes", Int, Some("65536"), Rule::Any;
        "replica.socket.timeout.ms", Int, Some("30000"), Rule::Any;
        "replication.quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "replication.quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
    },
    family! { internal Nothing: "every partition has one replica so far",
        "unclean.leader.election.interval.ms", Long, Some("300000"), Rule::AtLeast(1);
    },
    family! { Nothing: "the controller is in the same process",
        "controller.socket.timeout.ms", Int, Some("30000"), Rule::Any;
        "initial.broker.registration.timeout.ms", Int, Some("60000"), Rule::Any;
        "log.dir.failure.timeout.ms", Long, Some("30000"), Rule::AtLeast(1);
    },
    family! { internal Nothing: "a start takes as long as its recovery",
        "server.max.startup.time.ms", Long, Some("9223372036854775807"), Rule::AtLeast(0);
    },
    family! { Nothing: "no other node is connected to",
        "socket.connection.setup.timeout.max.ms", Long, Some("30000"), Rule::Any;
        "socket.connection.setup.timeout.ms", Long, Some("10000"), Rule::Any;
    },
    family! { Nothing: "one loop serves all connections and requests, and work beside it takes the threads that it needs",
        "background.threads", Int, Some("10"), Rule::AtLeast(1);
        "num.io.threads", Int, Some("8"), Rule::AtLeast(1);
        "num.network.threads", Int, Some("3"), Rule::AtLeast(1);
        "num.recovery.threads.per.data.dir", Int, Some("2"), Rule::AtLeast(1);
    },
    family! { Nothing: "requests are bounded by the memory that they take, and not by their number",
        "queued.max.requests", Int, Some("500"), Rule::AtLeast(1);
    },
    family! { Nothing: "this server has no quotas",
        "controller.quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "controller.quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
        "quota.window.num", Int, Some("11"), Rule::AtLeast(1);
        "quota.window.size.seconds", Int, Some("1"), Rule::AtLeast(1);
    },
    family! { Nothing: "this server loads no reporters of metrics",
        "kafka.metrics.polling.interval.secs", Int, Some("10"), Rule::AtLeast(1);
        "kafka.metrics.reporters", List, Some(""), Rule::Any;
        "metric.reporters", List, Some("org.apache.kafka.common.metrics.JmxReporter"), Rule::Any;
        "metrics.num.samples", Int, Some("2"), Rule::AtLeast(1);
        "metrics.recording.level", String, Some("INFO"), Rule::Any;
        "metrics.sample.window.ms", Long, Some("30000"), Rule::AtLeast(1);
        "telemetry.max.bytes", Int, Some("1048576"), Rule::AtLeast(1);
    },
    family! { internal Nothing: "this server loads no reporters of metrics",
        "controller.performance.always.log.threshold.ms", Long, Some("2000"), Rule::AtLeast(0);
        "controller.performance.sample.period.ms", Long, Some("60000"), Rule::AtLeast(100);
    },
    family! { Nothing: "requests that wait leave when they are due, and are not purged in rounds",
        "delete.records.purgatory.purge.interval.requests", Int, Some("1"), Rule::Any;
        "fetch.purgatory.purge.interval.requests", Int, Some("1000"), Rule::Any;
        "producer.purgatory.purge.interval.requests", Int, Some("1000"), Rule::Any;
    },
    family! { Nothing: "no connection has to prove who it is",
        "connection.failed.authentication.delay.ms", Int, Some("100"), Rule::AtLeast(0);
        "connections.max.reauth.ms", Long, Some("0"), Rule::Any;
        "delegation.token.expiry.check.interval.ms", Long, Some("3600000"), Rule::AtLeast(1);
        "delegation.token.expiry.time.ms", Long, Some("86400000"), Rule::AtLeast(1);
        "delegation.token.max.lifetime.ms", Long, Some("604800000"), Rule::AtLeast(1);
        "early.start.listeners", List, None, Rule::Any;
    },
    family! { Nothing: "the two newest snapshots are kept, and the metadata log behind the older one",
        "metadata.max.retention.bytes", Long, Some("104857600"), Rule::Any;
        "metadata.max.retention.ms", Long, Some("604800000"), Rule::Any;
    },
    family! { Nothing: "a file grows as it is written",
        "log.preallocate", Boolean, Some("false"), Rule::Any;
    },
    family! { internal Nothing: "producers are looked at when retention is",
        "producer.id.expiration.check.interval.ms", Int, Some("600000"), Rule::AtLeast(1);
    },
    family! { internal Nothing: "what is there is stable",
        "unstable.api.versions.enable", Boolean, Some("false"), Rule::Any;
        "unstable.feature.versions.enable", Boolean, Some("false"), Rule::Any;
    },
    family! { internal Nothing: "it is for tests of Apache Kafka",
        "internal.metadata.delete.delay.millis", Long, Some("60000"), Rule::Any;
        "internal.metadata.log.segment.bytes", Int, None, Rule::Any;
        "internal.metadata.max.batch.size.in.bytes", Int, Some("8388608"), Rule::Any;
        "log.initial.task.delay.ms", Long, Some("30000"), Rule::AtLeast(0);
    },
];
