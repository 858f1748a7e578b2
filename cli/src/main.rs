//! The one binary, `odradek`: the broker, its trial, and the tools that speak to a cluster.

mod configs;
mod consume;
mod delimiter;
mod doctor;
mod format;
mod format_directory;
mod input;
mod options;
mod outcome;
mod produce;
mod progress;
mod remote;
mod serve;
mod sim;
mod topics;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use outcome::{Failure, Outcome};

/// A Kafka broker put on trial: one deterministic core, run as a server or under a simulator that breaks everything around it.
#[derive(Parser)]
#[command(name = "odradek", version, propagate_version = true, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker; without any argument it formats ./odradek-data and listens on loopback
    Serve(serve::Arguments),
    /// Read the log directories of a stopped node: what is known, what is whole, what is damaged; and give up what is lost
    Doctor(doctor::Arguments),
    /// Make a directory a new and empty log directory of a node
    Format(format_directory::Arguments),
    /// Put the broker on trial under a simulator
    Sim(sim::Arguments),
    /// List, describe, create and delete topics
    Topics(topics::Arguments),
    /// Write records: each line of standard input is one
    Produce(produce::Arguments),
    /// Read records and print them
    Consume(consume::Arguments),
    /// Show and change configuration
    Configs(configs::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse_from(delimiters_apart(std::env::args_os())).command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Format(arguments) => format_directory::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Consume(arguments) => consume::run(&arguments),
        Command::Configs(arguments) => configs::run(&arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}

/// `-K=` means the delimiter `=`, as in kcat, and not an empty value: such an argument becomes two.
fn delimiters_apart(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut apart = Vec::new();
    for argument in arguments {
        match argument.to_str().and_then(|text| text.split_at_checked(2)) {
            Some((flag @ ("-K" | "-D"), delimiter)) if delimiter.starts_with('=') => apart.extend([flag.into(), delimiter.into()]),
            _ => apart.push(argument),
        }
    }
    apart
}
