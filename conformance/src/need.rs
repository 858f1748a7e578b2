//! What each part needs on this machine, and how it is had.

use std::process::Command;

use crate::Part;
use crate::shell::{answers, home, root, run};

/// Looks for everything that the parts need, and installs it if asked to.
///
/// # Errors
/// What is missing and how to get it.
pub fn all(parts: &[Part], install: bool, apache_kafka: bool) -> Result<(), String> {
    let mut missing = Vec::new();
    let java = apache_kafka || parts.iter().any(|part| matches!(part, Part::Java | Part::Directories));
    let uses_python = parts.contains(&Part::Python);
    let uses_go = parts.iter().any(|part| matches!(part, Part::FranzGo | Part::Directories));
    let mut need = |there: bool, what: &str, package: &str| {
        if !there {
            missing.push((what.to_owned(), package.to_owned()));
        }
    };
    need(!parts.contains(&Part::Kcat) || answers("kcat", &["-V"]), "kcat", "kcat");
    need(!uses_python || answers("python3", &["-c", "import venv, ensurepip"]), "python3 with venv", "python3-venv");
    need(!uses_go || answers("go", &["version"]), "go", "golang-go");
    need(!java || answers("java", &["-version"]), "java 17", "openjdk-17-jre-headless");
    need(!java || answers("mvn", &["-v"]), "mvn", "maven");
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|(what, _)| what.as_str()).collect();
        let packages: Vec<&str> = missing.iter().map(|(_, package)| package.as_str()).collect();
        if !install {
            return Err(format!(
                "missing: {}; install them (Debian: apt-get install {}) or say --install",
                names.join(", "),
                packages.join(" ")
            ));
        }
        debian(&packages)?;
    }
    if uses_python {
        python()?;
    }
    if uses_go {
        franz_go()?;
    }
    Ok(())
}

/// The Python of the environment in which confluent-kafka is.
pub fn python_path() -> std::path::PathBuf {
    home().join("python/bin/python")
}

/// A built program of `clients/franz-go`: `story` or `keep`.
pub fn franz_go_path(program: &str) -> std::path::PathBuf {
    home().join("franz-go").join(program)
}

fn debian(packages: &[&str]) -> Result<(), String> {
    eprintln!("installing {}", packages.join(" "));
    run(Command::new("apt-get").args(["update", "-q"])).map_err(|e| format!("apt-get update: {e}"))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
    .map_err(|e| format!("apt-get install {}: {e}", packages.join(" ")))
    .map(drop)
}

fn python() -> Result<(), String> {
    let wanted = root().join("conformance/clients/python/requirements.txt");
    if !python_path().exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(home().join("python"))).map_err(|e| format!("python3 -m venv: {e}"))?;
    }
    run(Command::new(python_path()).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(wanted))
        .map_err(|e| format!("confluent-kafka: {e}"))
        .map(drop)
}

fn franz_go() -> Result<(), String> {
    let source = root().join("conformance/clients/franz-go");
    let programs = home().join("franz-go");
    std::fs::create_dir_all(&programs).map_err(|e| format!("{}: {e}", programs.display()))?;
    run(Command::new("go").args(["build", "-o"]).arg(programs).args(["./story", "./keep"]).current_dir(source))
        .map_err(|e| format!("franz-go: {e}"))
        .map(drop)
}
