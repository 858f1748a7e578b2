//! Legs of a comparison in other processes: this program once more, and other builds of the same sources.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use odradek_sim::run::{self, Leg, Print};

/// Which sources this program was built from.
pub const SOURCES: &str = env!("ODRADEK_SOURCES");

/// A program that can run legs.
pub struct Program {
    pub name: String,
    pub path: PathBuf,
    pub is_other_build: bool,
}

/// This program, the other profile's build beside it if that was made of the same sources, and those that are named.
pub fn programs(named: &[PathBuf]) -> Result<Vec<Program>, String> {
    let own = std::env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let mut programs = vec![Program { name: "another process".to_owned(), path: own.clone(), is_other_build: false }];
    if let Some((profile, path)) = sibling(&own).filter(|(_, path)| sources_of(path).as_deref() == Ok(SOURCES)) {
        programs.push(Program { name: format!("the {profile} build"), path, is_other_build: true });
    }
    for path in named {
        let sources = sources_of(path)?;
        if sources != SOURCES {
            return Err(format!(
                "{} was built from other sources ({sources}) than this program ({SOURCES}): build both again",
                path.display()
            ));
        }
        programs.push(Program { name: path.display().to_string(), path: path.clone(), is_other_build: true });
    }
    Ok(programs)
}

/// The debug build beside a release build, or the other way round.
fn sibling(own: &Path) -> Option<(&'static str, PathBuf)> {
    let folder = own.parent()?;
    let other = if folder.file_name()? == "release" { "debug" } else { "release" };
    let path = folder.parent()?.join(other).join(own.file_name()?);
    path.is_file().then_some((other, path))
}

fn sources_of(program: &Path) -> Result<String, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", program.display());
    let output = Command::new(program).args(["sim", "leg", "--sources"]).output().map_err(|e| failed(&e))?;
    let says = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(says) } else { Err(failed(&"it runs no legs: it is an older build, or another program")) }
}

/// Runs a leg in a process of its own; `pass` is called for each run that ends there.
pub fn run_in(program: &Program, files: &[PathBuf], leg: &Leg, pass: &dyn Fn()) -> Result<Vec<Print>, String> {
    let failed = |e: io::Error| format!("{}: {e}", program.path.display());
    let mut command = Command::new(&program.path);
    command.args(["sim", "leg"]).args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let prints = converse(&mut child, leg, pass).map_err(failed);
    let status = child.wait().map_err(failed)?;
    if status.success() { prints } else { Err(format!("the process ended with {status}")) }
}

fn converse(child: &mut Child, leg: &Leg, pass: &dyn Fn()) -> io::Result<Vec<Print>> {
    let mut to = child.stdin.take().expect("it is piped");
    serde_json::to_writer(&mut to, leg)?;
    drop(to);
    let from = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut prints = Vec::new();
    for line in from.lines() {
        prints.push(serde_json::from_str(&line?)?);
        pass();
    }
    Ok(prints)
}

/// Runs the leg that standard input asks for, and prints a line for each run as it ends.
pub fn answer(files: &[PathBuf]) -> Result<(), String> {
    let mut asked = Vec::new();
    io::stdin().lock().read_to_end(&mut asked).map_err(|e| e.to_string())?;
    let leg: Leg = serde_json::from_slice(&asked).map_err(|e| format!("standard input asks for no leg: {e}"))?;
    let broken: Mutex<Option<io::Error>> = Mutex::new(None);
    let told = |print: &Print| {
        let line = serde_json::to_string(print).expect("a print is plain data");
        if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
            broken.lock().expect("no holder of this lock panics").get_or_insert(error);
        }
    };
    run::leg(files, &leg, &told).map_err(|e| e.to_string())?;
    broken.into_inner().expect("no holder of this lock panics").map_or(Ok(()), |e| Err(e.to_string()))
}
