//! The keys of groups and of client metrics: what they are about is not here yet, so none can be set.

use super::definition::{Definition, Effect, Update, ValueType};
use super::other_keys::family;
use super::rule::Rule;

/// By name. Where a broker key `group.` and the name is there, it is the default.
pub(super) const GROUP_KEYS: &[Definition] = family! { Nothing: "this server coordinates no groups yet",
    "consumer.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
    "consumer.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
    "consumer.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
    "share.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
    "share.auto.offset.reset", String, Some("latest"), Rule::Any;
    "share.delivery.count.limit", Int, Some("5"), Rule::AtLeast(2);
    "share.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
    "share.isolation.level", String, Some("read_uncommitted"), Rule::OneOf(&["read_committed", "read_uncommitted"]);
    "share.partition.max.record.locks", Int, Some("2000"), Rule::AtLeast(100);
    "share.record.lock.duration.ms", Int, Some("30000"), Rule::AtLeast(1000);
    "share.renew.acknowledge.enable", Boolean, Some("true"), Rule::Any;
    "share.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
    "streams.assignment.interval.ms", Int, Some("1000"), Rule::AtLeast(0);
    "streams.heartbeat.interval.ms", Int, Some("5000"), Rule::AtLeast(1);
    "streams.initial.rebalance.delay.ms", Int, Some("3000"), Rule::AtLeast(0);
    "streams.num.standby.replicas", Int, Some("0"), Rule::AtLeast(0);
    "streams.session.timeout.ms", Int, Some("45000"), Rule::AtLeast(1);
};

/// By name.
pub(super) const CLIENT_METRICS_KEYS: &[Definition] = family! { Nothing: "this server takes no metrics from clients",
    "interval.ms", Int, Some("300000"), Rule::Any;
    "match", List, Some(""), Rule::Any;
    "metrics", List, Some(""), Rule::Any;
};
