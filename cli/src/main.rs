//! The one binary, `odradek`: the broker, its trial, and the tools that speak to a cluster.

mod configs;
mod consume;
mod format;
mod produce;
mod progress;
mod remote;
mod serve;
mod sim;
mod topics;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Consume(arguments) => consume::run(&arguments),
        Command::Configs(arguments) => configs::run(&arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("odradek: {error}");
            ExitCode::from(2)
        }
    }
}

/// What ends a command: one line that says what is wrong and what to do.
pub type Outcome = Result<ExitCode, String>;
