//! Capsules: everything that is needed to look at a failing run again, in one file.

use std::fs;

use odradek_machine::Mutant;
use serde::Serialize;

use super::Request;
use super::report::RunReport;
use crate::plan::Plan;
use crate::scenario::Cell;

#[derive(Serialize)]
struct Capsule<'a> {
    /// The text of the scenario, as it was.
    scenario: String,
    /// What was drawn from it.
    plan: &'a Plan,
    seed: u64,
    mutant: Option<String>,
    /// What this program was built from; weather and plan may change with it.
    revision: &'static str,
    verdict: &'a RunReport,
}

/// Writes the capsule of a failing run, and notes in its report where it is. A directory that takes none costs the capsule, not the campaign.
pub(super) fn write(request: &Request, cell: &Cell, report: &mut RunReport, mutant: Option<Mutant>) {
    let Some(directory) = request.capsules.as_deref() else { return };
    let plan = Plan::draw(&cell.scenario, report.seed);
    let capsule = Capsule {
        scenario: fs::read_to_string(&cell.file).unwrap_or_default(),
        plan: &plan,
        seed: report.seed,
        mutant: mutant.map(|mutant| mutant.code().to_owned()),
        revision: request.revision,
        verdict: report,
    };
    let story = cell.file.file_stem().unwrap_or_default().to_string_lossy();
    let planted = mutant.map_or(String::new(), |mutant| format!("-{}", mutant.code()));
    let path = directory.join(format!("{story}-{}{planted}.json", report.seed));
    let text = serde_json::to_string_pretty(&capsule).unwrap_or_default();
    if fs::create_dir_all(directory).and_then(|()| fs::write(&path, text)).is_ok() {
        report.capsule = Some(path.display().to_string());
    }
}
