//! What a node is made from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use odradek_cluster::config::StaticConfig;
use odradek_machine::{Guards, Seed};
use odradek_wire::ids::NodeId;

use crate::memory::Limits;
use crate::sessions::Lane;

/// Everything that does not change while a node lives, given by its host.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// `node.id`.
    pub node: NodeId,
    /// The cluster that the node must belong to; `None` takes the one its directory says, or forms one when it formats.
    pub cluster_id: Option<String>,
    /// The keys that were set, checked; listeners and directories are taken from the fields below.
    pub config: StaticConfig,
    /// The seed of this life: drawn anew by the host at each start.
    pub seed: Seed,
    /// Which guards stand.
    pub guards: Guards,
    /// `log.dirs`, by [`odradek_log::disk::DirId`].
    pub log_dirs: Vec<String>,
    /// `metadata.log.dir`; the first of `log.dirs` where that is not set.
    pub metadata_log_dir: Option<String>,
    /// `listeners`, by [`crate::io::ListenerId`], with what is advertised of each.
    pub listeners: Vec<Listener>,
    /// How many descriptors files and connections may have together; `None` for as many as they want.
    pub descriptors: Option<u64>,
    /// The addresses of the host names in `max.connections.per.ip.overrides`.
    pub hosts: BTreeMap<String, IpAddr>,
}

/// A listener as clients are told of it. The host binds before it makes the node, so that a chosen port is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name, such as `PLAINTEXT`.
    pub name: String,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
    /// True for the listener of controllers: it answers no clients.
    pub controller: bool,
}

impl NodeSetup {
    /// Every directory of the node, by [`odradek_log::disk::DirId`]: `log.dirs`, and behind them that of the metadata log where it is none of them.
    pub fn directories(&self) -> Vec<String> {
        let mut all = self.log_dirs.clone();
        all.extend(self.metadata_log_dir.iter().filter(|dir| !self.log_dirs.contains(dir)).cloned());
        all
    }

    /// Which of [`NodeSetup::directories`] holds the metadata log.
    pub fn metadata_directory(&self) -> usize {
        let named = |dir: &String| self.log_dirs.iter().position(|d| d == dir).unwrap_or(self.log_dirs.len());
        self.metadata_log_dir.as_ref().map_or(0, named)
    }

    /// A node that is alone, with one plaintext listener and one log directory, and defaults for the rest: what tests and `odradek serve` begin with.
    pub fn alone(node: NodeId, seed: Seed, host: &str, port: u16) -> NodeSetup {
        NodeSetup {
            node,
            cluster_id: None,
            config: StaticConfig::default(),
            seed,
            guards: Guards::ALL_ON,
            log_dirs: vec!["data".to_owned()],
            metadata_log_dir: None,
            listeners: vec![Listener { name: "PLAINTEXT".to_owned(), host: host.to_owned(), port, controller: false }],
            descriptors: None,
            hosts: BTreeMap::new(),
        }
    }

    /// How much memory requests and responses may take.
    pub fn memory(&self) -> Limits {
        Limits::of(&self.config)
    }

    /// For whom each listener is.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let brokers = self.inter_broker_listener();
        let several = self.listeners.iter().filter(|l| !l.controller).count() > 1;
        let lane = |l: &Listener| match l.controller {
            true => Lane::Controllers,
            false if several && l.name.eq_ignore_ascii_case(brokers) => Lane::Brokers,
            false => Lane::Clients,
        };
        self.listeners.iter().map(lane).collect()
    }

    /// The name of the listener by which brokers speak to each other.
    fn inter_broker_listener(&self) -> &str {
        let named = self.config.set("inter.broker.listener.name").or_else(|| self.config.get("security.inter.broker.protocol"));
        named.unwrap_or("PLAINTEXT")
    }
}
