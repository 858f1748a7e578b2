//! What each part needs on this machine, and how it is had.

use std::process::Command;

use crate::Part;
use crate::shell::{answers, home, root, run, run_both};
use crate::target::kafka_sh;

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
    need(!java || answers("java", &["-version"]), "java", "openjdk-17-jre-headless");
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
    if uses_go {
        at_least(
            "go",
            &["version"],
            (1, 21),
            "it fetches the one that go.mod names; https://go.dev/dl has a newer one than an old distribution",
        )?;
    }
    if java {
        at_least("java", &["-version"], (17, 0), "Debian: apt-get install openjdk-17-jre-headless")?;
        run(Command::new(kafka_sh()).arg("gather"))
            .map_err(|e| format!("Apache Kafka's jars, by Maven from its central repository: {e}"))?;
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

/// The first two numbers of a program's version are at least these.
fn at_least(program: &str, arguments: &[&str], wanted: (u32, u32), how: &str) -> Result<(), String> {
    let (out, errors) = run_both(Command::new(program).args(arguments)).map_err(|e| format!("{program}: {e}"))?;
    let said = if out.is_empty() { errors } else { out };
    let found = version(&said).ok_or_else(|| format!("{program}: no version in: {said}"))?;
    if found >= wanted {
        return Ok(());
    }
    Err(format!("{program} {}.{} is too old: {}.{} or newer is needed ({how})", found.0, found.1, wanted.0, wanted.1))
}

/// The first number and what follows its dot, as in `go1.26.8` or `"17.0.15"`.
fn version(said: &str) -> Option<(u32, u32)> {
    said.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    })
}

fn debian(packages: &[&str]) -> Result<(), String> {
    if !answers("apt-get", &["--version"]) {
        return Err(format!("--install knows Debian's packages alone, and apt-get is not here; install by hand: {}", packages.join(", ")));
    }
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

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15"), Some((17, 0)));
        assert_eq!(version("openjdk version \"1.8.0_442\""), Some((1, 8)));
        assert_eq!(version("openjdk version \"21\" 2023-09-19"), Some((21, 0)));
        assert_eq!(version("command not found"), None);
    }
}
