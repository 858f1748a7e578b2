//! What each fault does when it begins and when it ends.

use std::sync::Arc;

use odradek_broker::io::Input;
use odradek_client::admin::{ConfigChange, ConfigResource, NewTopic, Operation};
use odradek_wire::api::ApiKey;

use super::World;
use super::host::Doom;
use crate::disk::{Armed, PAGE_BYTES, Survival};
use crate::disk::{Limit, NextCut};
use crate::fault::Fault;
use crate::net::{End, EndState, HostId, Link};
use crate::oracle::Fate;
use crate::time::{MILLISECOND, Time};

/// An instant that never comes in a run.
const NEVER: Time = Time(u64::MAX);

impl World<'_, '_> {
    pub(super) fn begin_suffering(&mut self, fault: usize) {
        let victims = self.faults.entry(fault).victims.clone();
        let kind = self.faults.entry(fault).planned.fault;
        for host in victims {
            match self.client_of(host) {
                Some(client) => self.client_suffers(fault, kind, host, client),
                None => self.node_suffers(fault, kind, host),
            }
        }
        match kind {
            Fault::Release => self.release_all(fault),
            Fault::AdminCreateTopic
            | Fault::AdminDeleteTopic
            | Fault::AdminCreatePartitions
            | Fault::AdminDeleteRecords
            | Fault::AdminAlterConfig => self.administer(fault),
            _ => {}
        }
    }

    /// True if a fault would do anything to this host at this moment.
    pub(super) fn can_suffer(&self, fault: usize, host: HostId) -> bool {
        let kind = self.faults.entry(fault).planned.fault;
        let connected = || {
            let peers = self.peers(fault, host);
            let is_open = |id, end: End| {
                self.net.wire(id).is_some_and(|wire| wire.state(end) == EndState::Open && peers.contains(&wire.host(end.other())))
            };
            self.net.wires_of(host).into_iter().any(|(id, end)| is_open(id, end))
        };
        match (kind, self.client_of(host)) {
            (Fault::NodeStop, None) => self.nodes[usize::from(host.0)].node.is_some() && !self.nodes[usize::from(host.0)].stopping,
            (Fault::NodeKill | Fault::NodePause | Fault::NodeSlow, None) => self.nodes[usize::from(host.0)].node.is_some(),
            (Fault::NodePowerCut, None) => self.nodes[usize::from(host.0)].powered,
            (Fault::ClientKill | Fault::ClientPause, Some(client)) => self.clients[client].machine.is_some(),
            (Fault::NetReset | Fault::NetHalfOpen | Fault::NetStall, _) => connected(),
            (Fault::DiskRot | Fault::DiskUnreadable, None) => self.can_be_harmed(fault, usize::from(host.0)),
            _ => true,
        }
    }

    fn node_suffers(&mut self, fault: usize, kind: Fault, host: HostId) {
        let nth = usize::from(host.0);
        let alive = self.nodes[nth].node.is_some();
        let with = self.faults.entry(fault).planned.with.clone();
        let times = with.times;
        let armed = Armed { by: fault, times, file: with.file.clone() };
        match kind {
            Fault::NodeKill => {
                self.touch_if(fault, alive);
                self.doom(nth, Doom { by: fault, fate: Fate::Killed, survival: None });
            }
            Fault::NodePowerCut => {
                self.touch_if(fault, self.nodes[nth].powered);
                self.doom(nth, Doom { by: fault, fate: Fate::PowerCut, survival: with.keeps.as_deref().map(survival_of) });
            }
            Fault::NodeStop if alive && !self.nodes[nth].stopping => {
                self.faults.touch(fault);
                self.nodes[nth].stopping = true;
                self.tell_node(nth, Input::Stop);
            }
            Fault::NodePause => {
                self.touch_if(fault, alive);
                self.nodes[nth].pace.paused = true;
            }
            Fault::NodeSlow => {
                self.touch_if(fault, alive);
                self.nodes[nth].pace.slow = times;
            }
            Fault::DiskSyncFails => self.each_disk(nth, |troubles| troubles.sync_fails = Some(armed.clone())),
            Fault::DiskSyncLies => self.each_disk(nth, |troubles| troubles.sync_lies = Some(armed.clone())),
            Fault::DiskWriteFails => self.each_disk(nth, |troubles| troubles.write_fails = Some(armed.clone())),
            Fault::DiskReadFails => self.each_disk(nth, |troubles| troubles.read_fails = Some(armed.clone())),
            Fault::DiskNameFails => self.each_disk(nth, |troubles| troubles.name_fails = Some(armed.clone())),
            Fault::DiskLocked => self.each_disk(nth, |troubles| troubles.locked = Some(armed.clone())),
            Fault::DiskTornSector => {
                self.each_disk(nth, |troubles| troubles.next_cut = Some(NextCut { by: fault, survival: Survival::Holes }));
            }
            Fault::DiskTornInside => {
                self.each_disk(nth, |troubles| troubles.next_cut = Some(NextCut { by: fault, survival: Survival::TornInside }));
            }
            Fault::DiskRot | Fault::DiskUnreadable => self.harm(fault, kind, nth),
            Fault::DiskMisdirectedRead => self.each_disk(nth, |troubles| troubles.misdirects_reads = Some(armed.clone())),
            Fault::DiskMisdirectedWrite => self.each_disk(nth, |troubles| troubles.misdirects_writes = Some(armed.clone())),
            Fault::DiskWriteLost => self.each_disk(nth, |troubles| troubles.loses_writes = Some(armed.clone())),
            Fault::DiskOldImage => self.nodes[nth].disks.iter_mut().for_each(|disk| disk.keep_image(fault, with.file.as_deref())),
            Fault::DiskFull => {
                for disk in &mut self.nodes[nth].disks {
                    let pages_max = disk.pages() + with.free / PAGE_BYTES;
                    disk.troubles.full = Some(Limit { by: fault, pages_max });
                }
            }
            Fault::DiskSlow => {
                self.touch_if(fault, alive);
                self.nodes[nth].disk_slow = times;
            }
            Fault::DiskStall => self.nodes[nth].disk_stalled_until = NEVER,
            Fault::DiskEvict => {
                let shown: u64 = self.nodes[nth].disks.iter_mut().map(crate::disk::Disk::evict).sum();
                self.touch_if(fault, shown > 0);
            }
            Fault::NetRefuse => self.nodes[nth].refusing += 1,
            Fault::ClockStepForward | Fault::ClockStepBack | Fault::ClockDrift | Fault::ClockFreeze => {
                self.clock_suffers(fault, kind, host);
            }
            _ => self.net_suffers(fault, kind, host),
        }
    }

    fn client_suffers(&mut self, fault: usize, kind: Fault, host: HostId, client: usize) {
        let alive = self.clients[client].machine.is_some();
        let with = &self.faults.entry(fault).planned.with;
        match kind {
            Fault::ClientKill => {
                self.touch_if(fault, alive);
                self.kill_client(client);
            }
            Fault::ClientPause => {
                self.touch_if(fault, alive);
                self.clients[client].pace.paused = true;
            }
            Fault::Hold => {
                let rpc = with.rpc.as_deref().and_then(|name| ApiKey::ALL.iter().copied().find(|key| key.name() == name));
                self.clients[client].hold = rpc.map(|rpc| (rpc, fault));
            }
            Fault::ClockStepForward | Fault::ClockStepBack | Fault::ClockDrift | Fault::ClockFreeze => {
                self.clock_suffers(fault, kind, host);
            }
            _ => self.net_suffers(fault, kind, host),
        }
    }

    fn clock_suffers(&mut self, fault: usize, kind: Fault, host: HostId) {
        let with = &self.faults.entry(fault).planned.with;
        let (ms, ppm) = ((with.by_ns / MILLISECOND) as i64, with.ppm);
        let now = self.now;
        let clock = self.clock_mut(host);
        match kind {
            Fault::ClockStepForward => clock.step(ms),
            Fault::ClockStepBack => clock.step(-ms),
            Fault::ClockDrift => clock.drift(now, ppm),
            _ => clock.freeze(now, NEVER),
        }
        self.faults.touch(fault);
        self.wake_again(host);
    }

    fn net_suffers(&mut self, fault: usize, kind: Fault, host: HostId) {
        let peers = self.peers(fault, host);
        match kind {
            Fault::NetCutBoth | Fault::NetCutSendOnly | Fault::NetCutReceiveOnly => {
                for link in links(kind, host, &peers) {
                    self.net.trouble(link).cuts += 1;
                }
            }
            Fault::NetDelay => {
                let by_ns = self.faults.entry(fault).planned.with.by_ns;
                for link in links(kind, host, &peers) {
                    self.net.trouble(link).extra_delay_ns += by_ns;
                }
            }
            Fault::NetBandwidth => {
                let per_second = self.faults.entry(fault).planned.with.per_second;
                for link in links(kind, host, &peers) {
                    self.net.trouble(link).per_second = Some(per_second);
                }
            }
            Fault::NetStall | Fault::NetReset | Fault::NetHalfOpen => {
                for (wire, end) in self.net.wires_of(host) {
                    let Some(peer) = self.net.wire(wire).map(|wire| wire.host(end.other())) else { continue };
                    if !peers.contains(&peer) {
                        continue;
                    }
                    self.faults.touch(fault);
                    match kind {
                        Fault::NetStall => {
                            for end in [end, end.other()] {
                                self.on_net(self.now, |net, now, weather, out| net.hold(now, wire, end, true, weather, out));
                            }
                        }
                        Fault::NetReset => {
                            let dropped = self.reset_wire(wire, end);
                            self.let_go(dropped);
                            self.cut_off(wire, end);
                        }
                        _ => {
                            let dropped = self.net.vanish(wire, end);
                            self.let_go(dropped);
                            self.cut_off(wire, end);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn end_suffering(&mut self, fault: usize) {
        let victims = self.faults.entry(fault).victims.clone();
        let kind = self.faults.entry(fault).planned.fault;
        for host in victims {
            let nth = usize::from(host.0);
            match kind {
                // A life that was not asked to stop is the one that followed.
                Fault::NodeStop if self.nodes[nth].node.is_some() => self.nodes[nth].rises_when_stopped = self.nodes[nth].stopping,
                Fault::NodeKill | Fault::NodePowerCut => {
                    if self.nodes[nth].doomed.is_some_and(|doom| doom.by == fault) {
                        self.fulfil_doom(nth);
                    }
                    self.rise_later(host, 0);
                }
                Fault::NodeStop | Fault::ClientKill => self.rise_later(host, 0),
                Fault::NodePause | Fault::ClientPause => self.resume(host),
                Fault::NodeSlow => self.nodes[nth].pace.slow = 1,
                Fault::DiskFull => self.each_disk(nth, |troubles| troubles.full = None),
                Fault::DiskSlow => self.nodes[nth].disk_slow = 1,
                Fault::DiskStall => self.unstall(nth),
                Fault::NetRefuse => self.nodes[nth].refusing = self.nodes[nth].refusing.saturating_sub(1),
                Fault::NetCutBoth | Fault::NetCutSendOnly | Fault::NetCutReceiveOnly | Fault::NetDelay | Fault::NetBandwidth => {
                    self.ease_links(fault, kind, host);
                }
                Fault::NetStall => self.ease_wires(host),
                Fault::ClockDrift | Fault::ClockFreeze => {
                    let now = self.now;
                    self.clock_mut(host).heal(now);
                    self.wake_again(host);
                }
                Fault::Hold => {
                    if let Some(client) = self.client_of(host) {
                        self.release(client);
                    }
                }
                _ => {}
            }
        }
    }

    /// Everything that waited while a process stood still is done.
    fn resume(&mut self, host: HostId) {
        let life = match self.client_of(host) {
            Some(client) => {
                self.clients[client].pace.paused = false;
                self.clients[client].pace.life
            }
            None => {
                self.nodes[usize::from(host.0)].pace.paused = false;
                self.nodes[usize::from(host.0)].pace.life
            }
        };
        self.read_all(host);
        self.push(self.now, super::Happening::Run { host, life });
        self.wake_again(host);
    }

    fn unstall(&mut self, nth: usize) {
        self.nodes[nth].disk_stalled_until = self.now;
        let life = self.nodes[nth].pace.life;
        for (turn, waiting) in self.nodes[nth].queue.turns() {
            for _ in 0..waiting {
                self.push(self.now, super::Happening::Disk { node: nth as u16, life, turn });
            }
        }
    }

    fn ease_links(&mut self, fault: usize, kind: Fault, host: HostId) {
        let peers = self.peers(fault, host);
        let by_ns = self.faults.entry(fault).planned.with.by_ns;
        for link in links(kind, host, &peers) {
            let trouble = self.net.trouble(link);
            match kind {
                Fault::NetDelay => trouble.extra_delay_ns = trouble.extra_delay_ns.saturating_sub(by_ns),
                Fault::NetBandwidth => trouble.per_second = None,
                _ => trouble.cuts = trouble.cuts.saturating_sub(1),
            }
            let slows = matches!(kind, Fault::NetDelay | Fault::NetBandwidth);
            let met = if slows { &mut trouble.met_delay } else { &mut trouble.met_cut };
            let (met, passes) = (std::mem::take(met), !trouble.is_cut());
            if met {
                self.touch_all_on(slows, link);
                self.faults.touch(fault);
            }
            if passes {
                self.on_net(self.now, |net, now, weather, out| net.pass_again(now, link, weather, out));
            }
        }
    }

    /// What met one fault of a link met every other of its kind that is under way there.
    fn touch_all_on(&mut self, slows: bool, link: Link) {
        for other in self.faults.under_way() {
            let kind = self.faults.entry(other).planned.fault;
            let alike = match kind {
                Fault::NetDelay | Fault::NetBandwidth => slows,
                Fault::NetCutBoth | Fault::NetCutSendOnly | Fault::NetCutReceiveOnly => !slows,
                _ => false,
            };
            let victims = &self.faults.entry(other).victims;
            if alike && victims.iter().any(|&host| links(kind, host, &self.peers(other, host)).contains(&link)) {
                self.faults.touch(other);
            }
        }
    }

    fn ease_wires(&mut self, host: HostId) {
        for (wire, end) in self.net.wires_of(host) {
            for end in [end, end.other()] {
                self.on_net(self.now, |net, now, weather, out| net.hold(now, wire, end, false, weather, out));
                self.after_push(wire, end);
            }
        }
    }

    fn release(&mut self, client: usize) {
        self.clients[client].hold = None;
        let host = self.host_of_client(client);
        let held = std::mem::take(&mut self.clients[client].held);
        for (wire, end) in self.net.wires_of(host) {
            if held.contains(&wire) {
                self.on_net(self.now, |net, now, weather, out| net.hold(now, wire, end, false, weather, out));
            }
        }
    }

    fn release_all(&mut self, fault: usize) {
        for client in 0..self.clients.len() {
            self.touch_if(fault, !self.clients[client].held.is_empty());
            self.release(client);
        }
    }

    /// The operator does something.
    pub(super) fn administer(&mut self, fault: usize) {
        let kind = self.faults.entry(fault).planned.fault;
        let with = self.faults.entry(fault).planned.with.clone();
        let topic: Arc<str> = Arc::from(with.topic.as_str());
        let operation = match kind {
            Fault::AdminCreateTopic => {
                Operation::CreateTopics { topics: vec![NewTopic::new(topic, with.partitions, 1)], validate_only: false }
            }
            Fault::AdminDeleteTopic => Operation::DeleteTopics { topics: vec![topic] },
            Fault::AdminCreatePartitions => Operation::CreatePartitions { topics: vec![(topic, with.partitions)], validate_only: false },
            Fault::AdminAlterConfig => {
                let change = ConfigChange::Set(with.key, with.value);
                Operation::IncrementalAlterConfigs {
                    resources: vec![(ConfigResource::Topic(with.topic), vec![change])],
                    validate_only: false,
                }
            }
            _ => return self.delete_records(fault, &topic, with.percent),
        };
        self.operator_does(Some(fault), operation);
    }

    fn touch_if(&mut self, fault: usize, touched: bool) {
        if touched {
            self.faults.touch(fault);
        }
    }

    fn each_disk(&mut self, nth: usize, arm: impl Fn(&mut crate::disk::Troubles)) {
        self.nodes[nth].disks.iter_mut().for_each(|disk| arm(&mut disk.troubles));
    }

    fn clock_mut(&mut self, host: HostId) -> &mut crate::clock::Clock {
        match self.client_of(host) {
            Some(client) => &mut self.clients[client].clock,
            None => &mut self.nodes[usize::from(host.0)].clock,
        }
    }

    /// A clock changed: what was scheduled by it is scheduled anew.
    fn wake_again(&mut self, host: HostId) {
        match self.client_of(host) {
            Some(client) => {
                self.clients[client].pace.wake_at = None;
                self.wake_client_later(client);
            }
            None => {
                self.nodes[usize::from(host.0)].pace.wake_at = None;
                self.wake_node_later(usize::from(host.0));
            }
        }
    }

    /// The other hosts that a fault of the network concerns.
    fn peers(&self, fault: usize, host: HostId) -> Vec<HostId> {
        let peer = self.faults.entry(fault).planned.with.peer.as_deref();
        match peer.and_then(|name| self.named(name)) {
            Some(peer) => vec![peer],
            // The world's own clients stay on good terms with everybody.
            None => (0..self.nodes.len() + self.plan.clients.len()).map(|nth| HostId(nth as u16)).filter(|&other| other != host).collect(),
        }
    }
}

fn links(kind: Fault, host: HostId, peers: &[HostId]) -> Vec<Link> {
    let sends = peers.iter().map(|&to| Link { from: host, to });
    let receives = peers.iter().map(|&from| Link { from, to: host });
    match kind {
        Fault::NetCutSendOnly => sends.collect(),
        Fault::NetCutReceiveOnly => receives.collect(),
        _ => sends.chain(receives).collect(),
    }
}

fn survival_of(word: &str) -> Survival {
    match word {
        "nothing" => Survival::None,
        "everything" => Survival::All,
        "prefix" => Survival::Prefix,
        _ => Survival::Holes,
    }
}
