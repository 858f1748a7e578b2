//! How many connections there may be, of whom, and how fast they may come: Kafka's ConnectionQuotas (KIP-402, KIP-612).

mod rate;

use std::collections::BTreeMap;
use std::net::IpAddr;

use odradek_cluster::config::NodeView;
use odradek_machine::{Map, Mono};

use crate::io::ListenerId;
use rate::Rate;

/// What the configuration says of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// `max.connections`.
    in_all_max: u64,
    /// `max.connections.per.ip`.
    per_ip_max: u64,
    /// `max.connections.per.ip.overrides`.
    per_ip: BTreeMap<IpAddr, u64>,
    /// `max.connection.creation.rate`, of a second.
    rate_max: u64,
}

impl ConnectionLimits {
    /// What holds for a node; `hosts` are the names that its host looked up.
    pub(crate) fn of(view: &NodeView<'_>, hosts: &BTreeMap<String, IpAddr>) -> ConnectionLimits {
        let count = |value: i64| u64::try_from(value).expect("the table keeps it from zero on");
        let address = |host: &str| host.parse().ok().or_else(|| hosts.get(host).copied());
        let pair = |pair: &str| {
            let (host, count) = pair.rsplit_once(':')?;
            // A count below zero lets nobody in, as zero does.
            Some((address(host.trim())?, count.trim().parse::<i64>().ok()?.max(0).unsigned_abs()))
        };
        ConnectionLimits {
            in_all_max: count(view.current_long("max.connections")),
            per_ip_max: count(view.current_long("max.connections.per.ip")),
            per_ip: view.current_text("max.connections.per.ip.overrides").split(',').filter_map(pair).collect(),
            rate_max: count(view.current_long("max.connection.creation.rate")),
        }
    }

    fn of_ip(&self, ip: IpAddr) -> u64 {
        self.per_ip.get(&ip).copied().unwrap_or(self.per_ip_max)
    }
}

/// For whom a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Clients: every limit holds.
    Clients,
    /// Brokers, where clients have another listener: it stays open at the limit, and a connection of a client goes for it.
    Brokers,
    /// Controllers: none of the limits is for them.
    Controllers,
}

/// Counts connections and says which listeners may accept.
#[derive(Debug)]
pub(super) struct Quotas {
    limits: ConnectionLimits,
    lanes: Vec<Lane>,
    /// How many connections the host has descriptors for.
    room: u64,
    /// Every connection.
    open: u64,
    /// Those that the limits are for.
    counted: u64,
    /// Of these, by address.
    of_ip: Map<IpAddr, u64>,
    rate: Rate,
    /// Which listeners accept, as the host was told.
    accepting: Vec<bool>,
}

/// The part of the descriptors' room that clients leave to others, where there are any.
const ROOM_FOR_OTHERS: u64 = 8;

impl Quotas {
    pub(super) fn new(limits: ConnectionLimits, lanes: Vec<Lane>) -> Quotas {
        let accepting = vec![true; lanes.len()];
        Quotas { limits, lanes, room: u64::MAX, open: 0, counted: 0, of_ip: Map::new(), rate: Rate::default(), accepting }
    }

    pub(super) fn set_limits(&mut self, limits: ConnectionLimits) {
        self.limits = limits;
    }

    pub(super) fn set_room(&mut self, room: u64) {
        self.room = room;
    }

    /// A connection came; it counts until it is gone, also if it is refused.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn opened(&mut self, now: Mono, listener: ListenerId, ip: IpAddr) -> Result<(), String> {
        let lane = self.lane(listener);
        // The host may have accepted one before it heard that it should not.
        let fits = self.open < self.room && (lane != Lane::Clients || self.counted < self.clients_max());
        self.open += 1;
        if lane == Lane::Controllers {
            return if fits { Ok(()) } else { Err(self.is_full()) };
        }
        self.counted += 1;
        let of_ip = self.of_ip.entry(ip).or_default();
        *of_ip += 1;
        let (count, most) = (*of_ip, self.limits.of_ip(ip));
        if lane == Lane::Clients {
            self.rate.came(now, self.limits.rate_max);
        }
        match (fits, count <= most) {
            (_, false) => Err(format!("{ip} has as many connections as one address may have: {most}")),
            (false, true) => Err(self.is_full()),
            (true, true) => Ok(()),
        }
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, listener: ListenerId, ip: IpAddr) {
        self.open -= 1;
        if self.lane(listener) == Lane::Controllers {
            return;
        }
        self.counted -= 1;
        let of_ip = self.of_ip.get_mut(&ip).expect("a connection was counted when it came");
        *of_ip -= 1;
        if *of_ip == 0 {
            self.of_ip.remove(&ip);
        }
    }

    /// How many connections of clients are to go, if `closing` go anyway.
    pub(super) fn excess(&self, closing: u64) -> u64 {
        let beyond = |count: u64, most: u64| count.saturating_sub(closing).saturating_sub(most);
        beyond(self.counted, self.limits.in_all_max).max(beyond(self.open, self.room))
    }

    /// True if a connection of this listener may be closed for another.
    pub(super) fn may_go(&self, listener: ListenerId) -> bool {
        self.lane(listener) == Lane::Clients
    }

    /// The next listener whose host is to be told whether it accepts.
    pub(super) fn pop_told(&mut self, now: Mono) -> Option<(ListenerId, bool)> {
        let (rate, clients) = (self.rate.is_open(now), self.counted < self.clients_max());
        let may = |lane: &Lane| self.open < self.room && (*lane != Lane::Clients || rate && clients);
        let at = self.lanes.iter().zip(&self.accepting).position(|(lane, &accepts)| may(lane) != accepts)?;
        self.accepting[at] = !self.accepting[at];
        Some((ListenerId(at as u16), self.accepting[at]))
    }

    /// When a listener that accepts too fast may go on.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.rate.until()
    }

    pub(super) fn check(&self) {
        let sum = self.of_ip.values_unordered().sum::<u64>();
        assert_eq!(self.counted, sum, "connections that count and their sum by address");
        assert!(self.counted <= self.open, "{} of {} connections count", self.counted, self.open);
    }

    fn lane(&self, listener: ListenerId) -> Lane {
        self.lanes.get(usize::from(listener.0)).copied().unwrap_or(Lane::Clients)
    }

    /// How many of the connections that count there may be before clients wait.
    fn clients_max(&self) -> u64 {
        let alone = self.lanes.iter().all(|&lane| lane == Lane::Clients);
        let room = if alone { self.room } else { self.room - self.room / ROOM_FOR_OTHERS };
        self.limits.in_all_max.min(room)
    }

    fn is_full(&self) -> String {
        format!("{} connections are open, and there may be no more", self.open - 1)
    }
}
