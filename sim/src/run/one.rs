//! One run, from plan to report. A panic of the core is a verdict, not an end of the campaign.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use odradek_log::disk::Name;
use odradek_machine::{Guards, Mutant};

use super::report::{RunReport, Verdict};
use super::{judge, setup};
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::scenario::Cell;
use crate::world::{Ending, Stop, Tracer, World};

/// How a run is run, beside its scenario and seed: nothing here but the mutant may make a difference.
#[derive(Default)]
pub(super) struct How<'a> {
    /// A planted bug of the broker.
    pub(super) mutant: Option<Mutant>,
    /// Without the oracle.
    pub(super) unjudged: bool,
    /// A planted nondeterminism: what the run depends on beside its seed.
    pub(super) salt: Option<u64>,
    /// Takes the trace.
    pub(super) tracer: Option<Tracer<'a>>,
}

impl How<'_> {
    /// As a campaign runs, with a planted bug or without.
    pub(super) fn with(mutant: Option<Mutant>) -> How<'static> {
        How { mutant, ..How::default() }
    }
}

/// Runs one seed of one cell.
pub(super) fn run(cell: &Cell, seed: u64, how: How<'_>) -> RunReport {
    let How { mutant, unjudged, salt, tracer } = how;
    let plan = Plan::draw(&cell.scenario, seed);
    let image = match given(cell) {
        Ok(image) => image,
        Err(says) => return failed(cell, seed, mutant, Verdict::Void { why: says }),
    };
    let oracle = if unjudged { Oracle::silent() } else { Oracle::new(&setup::of(&cell.scenario, &plan)) };
    let mut world = World::new(&plan, oracle, guards(mutant), tracer);
    image.iter().for_each(|(name, bytes)| world.give(name, bytes));
    world.depend_on(salt);
    let crash = catch(|| world.run()).err();
    let ending = world.end();
    let verdict = match crash {
        Some(says) => Verdict::Crash { says },
        None => judge::verdict(&cell.scenario.expect, &plan, &ending),
    };
    report(cell, seed, mutant, verdict, ending)
}

/// What a scenario is called in reports: its file, with its cell if it has a matrix.
pub(super) fn name_of(cell: &Cell) -> String {
    if cell.name.is_empty() { cell.file.display().to_string() } else { format!("{}[{}]", cell.file.display(), cell.name) }
}

fn report(cell: &Cell, seed: u64, mutant: Option<Mutant>, verdict: Verdict, ending: Ending) -> RunReport {
    let mut report = failed(cell, seed, mutant, verdict);
    report.stopped_by_oracle = matches!(ending.stop, Some(Stop::Violation(_)));
    report.hash = ending.hash.to_string();
    report.simulated_ms = ending.simulated.as_ms();
    report.events = ending.tally.events;
    report.asked = ending.tally.asked;
    report.acknowledged = ending.tally.acknowledged;
    report.destroyed = ending.tally.destroyed;
    report.marks = ending.tally.marks.into_iter().map(|(mark, count)| (mark.to_owned(), count)).collect();
    for fault in ending.faults.iter().filter(|fault| fault.touched) {
        *report.faults.entry(fault.fault.to_owned()).or_default() += 1;
    }
    report.seen = ending.seen;
    report
}

/// A report with nothing but its verdict, and the command that runs it again if it is a failure.
fn failed(cell: &Cell, seed: u64, mutant: Option<Mutant>, verdict: Verdict) -> RunReport {
    let planted = mutant.map_or(String::new(), |mutant| format!(" --mutant {}", mutant.code()));
    let of_matrix = if cell.name.is_empty() { String::new() } else { format!(" --cell {}", cell.name) };
    let reproduce = verdict.is_failure().then(|| format!("odradek sim run {}{of_matrix} --seed {seed}{planted}", cell.file.display()));
    RunReport { scenario: name_of(cell), seed, reproduce, ..RunReport::of(verdict) }
}

/// The files of the image that the scenario gives, if it gives one.
fn given(cell: &Cell) -> Result<Vec<(Name, Vec<u8>)>, String> {
    let Some(image) = &cell.scenario.cluster.image else { return Ok(Vec::new()) };
    let root = cell.file.parent().unwrap_or(std::path::Path::new("")).join(image);
    let mut files = Vec::new();
    let mut open = vec![(root, Name::root())];
    while let Some((directory, name)) = open.pop() {
        let entries = std::fs::read_dir(&directory).map_err(|error| format!("the image {}: {error}", directory.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("the image {}: {error}", directory.display()))?.path();
            let name = name.join(&path.file_name().unwrap_or_default().to_string_lossy());
            if path.is_dir() {
                open.push((path, name));
            } else {
                let bytes = std::fs::read(&path).map_err(|error| format!("the image {}: {error}", path.display()))?;
                files.push((name, bytes));
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(feature = "mutants")]
fn guards(mutant: Option<Mutant>) -> Guards {
    mutant.map_or(Guards::ALL_ON, |mutant| Guards::ALL_ON.without(mutant))
}

#[cfg(not(feature = "mutants"))]
const fn guards(_mutant: Option<Mutant>) -> Guards {
    Guards::ALL_ON
}

thread_local! {
    /// What the panic of this thread's run said; `None` outside of runs.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs something that may panic; what the panic said, with its place, is the error. Nothing is printed.
pub(super) fn catch<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ours = PANIC.with_borrow_mut(|panic| panic.as_mut().map(|says| *says = info.to_string()).is_some());
            if !ours {
                before(info);
            }
        }));
    });
    PANIC.set(Some(String::new()));
    let outcome = panic::catch_unwind(AssertUnwindSafe(act));
    let says = PANIC.take().unwrap_or_default();
    outcome.map_err(|_| says)
}
