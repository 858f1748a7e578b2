//! The reference of the language: every word that a scenario may use, from the tables that read it.

use std::fmt::Write;

use odradek_wire::api::ApiKey;

use super::model::{Anomaly, ClientKind};
use super::when::Measure;
use crate::fault::{Fault, Lasts, Suffers};
use crate::oracle::Guarantee;

/// The keys of `with`: what they are, and what holds without them.
const WITH: [(&str, &str); 14] = [
    ("times", "a number: how many operations it spoils (1), or how many times as long something takes (20)"),
    (
        "file",
        "the end of file names, such as `.log`, `index` or `quorum-state`, or of the directory they are in, such as `orders-0`; without it every file",
    ),
    ("free", "a size: the bytes that may still be taken (0)"),
    ("per_second", "a size: bytes in a second (10000)"),
    ("by", "a span of time (200ms)"),
    ("ppm", "parts per million, below zero for slow (1000)"),
    ("peer", "another host, or a name bound by `as`; without it everybody"),
    ("rpc", "a request by Kafka's name"),
    ("topic", "a topic that is given or created"),
    ("partitions", "a number of partitions (1)"),
    ("percent", "parts of a hundred (50)"),
    ("key", "a configuration key of topics"),
    ("value", "its value"),
    (
        "keeps",
        "what a power cut keeps of what was not synced: `nothing`, `everything`, `prefix` or `holes`; without it each file draws for itself",
    ),
];

/// The reference as Markdown: `scenarios/WORDS.md` holds it, and a test holds the two together.
pub fn reference() -> String {
    let mut text = String::from(OPENING);
    text.push_str("\n## Faults and actions\n\nThe word behind `do`, whom it may happen to (`who`), whether it lasts (`for`, `until`), and the keys of its `with`.\n\n");
    text.push_str("| do | who | lasts | with | |\n|---|---|---|---|---|\n");
    for fault in Fault::ALL {
        let who = match fault.suffers() {
            Suffers::Node => "broker",
            Suffers::Client => "client",
            Suffers::Host => "any host",
            Suffers::Nobody => "–",
        };
        let lasts = if fault.lasts() == Lasts::While { "yes" } else { "no" };
        let with: Vec<String> = fault.params().iter().map(|key| format!("`{key}`")).collect();
        line(&mut text, &format!("| `{fault}` | {who} | {lasts} | {} | {} |", with.join(" "), fault.explains().trim()));
    }
    text.push_str("\n| key of `with` | |\n|---|---|\n");
    WITH.iter().for_each(|(key, says)| line(&mut text, &format!("| `{key}` | {says} |")));
    text.push_str(MOMENTS);
    let list = |words: &mut dyn Iterator<Item = &'static str>| words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    line(&mut text, &format!("- measures of a predicate: {}", list(&mut Measure::ALL.iter().map(|(word, _)| *word))));
    line(&mut text, &format!("- kinds of clients: {}", list(&mut ClientKind::ALL.iter().map(|(word, _)| *word))));
    line(&mut text, &format!("- profiles and guarantees: {}", list(&mut Guarantee::ALL.iter().map(|guarantee| guarantee.word()))));
    line(&mut text, &format!("- anomalies: {}", list(&mut Anomaly::ALL.iter().map(|(word, _)| *word))));
    line(&mut text, &format!("- requests: {}", list(&mut ApiKey::ALL.iter().map(|key| key.name()))));
    text
}

fn line(text: &mut String, says: &str) {
    writeln!(text, "{says}").expect("a string takes text");
}

const OPENING: &str = "# Every word of a scenario

Written by `odradek sim words`, which also lists the marks; a test holds this page to the tables that the language is read by.

| table | keys |
|---|---|
| the file | `title`, `use` (other files, whose lists come first), `matrix` (lists by name; `\"$name\"` stands for each of their values) |
| `run` | `chaos` (how long things go wrong: 20s), `floor` (acknowledged operations without which the run does not count: 20) |
| `cluster` | `brokers` (1), `disks` (log directories: 1), `config` (Kafka's keys of brokers), `image` (a directory that the first disk begins with) |
| `[[topic]]` | `name`, `partitions` (1), `replication` (1), `config` (Kafka's keys of topics) |
| `[[client]]` | `kind`, `name` (the kind), `count` (1), `profile`, `acks`, `topics` (all), `rate` (25/s), `size` (32B..512B), `keys` (0: none), `codec` (none), `start`, `operations`, `config` (Kafka's keys of clients) |
| `[[step]]` | `when`, `who`, `do`, `with`, `for`, `until`, `times` (1): in order, each is watched for once the one before has happened |
| `[[fault]]` | the same, in no order |
| `expect` | `guarantees`, `never`, `in_some_seed`, `within` (60s), `errors` (parts of the only messages that applications may be told), `marks` |

Any value is a literal, a range (`\"2s..8s\"`, both ends included) or a choice (`[\"a\", \"b\"]`), drawn from the seed before the run starts.
Spans have the units ns, us, ms, s, min, h; sizes B, KiB, MiB, GiB; rates /s, /min.
";

const MOMENTS: &str = "
## Moments and hosts

- `when = \"2s..5s\"`: a time since the chaos began; in a step, since the step before
- `when = { mark = \"log.rolled\", of = \"orders/0\", nth = 2, after = \"0ms..30ms\" }`: a mark is reached, so many times, and then some
- `when = { rpc = \"Produce\", nth = 3 }`: a broker is about to take a request
- `when = { predicate = \"acknowledged >= 100\" }`: a measure reaches (`>=`), goes below (`<`) or equals (`==`) a number
- `when = { any = [ … ] }`, `when = { all = [ … ] }`: the first or the last of several; `until` takes the same
- `who = \"broker-1\"`, `who = \"producer-2\"`, or a name that was bound
- `who = { any = \"broker\", as = \"victim\" }`, also `\"client\"` or the name of a group of clients: one of them, drawn, and called so afterwards
- `who = { all = \"client\" }`
- `who = { leader_of = \"orders/0\", as = \"old\" }`: who leads the partition at that moment

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_with_is_explained_and_none_beside() {
        let mut used: Vec<&str> = Fault::ALL.iter().flat_map(|fault| fault.params()).copied().collect();
        used.sort_unstable();
        used.dedup();
        let mut explained: Vec<&str> = WITH.iter().map(|(key, _)| *key).collect();
        explained.sort_unstable();
        assert_eq!(explained, used);
    }
}
