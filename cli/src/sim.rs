//! `odradek sim`: the trial.

mod elsewhere;
mod speed;
mod tell;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use odradek_machine::Mutant;
use odradek_sim::run::{self, Aspect, Leg, Other, Print, Request, TraceError};

use crate::Outcome;
use crate::progress::Progress;

/// Scenarios run by `cargo just tour`, and where failing runs leave their capsules.
const SCENARIOS: &str = "scenarios";
const CAPSULES: &str = "target/capsules";

/// What capsules say that this program was built from.
const REVISION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " of sources ", env!("ODRADEK_SOURCES"), " at or after commit ", env!("ODRADEK_COMMIT"));

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios and judge them
    Run(Runs),
    /// Run every seed here and in other processes, perturbed, and compare everything that happened
    Twice {
        #[command(flatten)]
        runs: Runs,
        /// Another build of the same sources to compare with; the debug or release build beside this one is taken without asking
        #[arg(long = "build", value_name = "PROGRAM")]
        builds: Vec<PathBuf>,
        /// Plant a nondeterminism, to try the comparison
        #[arg(long, hide = true, value_parser = aspect)]
        plant: Option<Aspect>,
    },
    /// Run a leg of a comparison for another process
    #[command(hide = true)]
    Leg {
        files: Vec<PathBuf>,
        /// Only say which sources this program was built from
        #[arg(long)]
        sources: bool,
    },
    /// Run one seed of one scenario and tell what happened
    Trace {
        /// The scenario
        file: PathBuf,
        /// The seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The cell of its matrix, such as codec=gzip; the first without
        #[arg(long)]
        cell: Option<String>,
        /// Plant a bug (a build with the feature `mutants`)
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
    },
    /// Measure what a run costs on one core
    Speed {
        /// The scenario
        #[arg(default_value = "scenarios/speed/one_minute.toml")]
        file: PathBuf,
        /// Seeds from A to B, both included
        #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "1..11")]
        seeds: RangeInclusive<u64>,
    },
    /// List every word that a scenario may use, and every mark
    Words,
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
    /// Seeds from A to B, both included
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<RangeInclusive<u64>>,
    /// Only this cell of a matrix, such as codec=gzip
    #[arg(long)]
    cell: Option<String>,
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
        Command::Twice { runs, builds, plant } => twice(runs, builds, *plant),
        Command::Leg { files, sources } => leg(files, *sources),
        Command::Trace { file, seed, cell, mutant } => trace(file, cell.as_deref(), *seed, *mutant),
        Command::Speed { file, seeds } => {
            speed::measure(file, seeds.clone())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Words => {
            tell::words();
            Ok(ExitCode::SUCCESS)
        }
        Command::Kill(runs) => kill(runs),
        Command::Tour(runs) => tour(runs),
    }
}

fn campaign(runs: &Runs) -> Outcome {
    let request = runs.request(1..=1)?;
    let progress = Progress::new(runs_of(&request)?, runs.json);
    let campaign = run::run(&request, &|report| progress.ended(report)).map_err(|e| e.to_string())?;
    progress.finish();
    if runs.json {
        tell::json(&campaign);
    } else {
        tell::campaign(&campaign);
    }
    Ok(ExitCode::from(campaign.exit_code()))
}

fn twice(runs: &Runs, builds: &[PathBuf], plant: Option<Aspect>) -> Outcome {
    let request = runs.request(1..=1)?;
    let programs = elsewhere::programs(builds)?;
    let legs: Vec<_> = programs
        .iter()
        .map(|program| |leg: &Leg, pass: &dyn Fn()| -> Result<Vec<Print>, String> { elsewhere::run_in(program, &request.files, leg, pass) })
        .collect();
    let others: Vec<Other<'_>> = programs
        .iter()
        .zip(&legs)
        .map(|(program, run)| Other { name: &program.name, is_other_build: program.is_other_build, run })
        .collect();
    let progress = Progress::new((1 + others.len() as u64) * runs_of(&request)?, runs.json);
    let twice = run::twice(&request, plant, &others, &|report| progress.ended(report)).map_err(|e| e.to_string())?;
    progress.finish();
    if runs.json {
        tell::json(&twice);
    } else {
        tell::twice(&twice);
    }
    Ok(ExitCode::from(twice.exit_code()))
}

fn leg(files: &[PathBuf], sources: bool) -> Outcome {
    if sources {
        println!("{}", elsewhere::SOURCES);
    } else {
        elsewhere::answer(files)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn trace(file: &Path, cell: Option<&str>, seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let report = match run::trace(file, cell, seed, mutant, &mut out) {
        // Whoever reads has seen enough.
        Err(TraceError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        report => report.map_err(|e| e.to_string())?,
    };
    drop(out);
    tell::run(&report);
    Ok(ExitCode::from(report.verdict.exit_code()))
}

fn kill(runs: &Runs) -> Outcome {
    let request = runs.request(1..=200)?;
    let mutants = runs.mutant.map_or_else(|| Mutant::ALL.to_vec(), |one| vec![one]);
    needs_mutants()?;
    let progress = Progress::new(runs_of(&request)? * mutants.len() as u64, runs.json);
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
    let caught = kill(&planted)?;
    if caught == ExitCode::SUCCESS && !runs.json {
        println!(
            "\nCaught. The line behind 'reproduce' shows the same failure again, and 'sim trace' in place of 'sim run' tells how it came to that."
        );
        println!("Next: cargo just sim scenarios/power --seeds 1..100, cargo just kill, cargo just serve.");
    }
    Ok(caught)
}

impl Runs {
    fn request(&self, default: RangeInclusive<u64>) -> Result<Request, String> {
        let seeds = self.seed.map(|seed| seed..=seed).or_else(|| self.seeds.clone()).unwrap_or(default);
        if self.mutant.is_some() {
            needs_mutants()?;
        }
        let jobs = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Ok(Request {
            files: self.files.clone(),
            seeds,
            cell: self.cell.clone(),
            jobs,
            mutant: self.mutant,
            capsules: Some(self.capsules.clone()),
            revision: REVISION,
        })
    }
}

fn runs_of(request: &Request) -> Result<u64, String> {
    run::runs_of(request).map_err(|e| e.to_string())
}

fn needs_mutants() -> Result<(), String> {
    if cfg!(feature = "mutants") {
        return Ok(());
    }
    Err("this build holds no mutants: cargo build --release -p odradek-cli --features mutants".to_owned())
}

fn mutant(text: &str) -> Result<Mutant, String> {
    Mutant::parse(text).ok_or_else(|| {
        let known: Vec<String> = Mutant::ALL.iter().map(ToString::to_string).collect();
        format!("no mutant is called so; there are {}", known.join(", "))
    })
}

fn aspect(text: &str) -> Result<Aspect, String> {
    let known = Aspect::ALL.iter().find(|(word, _)| *word == text);
    known
        .map(|(_, aspect)| *aspect)
        .ok_or_else(|| format!("one of {}", Aspect::ALL.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")))
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = || format!("'{text}': write A..B, such as 1..100");
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let (first, last) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if first > last { Err(format!("'{text}' holds no seed: the first is above the last")) } else { Ok(first..=last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_span_of_seeds_are_run() {
        assert_eq!(seeds("1..100").map(Iterator::count), Ok(100));
        assert_eq!(seeds("7..7"), Ok(7..=7));
        assert_eq!(seeds("2..1"), Err("'2..1' holds no seed: the first is above the last".to_owned()));
    }
}
