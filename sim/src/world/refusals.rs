//! What the healed cluster does not give any more: a node that does not start, a partition that nobody serves, records that cannot be read. Where the world
//! destroyed something this ends no run by itself: it is told to the oracle, which knows what may be refused.

use odradek_broker::io::Input;
use odradek_client::consumer::{self, SeekTo};
use odradek_wire::ids::{Offset, TopicPartition};

use super::World;
use super::phases::{GIVES_UP_MAX, Phase, REFUSED_NS};
use crate::oracle;
use crate::workload::{Asked, Told};

/// The mark of a node that refuses to start.
pub(super) const REFUSES: &str = "node.refuses";

impl World<'_, '_> {
    /// True if the world destroyed anything of any node.
    pub(super) fn is_any_harmed(&self) -> bool {
        (0..self.nodes.len()).any(|nth| self.media.harmed(nth))
    }

    /// A node of which something was destroyed gives up again and again: nothing more comes of it.
    pub(super) fn see_refusals(&mut self) {
        let refuses = |nth: &usize| self.nodes[*nth].gave_up >= GIVES_UP_MAX && self.media.harmed(*nth);
        let Some(nth) = (0..self.nodes.len()).find(refuses).filter(|_| self.is_healed()) else { return };
        let why = self.nodes[nth].last_words.clone().unwrap_or_default();
        self.trace_node(nth, || format!("refuses to start: {why}"));
        self.tell(&oracle::Event::Refused { node: nth, why });
        self.world_mark(REFUSES);
        self.ask_to_stop();
    }

    pub(super) fn ask_to_stop(&mut self) {
        self.phase = Phase::Audit { until: self.now + self.plan.within_ns };
        for nth in 0..self.nodes.len() {
            (self.nodes[nth].stopping, self.nodes[nth].rises_when_stopped) = (true, false);
            self.tell_node(nth, Input::Stop);
        }
    }

    /// Where the operator was told no bounds in time, nothing is read.
    pub(super) fn pass_over_what_has_no_bounds(&mut self) {
        for at in self.partitions().into_iter().filter(|at| self.has_no_bounds(at)).collect::<Vec<_>>() {
            self.own.unserved.insert(at, "no bounds were told in time".to_owned());
        }
        self.begin_final_reads();
    }

    /// The auditor cannot read at its position: it goes on behind what is destroyed there, or at the next offset if nothing is.
    pub(super) fn auditor_refused(&mut self, at: &TopicPartition, why: &str) {
        let Some(&from) = self.own.positions.get(at) else { return };
        let (_, end) = self.bounds_of(at);
        if from >= end || !matches!(self.phase, Phase::FinalReads { .. }) {
            return;
        }
        let to = self.media.behind(at, from).unwrap_or(from + 1).min(end);
        self.trace("world", || format!("the auditor cannot read {at} from offset {from} to {to}: {why}"));
        self.own.positions.insert(at.clone(), to);
        self.tell(&oracle::Event::FinalRefused { at: at.clone(), from: Offset(from), to: Offset(to), why: why.to_owned() });
        self.world_mark("reader.refused");
        let seek = consumer::Command::Seek { partition: at.clone(), to: SeekTo::Offset(to) };
        self.tell_client(self.auditor(), Told::Asked(Asked::Consumer(seek)));
    }

    /// A log that goes out of service while it is read is read no further.
    fn see_what_is_served_no_more(&mut self) {
        let gone = |at: &TopicPartition| self.nodes.iter().any(|node| node.unserved.contains(at));
        let gone: Vec<_> = self.own.positions.keys().filter(|at| gone(at)).cloned().collect();
        for at in gone {
            self.own.positions.remove(&at);
            self.tell_unserved(at, "it went out of service while it was read".to_owned());
        }
    }

    pub(super) fn tell_unserved(&mut self, at: TopicPartition, why: String) {
        self.trace("world", || format!("{at} is served by nobody: {why}"));
        self.own.unserved.insert(at.clone(), why.clone());
        self.tell(&oracle::Event::Unserved { at, why });
        self.world_mark("partition.unserved");
    }

    /// A reader that stands still where something is destroyed is refused it.
    pub(super) fn see_who_is_refused(&mut self) {
        self.see_what_is_served_no_more();
        for (at, position) in self.own.positions.clone() {
            let (stood, since) = self.own.since.get(&at).copied().unwrap_or((-1, self.now));
            if stood != position {
                self.own.since.insert(at, (position, self.now));
            } else if self.now > since + REFUSED_NS && self.media.behind(&at, position).is_some() {
                self.auditor_refused(&at, "nothing comes");
            }
        }
    }

    /// The time for reading is over.
    pub(super) fn pass_over_what_is_not_read(&mut self) {
        while let Some((at, from, end)) = self.first_unread() {
            self.own.positions.insert(at.clone(), end);
            let why = "nothing came in time".to_owned();
            self.tell(&oracle::Event::FinalRefused { at, from: Offset(from), to: Offset(end), why });
        }
    }
}
