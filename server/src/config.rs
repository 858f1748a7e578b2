//! From a file and a command line to what a node is made from, with Kafka's property names.

mod listeners;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use odradek_broker::{Listener, NodeSetup};
use odradek_cluster::config::StaticConfig;
use odradek_machine::Seed;
use odradek_wire::ids::NodeId;

use listeners::{Address, listeners};

/// Where `odradek serve` keeps its data when nobody says otherwise.
const DATA: &str = "odradek-data";
/// Where it listens when nobody says otherwise.
const LISTENERS: &str = "PLAINTEXT://127.0.0.1:9092";

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--data`: `log.dirs`.
    pub data: Option<PathBuf>,
    /// `--listen`: `listeners`.
    pub listen: Option<String>,
    /// `--config`: a properties file.
    pub file: Option<PathBuf>,
    /// `KEY=VALUE…`: they win over the file.
    pub properties: Vec<(String, String)>,
}

/// A configuration that was read and checked; nothing was touched.
pub struct Config {
    /// Every key that was set.
    pub keys: StaticConfig,
    /// `log.dirs`.
    pub log_dirs: Vec<PathBuf>,
    /// `node.id`.
    pub node: NodeId,
    /// Where to listen, and what to tell clients.
    pub addresses: Vec<Address>,
}

/// Sockets that listen, before the node is there, so that a port in use stops the start before anything is touched.
pub struct Bound {
    /// The sockets, by listener.
    pub sockets: Vec<TcpListener>,
    /// What the node tells its clients.
    pub listeners: Vec<Listener>,
}

impl Config {
    /// Reads what the command line says.
    ///
    /// # Errors
    /// One line: the file and line or the argument, what was expected, what to do.
    pub fn read(options: &Options) -> Result<Config, String> {
        let mut lines = Vec::new();
        if let Some(file) = &options.file {
            lines = properties(file)?;
            for (number, key, value) in &lines {
                StaticConfig::parse([(key.as_str(), value.as_str())]).map_err(|e| format!("{}:{number}: {}", file.display(), e.message))?;
            }
        }
        for (key, value) in &options.properties {
            StaticConfig::parse([(key.as_str(), value.as_str())]).map_err(|e| format!("{key}={value}: {}", e.message))?;
        }
        let all = lines.iter().map(|(_, key, value)| (key.as_str(), value.as_str()));
        let all = all.chain(options.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let keys = StaticConfig::parse(all).map_err(|e| e.message)?;
        let log_dirs = log_dirs(options, &keys);
        let node = node_id(&keys, &log_dirs[0])?;
        let listen = options.listen.as_ref().map(|address| format!("PLAINTEXT://{address}"));
        let addresses = listeners(&keys, listen.as_deref(), LISTENERS)?;
        Ok(Config { keys, log_dirs, node, addresses })
    }

    /// Takes the ports.
    ///
    /// # Errors
    /// The address that cannot be had, and why.
    pub fn bind(&self) -> Result<Bound, String> {
        let mut bound = Bound { sockets: Vec::new(), listeners: Vec::new() };
        for address in &self.addresses {
            let socket = address.bind()?;
            let port = socket.local_addr().map_err(|e| format!("listeners: {address}: {e}"))?.port();
            bound.listeners.push(address.advertised(port));
            bound.sockets.push(socket);
        }
        Ok(bound)
    }

    /// What the node is made from.
    pub fn setup(&self, listeners: Vec<Listener>, seed: Seed) -> NodeSetup {
        let first = listeners.first().expect("a configuration without listeners is refused").clone();
        let request_bytes_max = u32::try_from(self.keys.long("socket.request.max.bytes")).unwrap_or(u32::MAX);
        let mut setup = NodeSetup {
            config: self.keys.clone(),
            log_dirs: self.log_dirs.iter().map(|dir| dir.display().to_string()).collect(),
            listeners,
            ..NodeSetup::alone(self.node, seed, &first.host, first.port)
        };
        setup.memory.frame_bytes_max = request_bytes_max;
        setup
    }
}

fn log_dirs(options: &Options, keys: &StaticConfig) -> Vec<PathBuf> {
    if let Some(data) = &options.data {
        return vec![data.clone()];
    }
    let listed = keys.set("log.dirs").or_else(|| keys.set("log.dir"));
    let dirs: Vec<PathBuf> = listed.into_iter().flat_map(|all| all.split(',')).map(|dir| PathBuf::from(dir.trim())).collect();
    if dirs.is_empty() { vec![PathBuf::from(DATA)] } else { dirs }
}

/// The id that was set; else the one under which the directory was formatted; else the table's default or 0.
fn node_id(keys: &StaticConfig, dir: &Path) -> Result<NodeId, String> {
    let stored = || {
        let words = std::fs::read_to_string(dir.join("meta.properties")).ok()?;
        words.lines().find_map(|line| line.trim().strip_prefix("node.id=").map(str::to_owned))
    };
    let Some(text) = keys.set("node.id").map(str::to_owned).or_else(stored) else { return Ok(NodeId(0)) };
    let id = text.trim().parse::<i32>().ok().filter(|&id| id >= 0);
    id.map(NodeId).ok_or_else(|| format!("node.id={text}: expected a number from 0 on"))
}

/// The lines of a properties file: number, key, value.
fn properties(file: &Path) -> Result<Vec<(usize, String, String)>, String> {
    let words = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut lines = Vec::new();
    for (number, line) in words.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') || line.starts_with('!') {
            continue;
        }
        let (key, value) =
            line.split_once(['=', ':']).ok_or_else(|| format!("{}:{number}: expected KEY=VALUE, found '{line}'", file.display()))?;
        lines.push((number, key.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(lines)
}
