//! What was found, as lines for a person: one for a log that is whole, some for one that is not.

use indicatif::{HumanBytes, HumanCount};
use odradek_log::doctor::{By, Missing, Place, Report, Root, Standing, WhyMissing};
use odradek_log::formats::dir_name::{METADATA_DIR, Purpose};
use odradek_wire::ids::Offset;

use super::read::Reading;

/// Places of one log that are told; the others are counted.
const PLACES_MAX: usize = 10;

/// All lines.
pub fn of(found: &Reading) -> Vec<String> {
    let names = found.reports.iter().flatten().map(|r| r.dir.as_str().len());
    let width = names.chain(found.missing.iter().map(|m| m.partition.to_string().len())).max().unwrap_or(0);
    let dirs = found.roots.iter().map(|root| root.path.as_str()).collect::<Vec<_>>().join(" ");
    let mut lines = Vec::new();
    for (root, reports) in found.roots.iter().zip(&found.reports) {
        lines.push(title(root));
        lines.extend(root.bad.iter().map(|bad| format!("  {}: {}; {}", bad.name, bad.why, bad.then)));
        for report in reports {
            log(report, width, &dirs, &mut lines);
        }
        lines.extend(root.aside.iter().map(|(name, purpose)| format!("  {name}  {}", aside(*purpose))));
    }
    if let Some(why) = &found.metadata_unread {
        lines.push(format!("The metadata cannot be read, and which replicas are missing is not known: {why}"));
    }
    for missing in &found.missing {
        lines.push(format!("  {:width$}  missing  {}", missing.partition.to_string(), why_missing(missing)));
        if missing.partition.to_string() == METADATA_DIR {
            lines.push("    put back    the directory of the metadata log, or a copy of it: without it the node does not start, and it is not given up".to_owned());
            continue;
        }
        let lost = if matches!(missing.why, WhyMissing::Elsewhere(_)) { "   (if that directory is lost; else name it too)" } else { "" };
        lines.push(format!("    give up     odradek doctor {dirs} --give-up {}@{}{lost}", missing.partition, missing.start.0));
    }
    lines.push(summary(found));
    lines
}

fn title(root: &Root) -> String {
    let stopped = if root.clean { "stopped cleanly" } else { "not stopped cleanly" };
    match &root.meta {
        None => format!("{}: whose it is is not known; {stopped}", root.path),
        Some(meta) => {
            let directory = meta.directory_id.map_or_else(String::new, |id| format!(", directory {id}"));
            format!("{}: node {} of cluster {}{directory}; {stopped}", root.path, meta.node.0, meta.cluster_id)
        }
    }
}

fn aside(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Delete => "of a deleted topic: the next start removes it",
        Purpose::Stray => "belongs to no partition here, and is kept",
        Purpose::Future | Purpose::Current => "was on its way here",
    }
}

fn log(report: &Report, width: usize, dirs: &str, lines: &mut Vec<String>) {
    let name = report.dir.as_str();
    lines.push(format!("  {name:width$}  {:7}  {}", state(report), whole(report)));
    if let Some((place, bytes)) = &report.torn {
        let words = "were never known to be synced, and the next start cuts them";
        lines.push(format!("    tail        {bytes} bytes from {} on {words}: {}", at(place), place.why));
    }
    if let Standing::Stray { why } = &report.standing {
        lines.push(format!("    stray       {why}: the next start sets it aside, and keeps it"));
    }
    if !report.is_damaged() {
        return;
    }
    lines.push(format!("    known       {}", known(report)));
    match &report.record {
        Some(Ok(damage)) => {
            lines.push(format!("    recorded    {} at byte {}, offset {}: {}", damage.segment, damage.at, damage.offset.0, damage.why));
        }
        Some(Err(why)) => lines.push(format!("    recorded    damage was found, and its record cannot be read: {why}")),
        None => {}
    }
    identity(report, lines);
    if let Some(unserved) = &report.unserved {
        lines.push(format!("    unserved    {unserved}"));
    }
    for place in report.damaged.iter().take(PLACES_MAX) {
        lines.push(format!("    damaged     {}: {}", at(place), place.why));
    }
    if let Some(more) = report.damaged.len().checked_sub(PLACES_MAX).filter(|more| *more > 0) {
        lines.push(format!("    damaged     and {more} more places"));
    }
    lines.extend(
        report.unreadable.iter().map(|(file, u)| format!("    unreadable  {file}, {} bytes from byte {} on: {}", u.bytes, u.at, u.says)),
    );
    lines.extend(report.damaged.first().and_then(behind));
    lines.extend(report.bad.iter().map(|bad| format!("    file        {}: {}; {}", bad.name, bad.why, bad.then)));
    if !report.is_out_of_service() && !report.damaged.is_empty() {
        lines.push("    served      a start does not look there: readers meet it, and cannot pass it".to_owned());
    }
    if !report.is_metadata {
        let give_up = |(offset, why): (Offset, String)| {
            format!("    give up     odradek doctor {dirs} --give-up {}@{}   ({why})", report.partition, offset.0)
        };
        lines.extend(report.cures().into_iter().map(give_up));
    }
}

fn state(report: &Report) -> &'static str {
    match (&report.standing, report.is_damaged()) {
        _ if report.unserved.is_some() => "unserved",
        (_, true) => "damaged",
        (Standing::Stray { .. }, false) => "stray",
        (_, false) => "whole",
    }
}

fn at(place: &Place) -> String {
    format!("{} at byte {}, offset {}", place.file, place.at, place.offset.0)
}

fn whole(report: &Report) -> String {
    if report.whole_end <= report.begins {
        let what = if report.is_damaged() { "no record is whole" } else { "no records" };
        return format!("{what}; it begins at offset {}", report.begins.0);
    }
    let (first, last) = (report.begins.0, report.whole_end.0 - 1);
    let (records, bytes) = (counted(report.records, "record"), HumanBytes(report.bytes));
    let segments = counted(report.segments as u64, "segment");
    let whole = if report.is_damaged() { " are whole" } else { "" };
    let known = if report.is_damaged() { synced(report) } else { bounds(report) };
    format!("offsets {first} to {last}{whole}: {records} in {segments}, {bytes}; {known}")
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

fn synced(report: &Report) -> String {
    let by = match report.by {
        By::CleanStop => "a clean stop",
        By::Mark => "mark",
        By::RecoveryPoint => "recovery point",
    };
    if report.synced == Offset(0) {
        "nothing is known to be synced".to_owned()
    } else {
        format!("synced up to {} by {by}", report.synced.0)
    }
}

fn bounds(report: &Report) -> String {
    let mut known = vec![synced(report)];
    known.extend(report.log_start.map(|start| format!("log start {}", start.0)));
    known.extend(report.high_watermark.map(|hw| format!("high watermark {}", hw.0)));
    known.join("; ")
}

fn known(report: &Report) -> String {
    let mut known = vec![bounds(report)];
    known.extend(report.topic_id.map(|id| format!("topic {id}")));
    if report.below_start > 0 {
        known.push(format!("{} segments below the log start were not read", report.below_start));
    }
    known.join("; ")
}

fn identity(report: &Report, lines: &mut Vec<String>) {
    match &report.standing {
        Standing::Unnamed { why } => lines.push(format!("    identity    partition.metadata: {why}")),
        Standing::Swapped { topic_id } => {
            let was = report.topic_id.map_or_else(String::new, |id| format!(", and the log of topic {id} was here"));
            lines.push(format!("    identity    partition.metadata names topic {topic_id}{was}"));
        }
        Standing::Replica | Standing::Stray { .. } => {}
    }
}

fn behind(place: &Place) -> Option<String> {
    let (first, end) = place.behind.first.zip(place.behind.end)?;
    let (records, bytes) = (HumanCount(place.behind.records), HumanBytes(place.behind.bytes));
    Some(format!("    behind      {records} records can still be read, of offsets {} to {}: {bytes}", first.0, end.0 - 1))
}

fn why_missing(missing: &Missing) -> String {
    match missing.why {
        WhyMissing::Gone => {
            format!(
                "it was synced up to offset {}, and its directory is gone, or in a directory of the node that was not named",
                missing.synced.0
            )
        }
        WhyMissing::Elsewhere(id) => format!("the metadata has it in directory {id}, which was not named"),
        WhyMissing::Lost => "the metadata has it in none of the node's directories: it was offline".to_owned(),
    }
}

fn summary(found: &Reading) -> String {
    let all: Vec<&Report> = found.reports.iter().flatten().collect();
    let damaged = all.iter().filter(|r| r.is_damaged()).count();
    let files = found.roots.iter().map(|root| root.bad.len()).sum::<usize>();
    let mut words = format!("{}: {} whole", counted(all.len() as u64, "log"), all.len() - damaged);
    for (count, what) in [(damaged, "damaged"), (found.missing.len(), "missing"), (files, "files of the node damaged or missing")] {
        if count > 0 {
            words += &format!(", {count} {what}");
        }
    }
    words
}
