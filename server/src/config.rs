//! From a file and a command line to what a node is made from, with Kafka's property names.

mod connections;
mod listeners;
mod properties;
mod protocols;
mod sockets;
mod unsupported;

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};

use odradek_broker::{Listener, NodeSetup};
use odradek_cluster::config::StaticConfig;
use odradek_machine::Seed;
use odradek_wire::ids::NodeId;

use listeners::{Address, listeners};
pub use sockets::Sockets;

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
    /// `--cluster-id`: what an empty directory is formatted with, and what any other must say.
    pub cluster_id: Option<String>,
}

/// A configuration that was read and checked; nothing was touched.
pub struct Config {
    /// Every key that was set, by a line, a flag or what this server does when nobody says otherwise: what it describes itself with.
    pub keys: StaticConfig,
    /// `log.dirs`.
    pub log_dirs: Vec<PathBuf>,
    /// `metadata.log.dir`, where it is set.
    pub metadata_log_dir: Option<PathBuf>,
    /// `node.id`.
    pub node: NodeId,
    /// Where to listen, and what to tell clients.
    pub addresses: Vec<Address>,
    /// What every socket is given.
    pub sockets: Sockets,
    /// The addresses of the names in `max.connections.per.ip.overrides`.
    pub hosts: BTreeMap<String, IpAddr>,
    /// The cluster that the directories must be of; any without.
    pub cluster_id: Option<String>,
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
        let mut all = Vec::new();
        if let Some(file) = &options.file {
            let words = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
            let lines = properties::read(&words).map_err(|(line, why)| format!("{}:{line}: {why}", file.display()))?;
            all.extend(lines.into_iter().map(|line| (format!("{}:{}", file.display(), line.number), line.key, line.value)));
        }
        all.extend(options.properties.iter().map(|(key, value)| (format!("{key}={value}"), key.clone(), value.clone())));
        for (place, key, value) in &all {
            unsupported::key(key).map_err(|why| format!("{place}: {why}"))?;
            StaticConfig::parse([(key.as_str(), value.as_str())]).map_err(|e| format!("{place}: {}", e.message))?;
        }
        let keys = StaticConfig::parse(all.iter().map(|(_, key, value)| (key.as_str(), value.as_str()))).map_err(|e| e.message)?;
        let log_dirs = log_dirs(options, &keys);
        let metadata_log_dir = metadata_log_dir(&keys, &log_dirs);
        let node = node_id(&keys, log_dirs.iter().chain(&metadata_log_dir))?;
        unsupported::values(&keys, node)?;
        let listen = options.listen.as_deref().map(listen).transpose()?;
        let addresses = listeners(&keys, listen.as_deref(), LISTENERS)?;
        unsupported::bootstrap(&keys, &addresses)?;
        let sockets = Sockets::read(&keys)?;
        connections::check(&keys)?;
        let hosts = connections::hosts(&keys)?;
        let lines = all.into_iter().map(|(_, key, value)| (key, value)).chain(started_with(options, &keys, node, listen));
        let lines: Vec<(String, String)> = lines.collect();
        let keys = StaticConfig::parse(lines.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|e| e.message)?;
        Ok(Config { keys, log_dirs, metadata_log_dir, node, addresses, sockets, hosts, cluster_id: options.cluster_id.clone() })
    }

    /// Every directory of the node, in the order in which the node numbers them.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mut all = self.log_dirs.clone();
        all.extend(self.metadata_log_dir.iter().filter(|dir| !self.log_dirs.contains(dir)).cloned());
        all
    }

    /// Takes the ports.
    ///
    /// # Errors
    /// The address that cannot be had, and why.
    pub fn bind(&self) -> Result<Bound, String> {
        let mut bound = Bound { sockets: Vec::new(), listeners: Vec::new() };
        for address in &self.addresses {
            let socket = address.bind(&self.sockets)?;
            let port = socket.local_addr().map_err(|e| format!("listeners: {address}: {e}"))?.port();
            bound.listeners.push(address.advertised(port));
            bound.sockets.push(socket);
        }
        Ok(bound)
    }

    /// What the node is made from.
    pub fn setup(&self, listeners: Vec<Listener>, seed: Seed, descriptors: Option<u64>) -> NodeSetup {
        let first = listeners.first().expect("a configuration without listeners is refused").clone();
        NodeSetup {
            cluster_id: self.cluster_id.clone(),
            config: self.keys.clone(),
            log_dirs: self.log_dirs.iter().map(|dir| dir.display().to_string()).collect(),
            metadata_log_dir: self.metadata_log_dir.as_ref().map(|dir| dir.display().to_string()),
            listeners,
            descriptors,
            hosts: self.hosts.clone(),
            ..NodeSetup::alone(self.node, seed, &first.host, first.port)
        }
    }
}

/// What the node is started with beyond the lines: flags stand before them, and where nobody said anything this server has its own idea.
fn started_with(options: &Options, keys: &StaticConfig, node: NodeId, listen: Option<String>) -> Vec<(String, String)> {
    let mut lines = vec![("node.id", node.0.to_string()), ("broker.id", node.0.to_string())];
    if keys.set("process.roles").is_none() {
        lines.push(("process.roles", "broker,controller".to_owned()));
    }
    if let Some(listeners) = listen.or_else(|| keys.set("listeners").is_none().then(|| LISTENERS.to_owned())) {
        lines.push(("listeners", listeners));
    }
    let own = || (keys.set("log.dirs").is_none() && keys.set("log.dir").is_none()).then(|| DATA.to_owned());
    if let Some(data) = options.data.as_ref().map(|dir| dir.display().to_string()).or_else(own) {
        lines.push(("log.dirs", data));
    }
    lines.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn log_dirs(options: &Options, keys: &StaticConfig) -> Vec<PathBuf> {
    if let Some(data) = &options.data {
        return vec![data.clone()];
    }
    let listed = keys.set("log.dirs").or_else(|| keys.set("log.dir"));
    let dirs: Vec<PathBuf> = listed.into_iter().flat_map(|all| all.split(',')).map(|dir| PathBuf::from(dir.trim())).collect();
    if dirs.is_empty() { vec![PathBuf::from(DATA)] } else { dirs }
}

/// `metadata.log.dir`, in the words of `log.dirs` where it is one of them.
fn metadata_log_dir(keys: &StaticConfig, log_dirs: &[PathBuf]) -> Option<PathBuf> {
    let named = PathBuf::from(keys.set("metadata.log.dir").map(str::trim).filter(|dir| !dir.is_empty())?);
    let place = |dir: &Path| dir.canonicalize().or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.to_owned());
    Some(log_dirs.iter().find(|dir| place(dir) == place(&named)).cloned().unwrap_or(named))
}

/// The id that was set, under its name or its older one; else the one under which a directory was formatted; else 0.
fn node_id<'a>(keys: &StaticConfig, mut dirs: impl Iterator<Item = &'a PathBuf>) -> Result<NodeId, String> {
    let stored = || {
        dirs.find_map(|dir| {
            let words = std::fs::read_to_string(dir.join("meta.properties")).ok()?;
            words.lines().find_map(|line| line.trim().strip_prefix("node.id=").map(str::to_owned))
        })
    };
    let given = match (keys.set("node.id"), keys.set("broker.id").filter(|id| *id != "-1")) {
        (Some(node), Some(broker)) if node != broker => {
            return Err(format!("broker.id={broker}: node.id={node} names the same; give both the same value, or leave broker.id out"));
        }
        (node, broker) => node.or(broker),
    };
    let Some(text) = given.map(str::to_owned).or_else(stored) else { return Ok(NodeId(0)) };
    let id = text.trim().parse::<i32>().ok().filter(|&id| id >= 0);
    id.map(NodeId).ok_or_else(|| format!("node.id={text}: expected a number from 0 on"))
}

/// `--listen` as an entry of `listeners`; a listener's own name may stand in front.
fn listen(address: &str) -> Result<String, String> {
    let (name, address) = address.split_once("://").unwrap_or(("PLAINTEXT", address));
    match address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => Ok(format!("{name}://{address}")),
        _ => Err(format!("--listen {address}: expected HOST:PORT, such as 127.0.0.1:9092 (port 0 chooses one)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(options: &Options, keys: &[&str]) -> Vec<Option<String>> {
        let config = Config::read(options).unwrap_or_else(|why| panic!("{why}"));
        keys.iter().map(|key| config.keys.set(key).map(str::to_owned)).collect()
    }

    fn texts(all: &[Option<&str>]) -> Vec<Option<String>> {
        all.iter().map(|text| text.map(str::to_owned)).collect()
    }

    /// `DescribeConfigs` shows what the node was started with, whoever said it.
    #[test]
    fn what_flags_and_files_set_is_known_as_set() {
        let keys = ["node.id", "broker.id", "listeners", "log.dirs", "process.roles"];
        let nothing = set(&Options::default(), &keys);
        let (id, roles) = (Some("0"), Some("broker,controller"));
        assert_eq!(nothing, texts(&[id, id, Some("PLAINTEXT://127.0.0.1:9092"), Some("odradek-data"), roles]));

        let property = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let file = vec![property("broker.id", "4"), property("listeners", "PLAINTEXT://:7"), property("log.dir", "/one")];
        let lines = Options { properties: file.clone(), ..Options::default() };
        assert_eq!(set(&lines, &keys), texts(&[Some("4"), Some("4"), Some("PLAINTEXT://:7"), None, roles]));

        let flags = Options { data: Some("/two".into()), listen: Some("localhost:8".to_owned()), properties: file, ..Options::default() };
        assert_eq!(set(&flags, &keys), texts(&[Some("4"), Some("4"), Some("PLAINTEXT://localhost:8"), Some("/two"), roles]));
    }
}
