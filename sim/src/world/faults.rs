//! When things go wrong: which fault waits for what, which is under way, and whether it touched anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Happening, World};
use crate::net::HostId;
use crate::plan::{Moment, Plan, PlannedFault, Signal};
use crate::scenario::{Group, Who};
use crate::time::{MILLISECOND, SECOND, Time};

/// Every fault of the plan, and where it stands. Steps come first, in their order.
pub(super) struct Faults {
    entries: Vec<Entry>,
    steps: usize,
    /// The step that is watched for.
    step: usize,
    /// False before the chaos begins and after it ends: nothing is noticed then.
    watching: bool,
    bound: BTreeMap<Arc<str>, HostId>,
}

/// One fault.
pub(super) struct Entry {
    pub(super) planned: PlannedFault,
    state: State,
    /// Who suffers it.
    pub(super) victims: Vec<HostId>,
    touched: bool,
}

/// | from | to | trigger |
/// |---|---|---|
/// | Waiting | Fired | its moment has come |
/// | Fired | Active | it begins, at once or `after` |
/// | Active | Over | `for`, `until`, or the world heals |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { since: Time },
    Fired,
    Active { since: Time },
    Over,
}

/// What became of one fault.
#[derive(Clone, Debug, Serialize)]
pub struct FaultReport {
    /// Where the scenario says so.
    pub place: String,
    /// Its address.
    pub fault: &'static str,
    /// Its moment came.
    pub fired: bool,
    /// Something met it.
    pub touched: bool,
}

impl Faults {
    pub(super) fn new(plan: &Plan) -> Faults {
        let entry = |planned: &PlannedFault| Entry {
            planned: planned.clone(),
            state: State::Waiting { since: Time(0) },
            victims: Vec::new(),
            touched: false,
        };
        let entries = plan.steps.iter().chain(&plan.faults).map(entry).collect();
        Faults { entries, steps: plan.steps.len(), step: 0, watching: false, bound: BTreeMap::new() }
    }

    /// Everything that waits takes a signal; says what is to begin, and how much later.
    pub(super) fn signal(&mut self, signal: Signal<'_>) -> Vec<(usize, u64)> {
        let mut fired = Vec::new();
        if !self.watching {
            return fired;
        }
        for (nth, entry) in self.entries.iter_mut().enumerate() {
            let watched = nth >= self.steps || nth == self.step;
            match entry.state {
                State::Waiting { .. } if watched && entry.planned.when.notice(signal) => {
                    entry.state = State::Fired;
                    fired.push((nth, entry.planned.after_ns));
                }
                State::Active { .. } if entry.planned.until.as_mut().is_some_and(|until| until.notice(signal)) => {
                    fired.push((nth, ENDS));
                }
                _ => {}
            }
        }
        fired
    }

    /// The time of one entry may have come.
    fn tick(&mut self, nth: usize, now: Time) -> Option<u64> {
        let entry = &mut self.entries[nth];
        let watched = self.watching && (nth >= self.steps || nth == self.step);
        match entry.state {
            State::Waiting { since } if watched && entry.planned.when.notice(Signal::Passed(now - since)) => {
                entry.state = State::Fired;
                Some(entry.planned.after_ns)
            }
            State::Active { since } if entry.planned.until.as_mut().is_some_and(|until| until.notice(Signal::Passed(now - since))) => {
                Some(ENDS)
            }
            _ => None,
        }
    }

    pub(super) fn touch(&mut self, fault: usize) {
        self.entries[fault].touched = true;
    }

    /// A refused connection touches whatever makes this node refuse.
    pub(super) fn touch_refusal(&mut self, nth: usize) {
        self.touch_active(crate::fault::Fault::NetRefuse, nth);
    }

    /// A delayed completion touches whatever stalls this node's disks.
    pub(super) fn touch_stall(&mut self, nth: usize) {
        self.touch_active(crate::fault::Fault::DiskStall, nth);
    }

    fn touch_active(&mut self, fault: crate::fault::Fault, nth: usize) {
        let host = HostId(nth as u16);
        let suffers = |entry: &&mut Entry| {
            entry.planned.fault == fault && matches!(entry.state, State::Active { .. }) && entry.victims.contains(&host)
        };
        self.entries.iter_mut().filter(suffers).for_each(|entry| entry.touched = true);
    }

    /// True if the operator was made to delete this topic.
    pub(super) fn may_have_deleted(&self, topic: &str) -> bool {
        let began = |entry: &Entry| !matches!(entry.state, State::Waiting { .. } | State::Fired);
        self.entries
            .iter()
            .any(|entry| entry.planned.fault == crate::fault::Fault::AdminDeleteTopic && entry.planned.with.topic == topic && began(entry))
    }

    /// True once anything has gone wrong by the plan.
    pub(super) fn any_began(&self) -> bool {
        self.entries.iter().any(|entry| !matches!(entry.state, State::Waiting { .. } | State::Fired))
    }

    /// Every fault that has begun and not ended.
    pub(super) fn under_way(&self) -> Vec<usize> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter(|(_, entry)| matches!(entry.state, State::Active { .. })).map(|(nth, _)| nth).collect()
    }

    pub(super) fn entry(&self, fault: usize) -> &Entry {
        &self.entries[fault]
    }

    pub(super) fn report(&self) -> Vec<FaultReport> {
        let report = |entry: &Entry| FaultReport {
            place: entry.planned.place.clone(),
            fault: entry.planned.fault.address(),
            fired: !matches!(entry.state, State::Waiting { .. }),
            touched: entry.touched,
        };
        self.entries.iter().map(report).collect()
    }
}

/// Said in place of a delay: the fault ends.
const ENDS: u64 = u64::MAX;

impl World<'_, '_> {
    /// The chaos begins: everything waits for its moment from here on.
    pub(super) fn watch(&mut self) {
        self.faults.watching = true;
        for nth in 0..self.faults.entries.len() {
            if nth >= self.faults.steps || nth == 0 {
                self.wait_for(nth);
            }
        }
    }

    /// One entry begins to wait.
    fn wait_for(&mut self, nth: usize) {
        let now = self.now;
        let Some(entry) = self.faults.entries.get_mut(nth) else { return };
        entry.state = State::Waiting { since: now };
        let times = entry.planned.when.times();
        self.push_ticks(nth, &times);
    }

    fn push_ticks(&mut self, nth: usize, times: &[u64]) {
        for &ns in times {
            self.push(self.now + ns, Happening::Tick { fault: nth });
        }
    }

    pub(super) fn tick(&mut self, fault: usize) {
        if let Some(after_ns) = self.faults.tick(fault, self.now) {
            self.fire(fault, after_ns);
        }
    }

    /// A fault's moment has come. Without a delay it begins at this very point, be it in the middle of a step.
    pub(super) fn fire(&mut self, fault: usize, after_ns: u64) {
        match after_ns {
            ENDS => self.end_fault(fault),
            0 => self.begin_fault(fault),
            ns => self.push(self.now + ns, Happening::Begin { fault }),
        }
    }

    pub(super) fn begin_fault(&mut self, fault: usize) {
        if !self.faults.watching {
            return;
        }
        let entry = &self.faults.entries[fault];
        let (kind, lasts_ns) = (entry.planned.fault, entry.planned.lasts_ns);
        let victims = self.resolve_who(fault);
        if !victims.is_empty() && !victims.iter().any(|&host| self.can_suffer(fault, host)) {
            // Its victim is down, or has no connection: it waits for one that can suffer.
            let ns = 20 * MILLISECOND + self.faults.entries[fault].planned.pick % (100 * MILLISECOND);
            return self.push(self.now + ns, Happening::Begin { fault });
        }
        if self.tracer.is_some() {
            let names: Vec<String> = victims.iter().map(|&host| self.host_name(host)).collect();
            self.trace("world", || format!("{kind} {}", names.join(" ")));
        }
        self.hash.text(kind.address());
        let entry = &mut self.faults.entries[fault];
        entry.victims = victims;
        entry.state = State::Active { since: self.now };
        let until = entry.planned.until.as_ref().map(Moment::times);
        self.begin_suffering(fault);
        match (kind.lasts(), lasts_ns) {
            (crate::fault::Lasts::Not, _) => self.faults.entries[fault].state = State::Over,
            (crate::fault::Lasts::While, Some(ns)) => self.push(self.now + ns, Happening::End { fault }),
            (crate::fault::Lasts::While, None) => match until {
                Some(times) => self.push_ticks(fault, &times),
                // Without `for` and `until` the weather says how long.
                None => {
                    let ns = 200 * MILLISECOND + self.faults.entries[fault].planned.pick % (3 * SECOND);
                    self.push(self.now + ns, Happening::End { fault });
                }
            },
        }
        if fault == self.faults.step && fault < self.faults.steps {
            self.faults.step += 1;
            if self.faults.step < self.faults.steps {
                self.wait_for(self.faults.step);
            }
        }
    }

    pub(super) fn end_fault(&mut self, fault: usize) {
        let entry = &mut self.faults.entries[fault];
        if matches!(entry.state, State::Active { .. }) {
            entry.state = State::Over;
            let kind = entry.planned.fault;
            self.trace("world", || format!("{kind} is over"));
            self.end_suffering(fault);
        }
    }

    /// The world heals: everything that lasts ends, and nothing begins any more.
    pub(super) fn end_all_faults(&mut self) {
        for fault in 0..self.faults.entries.len() {
            self.end_fault(fault);
        }
        self.faults.watching = false;
    }

    /// Who suffers a fault, at this moment; binds the name that the scenario gives them.
    fn resolve_who(&mut self, fault: usize) -> Vec<HostId> {
        let planned = &self.faults.entries[fault].planned;
        let Some(who) = planned.who.clone() else { return Vec::new() };
        let pick = planned.pick;
        let one_of = |hosts: Vec<HostId>| hosts.get((pick % hosts.len().max(1) as u64) as usize).copied().into_iter().collect();
        let found: Vec<HostId> = match &who {
            Who::Named(name) => self.named(name).into_iter().collect(),
            Who::Any { group, .. } => one_of(self.members(group)),
            Who::All { group } => self.members(group),
            // One broker leads everything it has; with several, their image will be asked.
            Who::LeaderOf { .. } => vec![HostId(0)],
        };
        if let (Some(name), Some(&host)) = (who.binds(), found.first()) {
            self.faults.bound.insert(name.clone(), host);
        }
        found
    }

    pub(super) fn named(&self, name: &str) -> Option<HostId> {
        let host = (0..self.nodes.len() + self.clients.len()).map(|nth| HostId(nth as u16)).find(|&host| self.host_name(host) == name);
        host.or_else(|| self.faults.bound.get(name).copied())
    }

    fn members(&self, group: &Group) -> Vec<HostId> {
        let nodes = self.nodes.len();
        let planned = self.plan.clients.iter().enumerate();
        match group {
            Group::Brokers => (0..nodes).map(|nth| HostId(nth as u16)).collect(),
            Group::Clients => planned.map(|(nth, _)| HostId((nodes + nth) as u16)).collect(),
            Group::Named(name) => {
                let is_member = |client: &str| client.rsplit_once('-').is_some_and(|(group, _)| *group == **name);
                planned.filter(|(_, client)| is_member(&client.name)).map(|(nth, _)| HostId((nodes + nth) as u16)).collect()
            }
        }
    }
}
