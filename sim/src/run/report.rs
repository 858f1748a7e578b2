//! What a run says at its end, and what many say together: the same values for people, for JSON and for exit codes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::oracle::Violation;

/// How a run was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was promised held, and everything that was to be tried was met.
    Clean,
    /// The run proves nothing: a fault touched nothing, a mark was not reached, too little was acknowledged.
    Void {
        /// What was missing.
        why: String,
    },
    /// Our own code panicked: an invariant was broken.
    Crash {
        /// The panic, with its place.
        says: String,
    },
    /// The healed cluster did not come to rest in time.
    Liveness {
        /// What was still waiting.
        says: String,
    },
    /// A guarantee was broken.
    Broken {
        /// By whom it was noticed, and the facts.
        violation: Violation,
    },
}

impl Verdict {
    /// The exit code of a run that ends like this.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Verdict::Clean | Verdict::Void { .. } => 0,
            Verdict::Crash { .. } => 127,
            Verdict::Liveness { .. } => 128,
            Verdict::Broken { .. } => 129,
        }
    }

    /// True if something is wrong with the system under trial.
    pub const fn is_failure(&self) -> bool {
        self.exit_code() != 0
    }
}

/// One run of one scenario under one seed.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The scenario file as it was named, with the cell of its matrix if it has one.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// How it was judged.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The rolling hash of everything that happened: equal for equal runs.
    pub hash: String,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Events that the world carried out.
    pub events: u64,
    /// Client operations that were asked for.
    pub asked: u64,
    /// Client operations that were acknowledged.
    pub acknowledged: u64,
    /// Bytes that the world destroyed on media.
    pub destroyed: u64,
    /// Marks that were reached, and how often.
    pub marks: BTreeMap<String, u64>,
    /// Faults that were carried out, and how often.
    pub faults: BTreeMap<String, u64>,
    /// Anomalies that the guarantees allow and that were seen, and how often: `loss`, `duplicate`, ….
    pub seen: BTreeMap<String, u64>,
    /// The command that runs it again, for a failing run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproduce: Option<String>,
    /// Where its capsule is, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capsule: Option<String>,
    /// A checker ended it before its end.
    #[serde(skip)]
    pub stopped_by_oracle: bool,
}

impl RunReport {
    /// A report of which nothing but the verdict is known.
    pub(super) fn of(verdict: Verdict) -> RunReport {
        RunReport {
            scenario: String::new(),
            seed: 0,
            verdict,
            hash: String::new(),
            simulated_ms: 0,
            events: 0,
            asked: 0,
            acknowledged: 0,
            destroyed: 0,
            marks: BTreeMap::new(),
            faults: BTreeMap::new(),
            seen: BTreeMap::new(),
            reproduce: None,
            capsule: None,
            stopped_by_oracle: false,
        }
    }
}

/// What one scenario came to over all its seeds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScenarioReport {
    /// Its file.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Runs in all.
    pub runs: u64,
    /// Runs that were clean.
    pub clean: u64,
    /// Runs that prove nothing.
    pub void: u64,
    /// Why they prove nothing, and how many of them for that reason.
    pub voids: BTreeMap<String, u64>,
    /// Runs that failed.
    pub failed: u64,
    /// Anomalies expected in some seed that no seed showed.
    pub unseen: Vec<String>,
    /// Marks reached over all runs.
    pub marks: BTreeMap<String, u64>,
    /// Faults carried out over all runs.
    pub faults: BTreeMap<String, u64>,
}

/// A whole campaign.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Campaign {
    /// Scenario by scenario, in the order in which they were named.
    pub scenarios: Vec<ScenarioReport>,
    /// Every run that failed, by scenario and seed.
    pub failures: Vec<RunReport>,
    /// Runs in all.
    pub runs: u64,
    /// Runs that prove nothing.
    pub void: u64,
    /// Simulated milliseconds in all.
    pub simulated_ms: u64,
    /// Events that the world carried out in all.
    pub events: u64,
    /// Client operations acknowledged in all.
    pub acknowledged: u64,
    /// What the process ends with.
    pub exit_code: u8,
}

impl Campaign {
    /// Zero when every run was clean or void and all that was expected in some seed was seen; else the gravest verdict's code.
    pub fn exit_code(&self) -> u8 {
        let unseen = if self.scenarios.iter().any(|s| !s.unseen.is_empty()) { 129 } else { 0 };
        self.failures.iter().map(|run| run.verdict.exit_code()).max().unwrap_or(0).max(unseen)
    }
}

/// What running everything in several processes came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Twice {
    /// Runs compared, in each of the other processes.
    pub runs: u64,
    /// The other processes.
    pub legs: Vec<String>,
    /// Runs that differed.
    pub different: Vec<Difference>,
}

impl Twice {
    /// Zero if all runs agreed.
    pub fn exit_code(&self) -> u8 {
        if self.different.is_empty() { 0 } else { 127 }
    }
}

/// Two runs of one seed that should have been one.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The scenario file.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The process that disagreed.
    pub leg: String,
    /// What makes the difference when nothing else is varied; empty if nobody looked.
    pub cause: String,
    /// Which line of the traces differs first; `None` if the traces agree although the hashes do not.
    pub line: Option<u64>,
    /// The last line that agrees.
    pub before: Option<String>,
    /// The first line that differs, in the first process; empty if no line does.
    pub first: String,
    /// The same line in the other.
    pub second: String,
}

impl Difference {
    /// A difference of which nothing more is known.
    pub(super) fn between(report: &RunReport, leg: &str) -> Difference {
        Difference {
            scenario: report.scenario.clone(),
            seed: report.seed,
            leg: leg.to_owned(),
            cause: String::new(),
            line: None,
            before: None,
            first: String::new(),
            second: String::new(),
        }
    }

    /// Notes the first line at which two traces part.
    pub(super) fn say_lines(&mut self, first: &[String], second: &[String]) {
        let end = || "the trace ends here".to_owned();
        let parts = (0..first.len().max(second.len())).find(|&nth| first.get(nth) != second.get(nth));
        let Some(nth) = parts else { return };
        self.line = Some(nth as u64 + 1);
        self.before = nth.checked_sub(1).and_then(|nth| first.get(nth).cloned());
        (self.first, self.second) = (first.get(nth).cloned().unwrap_or_else(end), second.get(nth).cloned().unwrap_or_else(end));
    }
}

/// Mutants against scenarios.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Matrix {
    /// One entry for each mutant.
    pub mutants: Vec<Kill>,
}

impl Matrix {
    /// Zero if every mutant was killed.
    pub fn exit_code(&self) -> u8 {
        if self.mutants.iter().all(|m| m.killed_by.is_some()) { 0 } else { 1 }
    }
}

/// What became of one mutant.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kill {
    /// Its code and issue.
    pub mutant: String,
    /// The run that showed it: the first in which a checker spoke, else the first that failed in another way; `None` if it survived.
    pub killed_by: Option<RunReport>,
    /// Runs up to and including the first that failed in any way, an assertion of ours included.
    pub seeds_to_failure: Option<u64>,
    /// Runs up to and including the first in which a checker spoke.
    pub seeds_to_kill: Option<u64>,
    /// Runs in all.
    pub runs: u64,
    /// Simulated milliseconds of all of them.
    pub simulated_ms: u64,
}

impl Kill {
    /// Takes a failing run; true once nothing better can come.
    pub(super) fn failed(&mut self, report: RunReport) -> bool {
        let spoke = matches!(report.verdict, Verdict::Broken { .. });
        self.seeds_to_failure.get_or_insert(self.runs);
        if spoke {
            self.seeds_to_kill = Some(self.runs);
        }
        if spoke || self.killed_by.is_none() {
            self.killed_by = Some(report);
        }
        spoke
    }
}
