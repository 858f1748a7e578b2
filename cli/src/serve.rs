//! `odradek serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use odradek_server::{Options, serve};
use tracing_subscriber::EnvFilter;

use crate::Outcome;
use crate::remote::key_and_value;

#[derive(Args)]
pub struct Arguments {
    /// Directory of the node (log.dirs); made and formatted if it is empty
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen (listeners); port 0 chooses one
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// A server.properties of Kafka's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Kafka's properties; they win over the file
    #[arg(value_name = "KEY=VALUE", value_parser = key_and_value)]
    properties: Vec<(String, String)>,
    /// Logs as JSON lines
    #[arg(long)]
    log_json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let filter = EnvFilter::try_from_env("ODRADEK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if arguments.log_json {
        log.json().init();
    } else {
        log.init();
    }

    let options = Options {
        data: arguments.data.clone(),
        listen: arguments.listen.clone(),
        file: arguments.config.clone(),
        properties: arguments.properties.clone(),
    };
    serve(&options, |ready| println!("odradek ready on {}", ready.addresses.join(",")))?;
    Ok(ExitCode::SUCCESS)
}
