//! The same seeds in two processes, perturbed: what must make no difference is varied, and everything that happened must be the same.
//!
//! The first leg runs here. Every further leg runs in another process, with the seeds in the opposite order, another number of workers, the trace on
//! and the oracle off. Where two legs differ, one of these at a time is varied to find the cause, and the traces of both processes are compared.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use odradek_machine::Mutant;
use serde::{Deserialize, Serialize};

use super::one::{self, How};
use super::report::{Difference, RunReport, Twice, Verdict};
use super::{Progress, Request, pool};
use crate::scenario::{Cell, ScenarioError};

/// One run of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which cell, among all of the files.
    pub cell: usize,
    /// Which seed.
    pub seed: u64,
    /// With the oracle.
    pub judged: bool,
    /// With a trace that nobody keeps.
    pub traced: bool,
    /// With a trace that is kept, line by line.
    pub told: bool,
}

/// What one process is asked to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Leg {
    /// The runs, in their order.
    pub tasks: Vec<Task>,
    /// Only the cell of this name.
    pub cell: Option<String>,
    /// How many at once.
    pub workers: usize,
    /// A planted bug of the broker, by its code.
    pub mutant: Option<String>,
    /// A planted nondeterminism of the world: the comparison is tried by it.
    pub plant: Option<Aspect>,
}

/// What came of one run of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    /// Its place in the leg.
    pub nth: usize,
    /// The rolling hash, or what the panic said.
    pub hash: String,
    /// Events carried out.
    pub events: u64,
    /// The trace, where it was asked for.
    pub lines: Vec<String>,
}

/// What may be varied without making a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// Nothing at all.
    Nothing,
    /// Another process.
    Process,
    /// Another build of the same sources.
    Build,
    /// The trace.
    Trace,
    /// The oracle.
    Oracle,
    /// The number of workers.
    Workers,
    /// The order of the seeds.
    Order,
}

impl Aspect {
    /// Every one, by its word.
    pub const ALL: &[(&'static str, Aspect)] = &[
        ("nothing", Aspect::Nothing),
        ("process", Aspect::Process),
        ("build", Aspect::Build),
        ("trace", Aspect::Trace),
        ("oracle", Aspect::Oracle),
        ("workers", Aspect::Workers),
        ("order", Aspect::Order),
    ];
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Aspect::Nothing => "nothing: it differs from itself in one process",
            Aspect::Process => "another process",
            Aspect::Build => "another build",
            Aspect::Trace => "the trace",
            Aspect::Oracle => "the oracle",
            Aspect::Workers => "the number of workers",
            Aspect::Order => "the order of the seeds",
        })
    }
}

/// Runs a leg in another process, and says each print as it comes.
pub type Elsewhere<'a> = &'a dyn Fn(&Leg, &dyn Fn()) -> Result<Vec<Print>, String>;

/// Another process that can run legs.
#[derive(Clone, Copy)]
pub struct Other<'a> {
    /// What it is called in reports.
    pub name: &'a str,
    /// True if it is another build than this one.
    pub is_other_build: bool,
    /// Runs a leg there.
    pub run: Elsewhere<'a>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum TwiceError {
    /// The scenarios are wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Another process did not answer.
    #[error("{name}: {says}")]
    Elsewhere {
        /// Which one.
        name: String,
        /// What went wrong.
        says: String,
    },
}

/// How many differences are looked into: finding a cause takes some runs more.
const EXPLAINED_MAX: usize = 3;

/// Runs the tasks of a leg in this process.
///
/// # Errors
/// What is wrong with the files.
pub fn leg(files: &[PathBuf], leg: &Leg, told: &(dyn Fn(&Print) + Sync)) -> Result<Vec<Print>, ScenarioError> {
    let cells = super::load_all(files)?;
    let cells = super::only(cells, leg.cell.as_deref(), files.first().map_or(Path::new(""), PathBuf::as_path))?;
    Ok(run_leg(&cells, leg, told))
}

/// Runs every seed of every file here and in the other processes, and compares.
///
/// # Errors
/// What is wrong with the files, or with a process.
pub fn twice(request: &Request, plant: Option<Aspect>, others: &[Other<'_>], progress: Progress<'_>) -> Result<Twice, TwiceError> {
    let cells = super::cells_of(request)?;
    let reports = base(&cells, request, plant, progress);
    let legs = others.iter().map(|other| other.name.to_owned()).collect();
    let mut twice = Twice { runs: reports.len() as u64, legs, different: Vec::new() };
    for other in others {
        let trial = Trial { cells: &cells, request, plant, reports: &reports, other };
        let asked = trial.perturbed();
        let pass = || progress(&RunReport::of(Verdict::Clean));
        let prints = trial.ask(&asked, &pass)?;
        let differing: Vec<usize> = trial.differing(&asked, &prints);
        let mut different: Vec<Difference> = differing.iter().map(|&nth| Difference::between(&reports[nth], other.name)).collect();
        if !different.is_empty() {
            let looked_at = differing.len().min(EXPLAINED_MAX);
            trial.find_causes(&differing[..looked_at], &mut different)?;
            trial.compare_traces(&asked, &differing[..looked_at], &mut different)?;
        }
        twice.different.append(&mut different);
    }
    Ok(twice)
}

/// The first leg: as a campaign runs.
fn base(cells: &[Cell], request: &Request, plant: Option<Aspect>, progress: Progress<'_>) -> Vec<RunReport> {
    let tasks = in_order(request, cells.len());
    let numbered: Vec<(usize, Task)> = tasks.into_iter().enumerate().collect();
    pool::each(&numbered, request.jobs, |&(nth, task)| {
        let salt = salt(plant, &task, nth, request.jobs);
        let report = one::run(&cells[task.cell], task.seed, How { mutant: request.mutant, salt, ..How::default() });
        progress(&report);
        report
    })
}

fn in_order(request: &Request, cells: usize) -> Vec<Task> {
    let plain = |cell, seed| Task { cell, seed, judged: true, traced: false, told: false };
    (0..cells).flat_map(|cell| request.seeds.clone().map(move |seed| plain(cell, seed))).collect()
}

const fn other_workers(workers: usize) -> usize {
    if workers > 1 { 1 } else { 2 }
}

/// What two legs must agree about.
fn outcome(report: &RunReport) -> &str {
    match &report.verdict {
        Verdict::Crash { says } => says,
        _ => &report.hash,
    }
}

fn run_leg(cells: &[Cell], leg: &Leg, told: &(dyn Fn(&Print) + Sync)) -> Vec<Print> {
    let mutant = leg.mutant.as_deref().and_then(Mutant::parse);
    let numbered: Vec<(usize, Task)> = leg.tasks.iter().copied().enumerate().collect();
    pool::each(&numbered, leg.workers, |&(nth, task)| {
        let mut lines = Vec::new();
        let mut keep = |at, who: &str, what: &str| {
            if task.told {
                lines.push(super::line(at, who, what));
            }
        };
        let how = How {
            mutant,
            unjudged: !task.judged,
            salt: salt(leg.plant, &task, nth, leg.workers),
            tracer: (task.traced || task.told).then_some(&mut keep),
        };
        let report = one::run(&cells[task.cell], task.seed, how);
        let print = Print { nth, hash: outcome(&report).to_owned(), events: report.events, lines };
        told(&print);
        print
    })
}

/// Runs of this process: what a planted nondeterminism by nothing in particular depends on.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// What a planted nondeterminism lets the run depend on.
fn salt(plant: Option<Aspect>, task: &Task, nth: usize, workers: usize) -> Option<u64> {
    plant.map(|plant| match plant {
        Aspect::Nothing => RUNS.fetch_add(1, Ordering::Relaxed),
        Aspect::Process => u64::from(std::process::id()),
        Aspect::Build => u64::from(cfg!(debug_assertions)),
        Aspect::Trace => u64::from(task.traced || task.told),
        Aspect::Oracle => u64::from(task.judged),
        Aspect::Workers => workers as u64,
        Aspect::Order => nth as u64,
    })
}

/// This process against another one.
struct Trial<'a> {
    cells: &'a [Cell],
    request: &'a Request,
    plant: Option<Aspect>,
    /// Of the first leg, in its order.
    reports: &'a [RunReport],
    other: &'a Other<'a>,
}

impl Trial<'_> {
    /// Everything varied at once.
    fn perturbed(&self) -> Leg {
        let mut leg = self.plain();
        for aspect in [Aspect::Trace, Aspect::Oracle, Aspect::Workers, Aspect::Order] {
            self.vary(&mut leg, aspect);
        }
        leg
    }

    fn plain(&self) -> Leg {
        Leg {
            tasks: in_order(self.request, self.cells.len()),
            cell: self.request.cell.clone(),
            workers: self.request.jobs,
            mutant: self.request.mutant.map(|mutant| mutant.code().to_owned()),
            plant: self.plant,
        }
    }

    fn vary(&self, leg: &mut Leg, aspect: Aspect) {
        match aspect {
            Aspect::Trace => leg.tasks.iter_mut().for_each(|task| task.traced = true),
            // A run that the oracle stopped would go on without it, so that one keeps its oracle.
            Aspect::Oracle => leg.tasks.iter_mut().zip(self.reports).for_each(|(task, report)| task.judged = report.stopped_by_oracle),
            Aspect::Workers => leg.workers = other_workers(leg.workers),
            Aspect::Order => leg.tasks.reverse(),
            Aspect::Nothing | Aspect::Process | Aspect::Build => {}
        }
    }

    /// Runs a leg in the other process.
    fn ask(&self, leg: &Leg, pass: &dyn Fn()) -> Result<Vec<Print>, TwiceError> {
        let failed = |says: String| TwiceError::Elsewhere { name: self.other.name.to_owned(), says };
        let mut prints = (self.other.run)(leg, pass).map_err(failed)?;
        prints.sort_by_key(|print| print.nth);
        let complete = prints.len() == leg.tasks.len() && prints.iter().enumerate().all(|(nth, print)| print.nth == nth);
        if complete { Ok(prints) } else { Err(failed(format!("{} answers to {} questions", prints.len(), leg.tasks.len()))) }
    }

    /// Where the prints of a leg are others than those of the first leg, by the order of that.
    fn differing(&self, leg: &Leg, prints: &[Print]) -> Vec<usize> {
        let pairs = leg.tasks.iter().zip(prints);
        let mut differing: Vec<usize> = pairs
            .map(|(task, print)| (self.place(task), print))
            .filter(|(nth, print)| print.hash != outcome(&self.reports[*nth]))
            .map(|(nth, _)| nth)
            .collect();
        differing.sort_unstable();
        differing
    }

    /// Where a task stands in the first leg.
    fn place(&self, task: &Task) -> usize {
        task.cell * self.request.seeds.clone().count() + (task.seed - self.request.seeds.start()) as usize
    }

    /// Varies one aspect at a time over the whole leg, until each suspect differs by one.
    fn find_causes(&self, suspects: &[usize], different: &mut [Difference]) -> Result<(), TwiceError> {
        for (_, aspect) in Aspect::ALL {
            let mut leg = self.plain();
            self.vary(&mut leg, *aspect);
            let prints = match aspect {
                Aspect::Process if self.other.is_other_build => continue,
                Aspect::Build if !self.other.is_other_build => continue,
                Aspect::Process | Aspect::Build => self.ask(&leg, &|| {})?,
                _ => run_leg(self.cells, &leg, &|_| {}),
            };
            let differing = self.differing(&leg, &prints);
            for (nth, difference) in suspects.iter().zip(different.iter_mut()) {
                if difference.cause.is_empty() && differing.contains(nth) {
                    difference.cause = aspect.to_string();
                }
            }
            if different.iter().take(suspects.len()).all(|difference| !difference.cause.is_empty()) {
                return Ok(());
            }
        }
        for difference in different.iter_mut().take(suspects.len()).filter(|difference| difference.cause.is_empty()) {
            "several of these together: process, build, trace, oracle, workers, order".clone_into(&mut difference.cause);
        }
        Ok(())
    }

    /// Tells the suspects in both processes, each as it was perturbed, and finds the first line that differs.
    fn compare_traces(&self, asked: &Leg, suspects: &[usize], different: &mut [Difference]) -> Result<(), TwiceError> {
        let told = |mut leg: Leg| {
            for task in &mut leg.tasks {
                task.told = suspects.contains(&self.place(task));
            }
            leg
        };
        let (first, second) = (told(self.plain()), told(asked.clone()));
        let lines = |leg: &Leg, prints: Vec<Print>, nth: usize| -> Vec<String> {
            let found = leg.tasks.iter().zip(prints).find(|(task, _)| self.place(task) == nth);
            found.map_or(Vec::new(), |(_, print)| print.lines)
        };
        let (here, there) = (run_leg(self.cells, &first, &|_| {}), self.ask(&second, &|| {})?);
        for (&nth, difference) in suspects.iter().zip(different) {
            difference.say_lines(&lines(&first, here.clone(), nth), &lines(&second, there.clone(), nth));
        }
        Ok(())
    }
}
