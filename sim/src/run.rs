//! The runner: scenario files and seeds in, verdicts out.
//!
//! [`run`] judges every seed once, each on a fresh thread; [`twice()`] runs each seed in other processes as well and compares; [`trace`] tells one run in words;
//! [`kill`] plants mutants and asks which checker speaks.

mod capsule;
mod judge;
mod one;
mod pool;
mod report;
mod setup;
mod twice;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use odradek_machine::Mutant;

pub use report::{Campaign, Difference, Kill, Matrix, RunReport, ScenarioReport, Twice, Verdict};
pub use twice::{Aspect, Elsewhere, Leg, Other, Print, Task, TwiceError, leg, twice};

use crate::scenario::{Cell, ScenarioError, find_files, load};
use crate::time::Time;
use one::How;

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Scenario files, and directories searched for `*.toml`, in the order of their names.
    pub files: Vec<PathBuf>,
    /// Which seeds, both ends included, each for every file and every cell of its matrix.
    pub seeds: RangeInclusive<u64>,
    /// Only the cell of this name, such as `codec=gzip`.
    pub cell: Option<String>,
    /// How many runs at once.
    pub jobs: usize,
    /// A planted bug, in a build that has them.
    pub mutant: Option<Mutant>,
    /// Where capsules of failing runs go; `None` writes none.
    pub capsules: Option<PathBuf>,
    /// What this program was built from, for capsules.
    pub revision: &'static str,
}

/// Told after each run, from whatever thread ran it.
pub type Progress<'a> = &'a (dyn Fn(&RunReport) + Sync);

/// Runs every seed of every file.
///
/// # Errors
/// What is wrong with the files; nothing was run then.
pub fn run(request: &Request, progress: Progress<'_>) -> Result<Campaign, ScenarioError> {
    let cells = cells_of(request)?;
    let tasks: Vec<(usize, u64)> = (0..cells.len()).flat_map(|cell| request.seeds.clone().map(move |seed| (cell, seed))).collect();
    let reports = pool::each(&tasks, request.jobs, |&(cell, seed)| {
        let mut report = one::run(&cells[cell], seed, How::with(request.mutant));
        if report.verdict.is_failure() {
            capsule::write(request, &cells[cell], &mut report, request.mutant);
        }
        progress(&report);
        report
    });
    Ok(sum_up(&cells, &tasks, reports, request.mutant.is_some()))
}

/// Runs one seed of one file and tells what happened, a line each.
///
/// # Errors
/// What is wrong with the file, or with the writer.
pub fn trace(file: &Path, cell: Option<&str>, seed: u64, mutant: Option<Mutant>, out: &mut dyn Write) -> Result<RunReport, TraceError> {
    let cells = only(load(file)?, cell, file)?;
    let cell = cells.first().expect("a matrix has at least one cell");
    let plan = crate::plan::Plan::draw(&cell.scenario, seed);
    writeln!(out, "{}\n{plan}", cell.scenario.title)?;
    let (report, lines) = traced(cell, seed, mutant);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(report)
}

/// Runs every seed of every file with each mutant planted, until a checker speaks that is silent without it. A run that fails in another way, by an
/// assertion of ours or for want of an end, is counted apart.
///
/// # Errors
/// What is wrong with the files; nothing was run then.
pub fn kill(request: &Request, mutants: &[Mutant], progress: Progress<'_>) -> Result<Matrix, ScenarioError> {
    let cells = cells_of(request)?;
    let tasks: Vec<(usize, u64)> = request.seeds.clone().flat_map(|seed| (0..cells.len()).map(move |cell| (cell, seed))).collect();
    let mut matrix = Matrix::default();
    for &mutant in mutants {
        matrix.mutants.push(kill_one(request, &cells, &tasks, mutant, progress));
    }
    Ok(matrix)
}

fn kill_one(request: &Request, cells: &[Cell], tasks: &[(usize, u64)], mutant: Mutant, progress: Progress<'_>) -> Kill {
    let mut kill = Kill { mutant: mutant.to_string(), ..Kill::default() };
    for batch in tasks.chunks(request.jobs.max(1)) {
        let reports = pool::each(batch, request.jobs, |&(cell, seed)| {
            let report = one::run(&cells[cell], seed, How::with(Some(mutant)));
            progress(&report);
            report
        });
        for (&(cell, seed), mut report) in batch.iter().zip(reports) {
            kill.runs += 1;
            kill.simulated_ms += report.simulated_ms;
            // What fails without the mutant as well is no kill.
            if report.verdict.is_failure() && !one::run(&cells[cell], seed, How::with(None)).verdict.is_failure() {
                capsule::write(request, &cells[cell], &mut report, Some(mutant));
                if kill.failed(report) {
                    return kill;
                }
            }
        }
    }
    kill
}

/// Why a trace could not be told.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The writer failed.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// How many runs a request asks for.
///
/// # Errors
/// What is wrong with the files.
pub fn runs_of(request: &Request) -> Result<u64, ScenarioError> {
    Ok((cells_of(request)?.len() * request.seeds.clone().count()) as u64)
}

fn cells_of(request: &Request) -> Result<Vec<Cell>, ScenarioError> {
    let cells = load_all(&request.files)?;
    only(cells, request.cell.as_deref(), request.files.first().map_or(Path::new(""), PathBuf::as_path))
}

/// The cells of this name; all without one.
fn only(mut cells: Vec<Cell>, name: Option<&str>, file: &Path) -> Result<Vec<Cell>, ScenarioError> {
    let Some(name) = name else { return Ok(cells) };
    let known: Vec<String> = cells.iter().map(|cell| cell.name.clone()).filter(|cell| !cell.is_empty()).collect();
    cells.retain(|cell| cell.name == name);
    if cells.is_empty() { Err(ScenarioError::no_cell(file, name, &known)) } else { Ok(cells) }
}

fn load_all(paths: &[PathBuf]) -> Result<Vec<Cell>, ScenarioError> {
    let files = find_files(paths)?;
    let cells: Vec<Vec<Cell>> = files.iter().map(|file| load(file)).collect::<Result<_, _>>()?;
    Ok(cells.into_iter().flatten().collect())
}

fn traced(cell: &Cell, seed: u64, mutant: Option<Mutant>) -> (RunReport, Vec<String>) {
    let mut lines = Vec::new();
    let how = How { tracer: Some(&mut |at, who, what| lines.push(line(at, who, what))), ..How::with(mutant) };
    let report = one::run(cell, seed, how);
    (report, lines)
}

/// A line of a trace.
fn line(at: Time, who: &str, what: &str) -> String {
    format!("{at} {who:<12} {what}")
}

fn sum_up(cells: &[Cell], tasks: &[(usize, u64)], reports: Vec<RunReport>, planted: bool) -> Campaign {
    let mut campaign = Campaign::default();
    let mut seen: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); cells.len()];
    campaign.scenarios = cells
        .iter()
        .map(|cell| ScenarioReport { scenario: one::name_of(cell), title: cell.scenario.title.clone(), ..ScenarioReport::default() })
        .collect();
    for (&(cell, _), report) in tasks.iter().zip(reports) {
        let scenario = &mut campaign.scenarios[cell];
        scenario.runs += 1;
        match &report.verdict {
            Verdict::Clean => scenario.clean += 1,
            Verdict::Void { why } => {
                scenario.void += 1;
                campaign.void += 1;
                *scenario.voids.entry(why.clone()).or_default() += 1;
            }
            Verdict::Crash { .. } | Verdict::Liveness { .. } | Verdict::Broken { .. } => scenario.failed += 1,
        }
        for (sums, counts) in
            [(&mut scenario.marks, &report.marks), (&mut scenario.faults, &report.faults), (&mut seen[cell], &report.seen)]
        {
            counts.iter().for_each(|(name, count)| *sums.entry(name.clone()).or_default() += count);
        }
        campaign.runs += 1;
        campaign.simulated_ms += report.simulated_ms;
        campaign.events += report.events;
        campaign.acknowledged += report.acknowledged;
        if report.verdict.is_failure() {
            campaign.failures.push(report);
        }
    }
    for ((cell, scenario), seen) in cells.iter().zip(&mut campaign.scenarios).zip(&seen) {
        let expected = cell.scenario.expect.in_some_seed.iter().map(|anomaly| anomaly.word());
        // A handful of seeds need not show everything, and a planted bug is looked for by other means.
        if scenario.runs >= SEEDS_TO_SEE && !planted {
            scenario.unseen = expected.filter(|word| !seen.contains_key(*word)).map(str::to_owned).collect();
        }
    }
    campaign.exit_code = campaign.exit_code();
    campaign
}

/// With fewer seeds than this, an anomaly that is expected in some seed may stay away.
const SEEDS_TO_SEE: u64 = 20;
