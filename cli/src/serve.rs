//! `odradek serve`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use odradek_server::{Options, serve};
use tracing_subscriber::EnvFilter;

use crate::outcome::{Failure, Outcome};
use crate::remote::key_and_value;

#[derive(Args)]
pub struct Arguments {
    /// Directory of the node (log.dirs); made and formatted if it is empty
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The cluster: what an empty directory is formatted with, and what any other must say
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// Where to listen (listeners); port 0 chooses one
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// A server.properties of Kafka's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Kafka's properties; they win over the file
    #[arg(value_name = "KEY=VALUE", value_parser = key_and_value)]
    properties: Vec<(String, String)>,
    /// The log on standard error as one JSON object a line; ODRADEK_LOG=warn,odradek_server=debug chooses what is logged
    #[arg(long)]
    log_json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    log_to_standard_error(arguments.log_json)?;
    let options = Options {
        data: arguments.data.clone(),
        listen: arguments.listen.clone(),
        file: arguments.config.clone(),
        properties: arguments.properties.clone(),
        cluster_id: arguments.cluster_id.clone(),
    };
    let mut answered = false;
    let outcome = serve(&options, |ready| {
        answered = true;
        // Whoever started it may have closed that end already; the log says the same.
        let _ = writeln!(std::io::stdout(), "odradek ready on {}", ready.addresses.join(","));
    });
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // What stops a start is for the user to mend; what ends a server that answered is not.
        Err(why) if answered => Err(Failure::work(why)),
        Err(why) => Err(why.into()),
    }
}

/// Colours only where a person looks on; the log of a service is read by programs.
fn log_to_standard_error(as_json: bool) -> Result<(), String> {
    let filter = match std::env::var("ODRADEK_LOG") {
        Ok(words) => EnvFilter::try_new(&words)
            .map_err(|e| format!("ODRADEK_LOG={words}: {e}; write for example info or warn,odradek_server=debug"))?,
        Err(_) => EnvFilter::new("info"),
    };
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(coloured);
    if as_json {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    Ok(())
}
