//! Where two right servers may differ, with the reason of each; everything else must be equal.

use std::time::{SystemTime, UNIX_EPOCH};

use kacrab_protocol::generated::ApiKey;

use super::batch::LOG_APPEND_TIME;
use super::peer::Peer;
use super::tree::Tree;

/// A difference that is allowed.
pub struct Legal {
    /// In answers to whom; `None` for all.
    api: Option<ApiKey>,
    /// Below which field.
    field: &'static str,
    how: How,
    /// Why.
    pub why: &'static str,
}

/// How two sides are made comparable.
#[derive(Clone, Copy, Debug)]
enum How {
    /// Only whether there is one counts.
    Presence,
    /// Nothing counts.
    Nothing,
    /// The server's own port.
    Port,
    /// The id of a topic stands for its name.
    TopicId,
    /// Any number but zero is as good as another.
    Drawn,
    /// A time of this hour is "now".
    Now,
    /// Apache Kafka says nothing, or something other than that records are rejected.
    Unsaid,
    /// A span of times around "now", in a sentence.
    Span,
    /// The order of a list.
    Order,
    /// What cannot change here while a node runs can in Apache Kafka.
    Fixed,
    /// Apache Kafka has entries of names that we have not.
    Fewer,
    /// Apache Kafka throws something that it did not foresee, we say what is wrong.
    Thrown,
    /// The default of synced acknowledgments.
    Synced,
    /// What a broker that stamps records writes into a batch.
    Stamped,
}

/// Every allowed difference.
pub const LEGAL: &[Legal] = &[
    legal(Some(ApiKey::Produce), "error_message", How::Unsaid, "Kafka says why in some cases only, we in all"),
    legal(Some(ApiKey::Produce), "error_code", How::Thrown, "where Kafka's decompression throws, the batch is told to be invalid"),
    legal(Some(ApiKey::Produce), "responses", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::Produce), "partition_responses", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DescribeProducers), "active_producers", How::Order, "Kafka keeps them in a hash map"),
    legal(None, "error_message", How::Presence, "sentences are read by people; whether there is one is compared"),
    legal(Some(ApiKey::Produce), "batch_index_error_message", How::Span, "within which times a record must lie changes with the time"),
    legal(Some(ApiKey::DescribeConfigs), "documentation", How::Presence, "each has its own words"),
    legal(None, "port", How::Port, "both run on one machine"),
    legal(None, "cluster_id", How::Presence, "each cluster has its own"),
    legal(None, "topic_id", How::TopicId, "drawn at random; that the same id means the same topic is compared"),
    legal(None, "log_append_time_ms", How::Now, "the time of the append"),
    legal(Some(ApiKey::ListOffsets), "timestamp", How::Now, "the time of the append"),
    legal(Some(ApiKey::Fetch), "records", How::Stamped, "the time of the append, and the checksum over it"),
    legal(Some(ApiKey::ApiVersions), "finalized_features_epoch", How::Nothing, "an offset of each one's metadata log"),
    legal(
        Some(ApiKey::ApiVersions),
        "api_keys",
        How::Fewer,
        "groups, transactions and what belongs to them are advertised when they are there",
    ),
    legal(Some(ApiKey::ApiVersions), "supported_features", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::ApiVersions), "finalized_features", How::Order, "Kafka keeps them in a hash map"),
    legal(
        Some(ApiKey::DescribeConfigs),
        "read_only",
        How::Fixed,
        "listeners are bound at the start, and nothing can be changed that has no effect",
    ),
    legal(Some(ApiKey::DescribeConfigs), "configs", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DescribeConfigs), "value", How::Synced, "what is acknowledged is synced, unless the topic says otherwise"),
    legal(Some(ApiKey::CreateTopics), "value", How::Synced, "what is acknowledged is synced, unless the topic says otherwise"),
    legal(Some(ApiKey::DeleteTopics), "responses", How::Order, "Kafka shuffles them"),
    legal(Some(ApiKey::Fetch), "session_id", How::Drawn, "drawn at random"),
    legal(Some(ApiKey::Fetch), "partitions", How::Order, "Kafka keeps what it could not find in a hash map"),
    legal(Some(ApiKey::ListOffsets), "topics", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::ListOffsets), "partitions", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DeleteRecords), "topics", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DeleteRecords), "partitions", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::ListConfigResources), "config_resources", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DescribeLogDirs), "log_dir", How::Presence, "each has its own directory"),
    legal(Some(ApiKey::DescribeLogDirs), "total_bytes", How::Nothing, "the size of the file system is not known to the core"),
    legal(Some(ApiKey::DescribeLogDirs), "usable_bytes", How::Nothing, "the size of the file system is not known to the core"),
    legal(Some(ApiKey::DescribeLogDirs), "topics", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::DescribeLogDirs), "partitions", How::Order, "Kafka keeps them in a hash map"),
    legal(Some(ApiKey::Metadata), "topics", How::Order, "Kafka keeps them in a hash map"),
];

const fn legal(api: Option<ApiKey>, field: &'static str, how: How, why: &'static str) -> Legal {
    Legal { api, field, how, why }
}

impl Legal {
    /// True if every run meets it: the order of a hash map, and a millisecond, are by chance the same in some.
    pub fn is_always_met(&self) -> bool {
        !matches!(self.how, How::Order | How::Now)
    }

    /// What it is about, in a few words.
    pub fn title(&self) -> String {
        let api = self.api.map_or_else(|| "every answer".to_owned(), |api| format!("{api:?}"));
        format!("{} of {api} ({:?})", self.field, self.how)
    }
}

/// Makes both answers comparable; counts which differences were met.
pub fn level(api: ApiKey, kafka: &mut Tree, ours: &mut Tree, peers: [&Peer; 2], met: &mut [usize]) {
    walk(api, "", kafka, ours, peers, met);
}

fn walk(api: ApiKey, field: &str, kafka: &mut Tree, ours: &mut Tree, peers: [&Peer; 2], met: &mut [usize]) {
    // A rule for every answer gives way to those of one API.
    let of_api = LEGAL.iter().any(|rule| rule.field == field && rule.api == Some(api));
    let rules = LEGAL
        .iter()
        .zip(met.iter_mut())
        .filter(|(rule, _)| rule.field == field && (rule.api == Some(api) || rule.api.is_none() && !of_api));
    for (rule, count) in rules {
        let before = (kafka != ours).then(|| (kafka.clone(), ours.clone()));
        rule.how.apply(kafka, ours, peers);
        *count += usize::from(before.is_some_and(|(left, right)| *kafka != left || *ours != right));
    }
    match (kafka, ours) {
        (Tree::Fields(left), Tree::Fields(right)) if left.len() == right.len() => {
            for ((name, left), (_, right)) in left.iter_mut().zip(right) {
                walk(api, name, left, right, peers, met);
            }
        }
        (Tree::List(left), Tree::List(right)) => {
            for (left, right) in left.iter_mut().zip(right) {
                walk(api, "", left, right, peers, met);
            }
        }
        _ => {}
    }
}

impl How {
    fn apply(self, kafka: &mut Tree, ours: &mut Tree, peers: [&Peer; 2]) {
        match self {
            How::Fewer => fewer(kafka, ours),
            How::Synced if [&*kafka, &*ours] == [&Tree::word(i64::MAX.to_string().as_str()), &Tree::word("1")] => *ours = kafka.clone(),
            How::Synced => {}
            How::Fixed if [&*kafka, &*ours] == [&Tree::word("false"), &Tree::word("true")] => *ours = kafka.clone(),
            How::Fixed => {}
            How::Unsaid if !matches!(kafka, Tree::Word(word) if word.starts_with("One or more records")) => {
                if *kafka == Tree::Null || *ours != Tree::Null {
                    *ours = kafka.clone();
                }
            }
            How::Unsaid => {}
            How::Span => {
                if let (Tree::Word(left), Tree::Word(right)) = (&*kafka, &mut *ours)
                    && same_but_for_a_span(left, right)
                {
                    right.clone_from(left);
                }
            }
            How::Thrown if *kafka == Tree::word("-1") && *ours != Tree::word("0") => *ours = kafka.clone(),
            How::Thrown => {}
            _ => {
                self.one(kafka, peers[0]);
                self.one(ours, peers[1]);
            }
        }
    }

    fn one(self, tree: &mut Tree, peer: &Peer) {
        match (self, &mut *tree) {
            (How::Presence, Tree::Word(word)) if !word.is_empty() => *tree = Tree::word("a text"),
            (How::Nothing, _) => *tree = Tree::word("anything"),
            (How::Port, Tree::Word(word)) if word == peer.port() => *tree = Tree::word("its port"),
            (How::TopicId, Tree::Word(id)) => {
                if let Some(name) = peer.topics.get(id) {
                    *tree = Tree::word(&format!("id of {name}"));
                }
            }
            (How::Drawn, Tree::Word(word)) if word != "0" => *tree = Tree::word("a number"),
            (How::Now, Tree::Word(word)) if is_now(word.parse().unwrap_or(0)) => *tree = Tree::word("now"),
            (How::Order, Tree::List(list)) => list.sort_by_cached_key(|entry| place(entry, peer)),
            (How::Stamped, Tree::Bytes(bytes)) => unstamp(bytes),
            _ => {}
        }
    }
}

/// What decides about the place of an entry: names before ids, and the number of a partition as a number.
fn place(entry: &Tree, peer: &Peer) -> (String, String, i64, String) {
    let topic = peer.topics.get(entry.text("topic_id")).cloned().unwrap_or_default();
    let number = ["index", "partition_index", "producer_id", "resource_type"].iter().find_map(|field| entry.text(field).parse().ok());
    (["name", "resource_name", "topic"].map(|field| entry.text(field)).concat(), topic, number.unwrap_or(0), entry.to_string())
}

/// Entries whose name (or key) only Apache Kafka has.
fn fewer(kafka: &mut Tree, ours: &Tree) {
    let name = |entry: &Tree| if entry.text("name").is_empty() { entry.text("api_key").to_owned() } else { entry.text("name").to_owned() };
    if let (Tree::List(left), Tree::List(right)) = (kafka, ours) {
        let known: Vec<String> = right.iter().map(name).collect();
        left.retain(|entry| known.contains(&name(entry)));
    }
}

/// Two sentences that end with spans of times, and differ in those alone by less than an hour.
fn same_but_for_a_span(left: &str, right: &str) -> bool {
    let parts = |text: &str| {
        let (sentence, span) = text.rsplit_once(" [")?;
        let (least, most) = span.strip_suffix(']')?.split_once(", ")?;
        Some((sentence.to_owned(), least.parse::<i64>().ok()?, most.parse::<i64>().ok()?))
    };
    let near = |a: i64, b: i64| a.abs_diff(b) < 3_600_000;
    matches!((parts(left), parts(right)), (Some(l), Some(r)) if l.0 == r.0 && near(l.1, r.1) && near(l.2, r.2))
}

fn is_now(ms: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    (now - ms).abs() < 3_600_000
}

/// Clears checksum and last timestamp of each batch whose times are the broker's.
fn unstamp(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 61) {
        let length = i32::from_be_bytes(head[8..12].try_into().expect("four bytes"));
        let attributes = i16::from_be_bytes(head[21..23].try_into().expect("two bytes"));
        if attributes & LOG_APPEND_TIME != 0 {
            bytes[at + 17..at + 21].fill(0);
            bytes[at + 35..at + 43].fill(0);
        }
        at += 12 + usize::try_from(length).unwrap_or(usize::MAX / 2);
    }
}
