//! How a command ends, and how it prints.

use std::io::Write;
use std::process::ExitCode;

/// What ends a command early: one line that says what is wrong and what to do.
#[derive(Debug)]
pub struct Failure {
    words: String,
    code: u8,
}

impl Failure {
    /// The command was understood and could not be done: exit code 1.
    pub fn work(words: impl Into<String>) -> Failure {
        Failure { words: words.into(), code: 1 }
    }

    /// Tells the user.
    pub fn tell(&self) -> ExitCode {
        eprintln!("odradek: {}", self.words);
        ExitCode::from(self.code)
    }
}

/// What was asked cannot be meant: exit code 2.
impl From<String> for Failure {
    fn from(words: String) -> Failure {
        Failure { words, code: 2 }
    }
}

/// The exit code, or why there is no better one.
pub type Outcome = Result<ExitCode, Failure>;

/// Prints a line on standard output. Whoever reads it may have had enough: then the command ends quietly.
pub fn print(line: &str) {
    written(writeln!(std::io::stdout(), "{line}"));
}

/// Ends the command quietly if the reader of standard output has gone, and with a word if it cannot be written.
pub fn written(outcome: std::io::Result<()>) {
    let Err(error) = outcome else { return };
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        eprintln!("odradek: standard output: {error}");
        std::process::exit(1);
    }
    std::process::exit(0);
}
