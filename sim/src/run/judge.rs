//! From what happened to a verdict.

use super::report::Verdict;
use crate::oracle::Violation;
use crate::plan::Plan;
use crate::scenario::Expect;
use crate::world::{Ending, Stop};

/// How a run that did not panic is judged.
pub(super) fn verdict(expect: &Expect, plan: &Plan, ending: &Ending) -> Verdict {
    match &ending.stop {
        Some(Stop::Violation(violation)) => return Verdict::Broken { violation: violation.clone() },
        Some(Stop::Liveness(says)) => return Verdict::Liveness { says: says.clone() },
        None => {}
    }
    if let Some(violation) = forbidden(expect, ending) {
        return Verdict::Broken { violation };
    }
    match missing(expect, plan, ending) {
        Some(why) => Verdict::Void { why },
        None => Verdict::Clean,
    }
}

/// What the scenario itself forbids.
fn forbidden(expect: &Expect, ending: &Ending) -> Option<Violation> {
    let anomaly = expect.never.iter().find(|anomaly| ending.seen.get(anomaly.word()).is_some_and(|&count| count > 0));
    if let Some(anomaly) = anomaly {
        return Some(Violation::new("never", format!("{} was seen", anomaly.word())));
    }
    if expect.errors.is_empty() {
        return None;
    }
    let told = ending.tally.errors.iter().find(|(error, _)| !expect.errors.iter().any(|expected| error.contains(expected.as_str())));
    told.map(|(error, count)| Violation::new("only_expected_errors", format!("applications were told {count} times: {error}")))
}

/// What a run must have met to count.
fn missing(expect: &Expect, plan: &Plan, ending: &Ending) -> Option<String> {
    if ending.refused {
        return None;
    }
    if let Some(fault) = ending.faults.iter().find(|fault| !fault.fired) {
        return Some(format!("the moment of {} {} did not come", fault.place, fault.fault));
    }
    if let Some(fault) = ending.faults.iter().find(|fault| !fault.touched) {
        return Some(format!("{} {} touched nothing", fault.place, fault.fault));
    }
    if let Some(mark) = expect.marks.iter().find(|mark| !ending.tally.marks.contains_key(mark.as_str())) {
        return Some(format!("the mark {mark} was not reached"));
    }
    let acknowledged = ending.tally.acknowledged;
    (acknowledged < plan.floor).then(|| format!("{acknowledged} operations were acknowledged, of at least {}", plan.floor))
}
