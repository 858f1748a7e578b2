//! DescribeLogDirs.

use kacrab_protocol::generated::DescribeLogDirsRequestData;
use kacrab_protocol::generated::describe_log_dirs_request::DescribableLogDirTopic;

use super::batch::Batch;
use super::message::text;
use super::produce::produce;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    twins.create("kept", 2, &[]);
    twins.ask("something to keep", 9, |p| produce(p, 9, "kept", 0, -1, Some(Batch::of(&["a", "b"]).bytes())));
    let request = |topics: Option<&[(&str, &[i32])]>| {
        let one = |(name, partitions): &(&str, &[i32])| {
            DescribableLogDirTopic::default().with_topic(text(name)).with_partitions(partitions.to_vec())
        };
        DescribeLogDirsRequestData::default().with_topics(topics.map(|t| t.iter().map(one).collect()))
    };
    twins.each("one topic", |_, _| request(Some(&[("kept", &[0, 1])])));
    twins.each("one partition", |_, _| request(Some(&[("kept", &[1])])));
    twins.each("unknown partitions", |_, _| request(Some(&[("kept", &[1, 7, -1])])));
    twins.each("no partition", |_, _| request(Some(&[("kept", &[])])));
    twins.each("unknown topic", |_, _| request(Some(&[("nobody", &[0])])));
    twins.each("a topic twice", |_, _| request(Some(&[("kept", &[0]), ("kept", &[1])])));
    twins.each("a partition twice", |_, _| request(Some(&[("kept", &[0, 0])])));
    twins.each("no topic", |_, _| request(Some(&[])));
    twins.each("everything", |_, _| request(None));
}
