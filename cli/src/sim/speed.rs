//! What the simulator itself costs: time on one core, and memory.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Instant;

use odradek_sim::run::{self, Request};

/// Milliseconds in a tick of the kernel's accounting.
const TICK_MS: u64 = 10;

/// What one run took.
struct Cost {
    wall_ms: u64,
    /// On the processor, which is what it takes on a core that nobody else uses.
    core_ms: u64,
    simulated_ms: u64,
    events: u64,
}

/// Runs each seed by itself and prints the medians, and the peak memory of this process.
pub fn measure(file: &Path, seeds: RangeInclusive<u64>) -> Result<(), String> {
    let mut costs = seeds.map(|seed| one(file, seed)).collect::<Result<Vec<Cost>, String>>()?;
    let runs = costs.len();
    let mut median = |of: fn(&Cost) -> u64| {
        costs.sort_by_key(of);
        of(&costs[runs / 2])
    };
    println!(
        "{}: of {runs} runs one takes {} ms on the processor and {} ms by the clock (medians), for {} simulated seconds and {} events",
        file.display(),
        median(|cost| cost.core_ms),
        median(|cost| cost.wall_ms),
        median(|cost| cost.simulated_ms) / 1000,
        median(|cost| cost.events),
    );
    println!("peak memory {} MiB", peak_kib().unwrap_or(0).div_ceil(1024));
    Ok(())
}

fn one(file: &Path, seed: u64) -> Result<Cost, String> {
    let request =
        Request { files: vec![PathBuf::from(file)], seeds: seed..=seed, cell: None, jobs: 1, mutant: None, capsules: None, revision: "" };
    let (began, core_before) = (Instant::now(), core_ms());
    let campaign = run::run(&request, &|_| {}).map_err(|e| e.to_string())?;
    if let Some(failure) = campaign.failures.first() {
        return Err(format!("seed {seed} fails: {:?}", failure.verdict));
    }
    let wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Cost { wall_ms, core_ms: core_ms() - core_before, simulated_ms: campaign.simulated_ms, events: campaign.events })
}

/// Time that this process has had on a processor; zero where the kernel does not say.
fn core_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses: the 12th and 13th fields are ticks in user and in system mode.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * TICK_MS
}

fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
