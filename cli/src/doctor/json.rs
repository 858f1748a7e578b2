//! What was found, for programs.

use odradek_log::doctor::{BadFile, By, Missing, Place, Report, Root, Standing, WhyMissing};
use odradek_log::formats::dir_name::Purpose;
use serde_json::{Value, json};

use super::read::Reading;

/// All of it.
pub fn of(found: &Reading) -> Value {
    let directories: Vec<Value> = found.roots.iter().zip(&found.reports).map(|(root, reports)| directory(root, reports)).collect();
    json!({
        "whole": found.is_whole(),
        "directories": directories,
        "missing": found.missing.iter().map(missing).collect::<Vec<_>>(),
        "metadata_unread": found.metadata_unread,
    })
}

fn directory(root: &Root, reports: &[Report]) -> Value {
    let meta = root
        .meta
        .as_ref()
        .map(|meta| json!({ "node": meta.node.0, "cluster": meta.cluster_id, "directory": meta.directory_id.map(|id| id.to_string()) }));
    let aside = root.aside.iter().map(|(name, purpose)| {
        let purpose = match purpose {
            Purpose::Delete => "deleted",
            Purpose::Stray => "stray",
            Purpose::Future | Purpose::Current => "future",
        };
        json!({ "name": name.as_str(), "purpose": purpose })
    });
    json!({
        "path": root.path,
        "identity": meta,
        "clean_stop": root.clean,
        "files": root.bad.iter().map(file).collect::<Vec<_>>(),
        "aside": aside.collect::<Vec<_>>(),
        "logs": reports.iter().map(log).collect::<Vec<_>>(),
    })
}

fn file(bad: &BadFile) -> Value {
    json!({ "name": bad.name.as_str(), "why": bad.why, "then": bad.then })
}

fn log(report: &Report) -> Value {
    let by = match report.by {
        By::CleanStop => "clean_stop",
        By::Mark => "mark",
        By::RecoveryPoint => "recovery_point",
    };
    let (standing, why) = match &report.standing {
        Standing::Replica => ("replica", None),
        Standing::Unnamed { why } => ("unnamed", Some(why.clone())),
        Standing::Swapped { topic_id } => ("swapped", Some(topic_id.to_string())),
        Standing::Stray { why } => ("stray", Some(why.clone())),
    };
    let record = report.record.as_ref().map(|record| match record {
        Ok(d) => json!({ "file": d.segment.as_str(), "at": d.at, "offset": d.offset.0, "synced": d.synced.0, "why": d.why }),
        Err(why) => json!({ "unreadable": why }),
    });
    let unreadable =
        report.unreadable.iter().map(|(file, u)| json!({ "file": file.as_str(), "at": u.at, "bytes": u.bytes, "why": u.says }));
    json!({
        "name": report.dir.as_str(),
        "topic": &*report.partition.topic,
        "partition": report.partition.partition,
        "topic_id": report.topic_id.map(|id| id.to_string()),
        "standing": standing,
        "standing_why": why,
        "damaged": report.is_damaged(),
        "out_of_service": report.is_out_of_service(),
        "synced": { "offset": report.synced.0, "by": by },
        "log_start": report.log_start.map(|o| o.0),
        "high_watermark": report.high_watermark.map(|o| o.0),
        "record": record,
        "whole": {
            "first": report.begins.0,
            "end": report.whole_end.0,
            "records": report.records,
            "bytes": report.bytes,
            "segments": report.segments,
            "segments_below_start": report.below_start,
        },
        "places": report.damaged.iter().map(place).collect::<Vec<_>>(),
        "unserved": report.unserved.as_ref().map(|u| json!({ "file": u.segment.as_str(), "at": u.at, "why": u.why })),
        "tail": report.torn.as_ref().map(|(at, bytes)| json!({ "place": place(at), "bytes": bytes })),
        "unreadable": unreadable.collect::<Vec<_>>(),
        "files": report.bad.iter().map(file).collect::<Vec<_>>(),
        "give_up": report.cures().into_iter().map(|(offset, why)| json!({ "offset": offset.0, "why": why })).collect::<Vec<_>>(),
    })
}

fn place(place: &Place) -> Value {
    let behind = &place.behind;
    json!({
        "file": place.file.as_str(),
        "at": place.at,
        "offset": place.offset.0,
        "why": place.why,
        "behind": { "records": behind.records, "bytes": behind.bytes, "first": behind.first.map(|o| o.0), "end": behind.end.map(|o| o.0) },
    })
}

fn missing(missing: &Missing) -> Value {
    let (why, directory) = match missing.why {
        WhyMissing::Gone => ("gone", None),
        WhyMissing::Elsewhere(id) => ("elsewhere", Some(id.to_string())),
        WhyMissing::Lost => ("lost", None),
    };
    json!({
        "topic": &*missing.partition.topic,
        "partition": missing.partition.partition,
        "topic_id": missing.topic_id.map(|id| id.to_string()),
        "synced": missing.synced.0,
        "start": missing.start.0,
        "why": why,
        "directory": directory,
    })
}
