//! What the trial says to people, and to machines.

use odradek_sim::run::{Campaign, Matrix, RunReport, Twice, Verdict};
use odradek_sim::scenario;

/// Prints a value for machines.
pub fn json(value: &impl serde::Serialize) {
    println!("{}", serde_json::to_string_pretty(value).expect("a report is plain data"));
}

/// Every word that a scenario may use.
pub fn words() {
    print!("{}", scenario::reference());
    println!("\n## Marks\n");
    scenario::MARKS.iter().for_each(|mark| println!("- `{mark}`"));
}

/// One line for each scenario, then every failure with its reproduction.
pub fn campaign(campaign: &Campaign) {
    let width = campaign.scenarios.iter().map(|s| s.scenario.len()).max().unwrap_or(0);
    for s in &campaign.scenarios {
        let word = if s.failed > 0 || !s.unseen.is_empty() { "FAILED" } else { "ok" };
        let void = if s.void > 0 { format!(", {} void", s.void) } else { String::new() };
        println!("{word:6} {:width$}  {} of {} clean{void}  {}", s.scenario, s.clean, s.runs, s.title);
        for (why, runs) in &s.voids {
            println!("       {runs} void: {why}");
        }
        for anomaly in &s.unseen {
            println!("       expected '{anomaly}' in some seed, and no seed showed it");
        }
    }
    for failure in &campaign.failures {
        println!();
        run(failure);
    }
    let faults: u64 = campaign.scenarios.iter().flat_map(|s| s.faults.values()).sum();
    println!(
        "\n{} runs ({} void), {} simulated seconds, {} acknowledged operations, {faults} faults, {} failures",
        campaign.runs,
        campaign.void,
        campaign.simulated_ms / 1000,
        campaign.acknowledged,
        campaign.failures.len()
    );
}

/// One run, at length.
pub fn run(report: &RunReport) {
    let what = match &report.verdict {
        Verdict::Clean => "clean".to_owned(),
        Verdict::Void { why } => format!("void: {why}"),
        Verdict::Crash { says } => format!("crash: {says}"),
        Verdict::Liveness { says } => format!("not live: {says}"),
        Verdict::Broken { violation } => format!("broken: {}\n  {}", violation.checker.replace('_', " "), violation.says),
    };
    println!("{} seed {}: {what}", report.scenario, report.seed);
    if let Some(command) = &report.reproduce {
        println!("  reproduce: {}", as_called(command));
    }
    if let Some(capsule) = &report.capsule {
        println!("  capsule:   {capsule}");
    }
}

/// A command of ours by the path under which this program was called, so that it can be pasted.
fn as_called(command: &str) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "odradek".to_owned());
    command.strip_prefix("odradek ").map_or_else(|| command.to_owned(), |rest| format!("{program} {rest}"))
}

/// What running everything in several processes came to.
pub fn twice(twice: &Twice) {
    for d in &twice.different {
        println!("DIFFERS {} seed {} in {}", d.scenario, d.seed, d.leg);
        if !d.cause.is_empty() {
            println!("  cause:  {}", d.cause);
            match d.line {
                Some(line) => println!(
                    "  line {line} of the traces, behind: {}\n    here:  {}\n    there: {}",
                    d.before.as_deref().unwrap_or("nothing"),
                    d.first,
                    d.second
                ),
                None => println!("  the traces agree: what differs is in no line of them"),
            }
        }
    }
    println!("{} runs compared with {}: {} differ", twice.runs, twice.legs.join(" and "), twice.different.len());
}

/// A line for each mutant, and the run that showed it.
pub fn matrix(matrix: &Matrix) {
    for kill in &matrix.mutants {
        let runs = format!("{}, {:.1} simulated seconds", seeds(kill.runs), kill.simulated_ms as f64 / 1000.0);
        match (&kill.killed_by, kill.seeds_to_failure, kill.seeds_to_kill) {
            (Some(report), Some(failed), spoke) => {
                let how = match spoke {
                    Some(spoke) if spoke == failed => "by a checker".to_owned(),
                    Some(_) => format!("by a checker; the first failure of any kind came after {}", seeds(failed)),
                    None => format!("but by no checker; the first failure came after {}", seeds(failed)),
                };
                println!("killed   {} after {runs}, {how}", kill.mutant);
                run(report);
            }
            _ => println!("SURVIVED {} over {runs}", kill.mutant),
        }
    }
}

fn seeds(count: u64) -> String {
    if count == 1 { "1 seed".to_owned() } else { format!("{count} seeds") }
}
