//! `odradek sim`: the trial.

mod tell;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use odradek_machine::Mutant;
use odradek_sim::run::{self, Request};

use crate::Outcome;
use crate::progress::Progress;

/// Scenarios run by `cargo just tour`, and where failing runs leave their capsules.
const SCENARIOS: &str = "scenarios";
const CAPSULES: &str = "target/capsules";

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios and judge them
    Run(Runs),
    /// Run every seed twice, perturbed, and compare the traces
    Twice(Runs),
    /// Run one seed of one scenario and tell what happened
    Trace {
        /// The scenario
        file: PathBuf,
        /// The seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Plant a bug (a build with the feature `mutants`)
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
    },
    /// Plant every mutant and count the seeds until a checker speaks
    Kill(Runs),
    /// The main job: every scenario from a seed, then a planted bug being caught
    Tour(Runs),
}

#[derive(Args, Clone)]
struct Runs {
    /// Scenario files, or directories of them
    #[arg(default_value = SCENARIOS)]
    files: Vec<PathBuf>,
    /// One seed
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds A up to, not including, B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<Range<u64>>,
    /// Runs at once; one for each core without
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Plant a bug (a build with the feature `mutants`)
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Where capsules of failing runs go
    #[arg(long, default_value = CAPSULES)]
    capsules: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Run(runs) => campaign(runs),
        Command::Twice(runs) => twice(runs),
        Command::Trace { file, seed, mutant } => trace(file, *seed, *mutant),
        Command::Kill(runs) => kill(runs),
        Command::Tour(runs) => tour(runs),
    }
}

fn campaign(runs: &Runs) -> Outcome {
    let request = runs.request(1..2)?;
    let progress = Progress::new(runs.count(&request), runs.json);
    let campaign = run::run(&request, &|report| progress.ended(report)).map_err(|e| e.to_string())?;
    progress.finish();
    if runs.json {
        tell::json(&campaign);
    } else {
        tell::campaign(&campaign);
    }
    Ok(ExitCode::from(campaign.exit_code()))
}

fn twice(runs: &Runs) -> Outcome {
    let request = runs.request(1..2)?;
    let progress = Progress::new(2 * runs.count(&request), runs.json);
    let twice = run::twice(&request, &|report| progress.ended(report)).map_err(|e| e.to_string())?;
    progress.finish();
    if runs.json {
        tell::json(&twice);
    } else {
        tell::twice(&twice);
    }
    Ok(ExitCode::from(twice.exit_code()))
}

fn trace(file: &Path, seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let report = run::trace(file, seed, mutant, &mut out).map_err(|e| e.to_string())?;
    drop(out);
    tell::run(&report);
    Ok(ExitCode::from(report.verdict.exit_code()))
}

fn kill(runs: &Runs) -> Outcome {
    let request = runs.request(1..201)?;
    let mutants = runs.mutant.map_or_else(|| Mutant::ALL.to_vec(), |one| vec![one]);
    needs_mutants()?;
    let progress = Progress::new(runs.count(&request) * mutants.len() as u64, runs.json);
    let matrix = run::kill(&request, &mutants, &|report| progress.ended(report)).map_err(|e| e.to_string())?;
    progress.finish();
    if runs.json {
        tell::json(&matrix);
    } else {
        tell::matrix(&matrix);
    }
    Ok(ExitCode::from(matrix.exit_code()))
}

fn tour(runs: &Runs) -> Outcome {
    println!("One broker on trial: every scenario under seeds, with networks, disks and processes breaking around it.\n");
    let clean = campaign(runs)?;
    if clean != ExitCode::SUCCESS {
        return Ok(clean);
    }
    println!("\nNow with a bug of Kafka's own history planted: {}. It must be caught.\n", Mutant::KAFKA_16541);
    let planted = Runs { mutant: Some(Mutant::KAFKA_16541), ..runs.clone() };
    kill(&planted)
}

impl Runs {
    fn request(&self, default: Range<u64>) -> Result<Request, String> {
        let seeds = self.seed.map(|seed| seed..seed + 1).or_else(|| self.seeds.clone()).unwrap_or(default);
        if self.mutant.is_some() {
            needs_mutants()?;
        }
        let jobs = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Ok(Request { files: self.files.clone(), seeds, jobs, mutant: self.mutant, capsules: Some(self.capsules.clone()) })
    }

    fn count(&self, request: &Request) -> u64 {
        request.seeds.clone().count() as u64 * request.files.iter().map(|file| scenario_files(file)).sum::<u64>()
    }
}

/// Scenario files at or below a path; only for progress.
fn scenario_files(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 1 };
    let below = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "toml"));
    below.map(|path| scenario_files(&path)).sum()
}

fn needs_mutants() -> Result<(), String> {
    if cfg!(feature = "mutants") {
        return Ok(());
    }
    Err("this build holds no mutants; run `cargo just kill`, or build with --features mutants".to_owned())
}

fn mutant(text: &str) -> Result<Mutant, String> {
    Mutant::parse(text).ok_or_else(|| {
        let known: Vec<String> = Mutant::ALL.iter().map(ToString::to_string).collect();
        format!("no mutant is called so; there are {}", known.join(", "))
    })
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("'{text}': write A..B, such as 1..100");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let (first, end) = (first.parse().map_err(|_| wrong())?, end.parse().map_err(|_| wrong())?);
    if first >= end { Err(format!("'{text}' holds no seed: the end is not included")) } else { Ok(first..end) }
}
