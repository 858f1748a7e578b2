//! What is known of a configuration key.

use super::rule::Rule;

/// What a value is, as DescribeConfigs numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Kafka's types")]
#[repr(i8)]
pub enum ValueType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl ValueType {
    /// The type in capitals, as error messages have it.
    pub const fn name(self) -> &'static str {
        match self {
            ValueType::Boolean => "BOOLEAN",
            ValueType::String => "STRING",
            ValueType::Int => "INT",
            ValueType::Short => "SHORT",
            ValueType::Long => "LONG",
            ValueType::Double => "DOUBLE",
            ValueType::List => "LIST",
            ValueType::Class => "CLASS",
            ValueType::Password => "PASSWORD",
        }
    }
}

/// Where a value comes from, as DescribeConfigs numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum Source {
    /// An override of the topic.
    DynamicTopic = 1,
    /// An override of one broker.
    DynamicBroker = 2,
    /// An override of every broker.
    DynamicDefaultBroker = 3,
    /// The file or the command line that started the node.
    StaticBroker = 4,
    /// Nobody said anything.
    Default = 5,
    /// An override of a client metrics subscription.
    ClientMetrics = 7,
    /// An override of a group.
    Group = 8,
}

/// Who may change a broker key while the node runs (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nobody: a restart is needed.
    ReadOnly,
    /// For one broker or for all.
    ClusterWide,
}

/// What is done about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What it says happens.
    Works,
    /// It may be set and changes nothing, for this reason; whoever sets it is told.
    Nothing(&'static str),
    /// It may be set to its default and to nothing else, for this reason: to ignore it would lose data, open a door or break a promise.
    Refused(&'static str),
}

/// A broker key from which a topic key takes its default, and by what its number is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerSynonym {
    /// The broker key.
    pub name: &'static str,
    /// 3,600,000 for a key in hours, 60,000 for one in minutes.
    pub factor: i64,
}

/// A configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub value_type: ValueType,
    /// Its value if nobody says anything; `None` is Kafka's null.
    pub default: Option<&'static str>,
    /// Which values are right, beyond their type.
    pub rule: Rule,
    /// Of a topic key: the broker keys that set its default, the first that is set wins.
    pub synonyms: &'static [BrokerSynonym],
    /// Who may change it; of a broker key.
    pub update: Update,
    /// What is done about it.
    pub effect: Effect,
    /// True if it is for tests: it is shown only where it was set.
    pub internal: bool,
    /// What it does, in a sentence; empty for a broker key that does nothing.
    pub says: &'static str,
}

impl Definition {
    /// True if its value is never shown.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.value_type, ValueType::Password)
    }

    /// True if it cannot be changed while the node runs.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.update, Update::ReadOnly)
    }

    /// What it does, for a person who looks it up; why it does nothing, if it does nothing.
    pub fn documentation(&self) -> String {
        match (self.effect, self.says) {
            (Effect::Works, says) => says.to_owned(),
            (Effect::Nothing(why), "") => format!("Has no effect here: {why}."),
            (Effect::Nothing(why), says) => format!("{says} Has no effect here: {why}."),
            (Effect::Refused(why), _) => format!("Cannot be set here: {why}."),
        }
    }
}
