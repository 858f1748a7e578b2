//! Our answers held against Apache Kafka's: both get the same bytes, and what they answer is compared field by field.
//!
//! Where they may differ stands in one table ([`legal::LEGAL`]); every other difference fails the part.

mod batch;
mod compare;
mod fetch;
mod gone;
mod handshake;
mod idempotence;
mod legal;
mod log_dirs;
mod malformed;
mod message;
mod metadata;
mod offsets;
mod peer;
mod produce;
mod rejected;
mod sessions;
#[cfg(test)]
mod tests;
mod topic_configs;
mod topics;
mod tree;
mod twice;
mod twins;

use crate::target::Target;
use legal::LEGAL;
use twins::Twins;

/// A group of APIs.
type Group = (&'static str, fn(&mut Twins));

/// In this order, on the same two servers; each has topics of its own.
const GROUPS: &[Group] = &[
    ("handshake", handshake::run),
    ("topics", topics::run),
    ("metadata", metadata::run),
    ("configs", topic_configs::run),
    ("produce", produce::run),
    ("rejected", rejected::run),
    ("idempotence", idempotence::run),
    ("fetch", fetch::run),
    ("sessions", sessions::run),
    ("gone", gone::run),
    ("twice", twice::run),
    ("offsets", offsets::run),
    ("log_dirs", log_dirs::run),
    ("malformed", malformed::run),
];

/// Runs the groups of these names, or all.
///
/// # Errors
/// Each difference that is not allowed.
pub fn run(groups: &[String]) -> Result<String, String> {
    let kafka = Target::kafka()?;
    let ours = Target::odradek()?;
    let mut twins = Twins::new(kafka.bootstrap(), ours.bootstrap());
    twins.await_start();
    let mut found = 0;
    for (name, run) in GROUPS.iter().filter(|(name, _)| groups.is_empty() || groups.iter().any(|g| g == name)) {
        let before = twins.requests;
        run(&mut twins);
        println!("  {name}: {} requests", twins.requests - before);
        for ((api, title, difference), versions) in std::mem::take(&mut twins.found) {
            found += 1;
            let (path, kafka, ours) = (&difference.path, &difference.kafka, &difference.ours);
            println!("    {api} {} · {title} · {path}\n        Apache Kafka: {kafka}\n        odradek:      {ours}", spans(&versions));
        }
    }
    let unmet: Vec<String> =
        LEGAL.iter().zip(&twins.met).filter(|(rule, met)| **met == 0 && rule.is_always_met()).map(|(rule, _)| rule.title()).collect();
    if groups.is_empty() && !unmet.is_empty() {
        return Err(format!("allowed differences that were never met: {}", unmet.join(", ")));
    }
    for (rule, met) in LEGAL.iter().zip(&twins.met).filter(|(_, met)| **met > 0) {
        println!("  allowed, met {met} times: {}: {}", rule.title(), rule.why);
    }
    let said = format!("{} requests, {} allowed differences", twins.requests, LEGAL.len());
    match found {
        0 => Ok(said),
        _ => Err(format!("{said}, {found} others")),
    }
}

/// Versions as spans: `3-8,11`.
fn spans(versions: &[i16]) -> String {
    let mut spans: Vec<(i16, i16)> = Vec::new();
    for &version in versions {
        match spans.last_mut() {
            Some((_, end)) if *end == version || *end + 1 == version => *end = version,
            _ => spans.push((version, version)),
        }
    }
    let span = |&(first, last): &(i16, i16)| if first == last { format!("v{first}") } else { format!("v{first}-{last}") };
    spans.iter().map(span).collect::<Vec<_>>().join(",")
}
