//! The runner: scenario files and seeds in, verdicts out.
//!
//! [`run`] judges every seed once, each on a fresh thread; [`twice`] runs each seed a second time and compares; [`trace`] tells one run in words;
//! [`kill`] plants mutants and asks which checker speaks.

mod report;

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use odradek_machine::Mutant;

pub use report::{Campaign, Difference, Kill, Matrix, RunReport, ScenarioReport, Twice, Verdict};

use crate::scenario::ScenarioError;

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Scenario files, and directories searched for `*.toml`, in the order of their names.
    pub files: Vec<PathBuf>,
    /// Which seeds, each for every file and every cell of its matrix.
    pub seeds: Range<u64>,
    /// How many runs at once.
    pub jobs: usize,
    /// A planted bug, in a build that has them.
    pub mutant: Option<Mutant>,
    /// Where capsules of failing runs go; `None` writes none.
    pub capsules: Option<PathBuf>,
}

/// Told after each run, from whatever thread ran it.
pub type Progress<'a> = &'a (dyn Fn(&RunReport) + Sync);

/// Runs every seed of every file.
///
/// # Errors
/// What is wrong with the files; nothing was run then.
pub fn run(_request: &Request, _progress: Progress<'_>) -> Result<Campaign, ScenarioError> {
    Ok(Campaign::default())
}

/// Runs every seed twice, the second time traced and with other seeds before it, and compares.
///
/// # Errors
/// What is wrong with the files; nothing was run then.
pub fn twice(_request: &Request, _progress: Progress<'_>) -> Result<Twice, ScenarioError> {
    Ok(Twice::default())
}

/// Runs one seed of one file and tells what happened, a line each.
///
/// # Errors
/// What is wrong with the file, or with the writer.
pub fn trace(_file: &Path, _seed: u64, _mutant: Option<Mutant>, _out: &mut dyn Write) -> Result<RunReport, TraceError> {
    Err(TraceError::Write(io::Error::other("no scenario runs yet")))
}

/// Runs every seed of every file with each mutant planted, until a checker speaks.
///
/// # Errors
/// What is wrong with the files; nothing was run then.
pub fn kill(_request: &Request, _mutants: &[Mutant], _progress: Progress<'_>) -> Result<Matrix, ScenarioError> {
    Ok(Matrix::default())
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
