//! A network of byte streams, as TCP gives them: bytes are late, split, joined or cut off, and never lost or doubled within a connection.
//!
//! A [`Wire`] is one connection with a [`Pipe`] in each direction. Here is what lies between two kernels; what a process does with its end is the host's.
//! A cut link keeps what travels on it and delivers it after the cut, as retransmission does. A machine without power answers nothing; when it is back,
//! bytes for a connection it no longer knows are answered by a reset.

mod link;
mod pipe;
mod wire;

#[cfg(test)]
mod tests;

pub use link::{HostId, Link, Trouble};
pub use pipe::{Piece, Pipe, WINDOW_BYTES};
pub use wire::{End, EndState, Wire, WireId};

use std::collections::BTreeMap;

use crate::time::{MILLISECOND, SECOND, Time};
use crate::weather::{Kind, Weather};

/// What happens on the network, at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// The wish for a connection reaches the acceptor.
    Syn {
        /// How often it was sent.
        attempt: u8,
    },
    /// The outcome of a dial reaches the dialer.
    Answered {
        /// Whether the connection is open.
        open: bool,
    },
    /// Bytes, or the end of them, may have reached this end.
    Arrive {
        /// Which end reads.
        end: End,
    },
    /// A reset reaches this end.
    Reset {
        /// Which end.
        end: End,
    },
}

/// The outbox of the network: what is to happen, and when.
pub type NetOutbox = Vec<(Time, WireId, NetEvent)>;

/// Every connection and link of a run.
#[derive(Debug, Default)]
pub struct Network {
    wires: BTreeMap<WireId, Wire>,
    links: BTreeMap<Link, Trouble>,
    next: u32,
    /// Bytes carried, for the report.
    pub bytes: u64,
}

/// A connection wish is repeated after 1, 2, 4, … seconds, and given up after so many attempts.
const SYN_ATTEMPTS_MAX: u8 = 5;
/// The least time on a link, and what it usually takes more.
const DELAY_NS: (u64, u64) = (50_000, MILLISECOND);
/// Nanoseconds that a byte takes: one gigabit a second.
const BYTE_NS: u64 = 8;

impl Network {
    /// A host wishes for a connection to another.
    pub fn dial(&mut self, now: Time, from: HostId, to: HostId, weather: &Weather, out: &mut NetOutbox) -> WireId {
        let id = WireId(self.next);
        self.next += 1;
        self.wires.insert(id, Wire::new(from, to));
        self.syn(now, id, 0, weather, out);
        id
    }

    /// The connection of this id, while any end knows it.
    pub fn wire(&self, id: WireId) -> Option<&Wire> {
        self.wires.get(&id)
    }

    /// The wish did not get through, or only now; true if it did and the acceptor is to be asked.
    pub fn syn_arrives(&mut self, now: Time, id: WireId, attempt: u8, weather: &Weather, out: &mut NetOutbox) -> bool {
        let Some(wire) = self.wires.get(&id) else { return false };
        let (there, back) = (wire.link_to(End::Acceptor), wire.link_to(End::Dialer));
        if !self.is_cut(there) && !self.is_cut(back) {
            return true;
        }
        self.touch(there);
        self.touch(back);
        self.unanswered(now, id, attempt, weather, out);
        false
    }

    /// Nobody answers a wish: it is repeated, or given up.
    pub fn unanswered(&mut self, now: Time, id: WireId, attempt: u8, weather: &Weather, out: &mut NetOutbox) {
        if attempt + 1 < SYN_ATTEMPTS_MAX {
            self.syn(now + (SECOND << attempt), id, attempt + 1, weather, out);
        } else {
            out.push((now, id, NetEvent::Answered { open: false }));
        }
    }

    /// True if everything that an end handed over has left it.
    pub fn has_left(&self, id: WireId, from: End) -> bool {
        self.wires.get(&id).is_none_or(|wire| wire.pipe(from.other()).has_left())
    }

    /// How many pieces have left an end.
    pub fn carried(&self, id: WireId, from: End) -> u64 {
        self.wires.get(&id).map_or(0, |wire| wire.pipe(from.other()).carried())
    }

    /// Lets what an end sends from here on wait, or pass again; true if anything waited.
    pub fn hold(&mut self, now: Time, id: WireId, from: End, held: bool, weather: &Weather, out: &mut NetOutbox) -> bool {
        let Some(wire) = self.wires.get_mut(&id) else { return false };
        let waited = wire.pipe_mut(from.other()).hold(held);
        self.push_on(now, id, from, weather, out);
        waited
    }

    /// The acceptor's kernel answers a wish.
    pub fn answer(&mut self, now: Time, id: WireId, open: bool, weather: &Weather, out: &mut NetOutbox) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if open {
            wire.ends[End::Acceptor as usize] = EndState::Open;
        }
        let link = wire.link_to(End::Dialer);
        let at = now + self.delay(now, link, u64::from(id.0), weather);
        // Bytes that the acceptor sends at once must not overtake its answer.
        let wire = self.wires.get_mut(&id).expect("it was just there");
        wire.pipe_mut(End::Dialer).not_before(at);
        out.push((at, id, NetEvent::Answered { open }));
    }

    /// The dialer hears the outcome; true if its end is open from here on. A wish that was refused is forgotten.
    pub fn answered(&mut self, id: WireId, open: bool) -> bool {
        let Some(wire) = self.wires.get_mut(&id) else { return false };
        let waited = wire.ends[End::Dialer as usize] == EndState::Wishing;
        if open && waited {
            wire.ends[End::Dialer as usize] = EndState::Open;
        } else if !open {
            self.wires.remove(&id);
        }
        open && waited
    }

    /// The end that sends hands over pieces. What fits into the window travels; says how many sends left whole.
    pub fn send(
        &mut self,
        now: Time,
        id: WireId,
        from: End,
        pieces: impl IntoIterator<Item = Piece>,
        weather: &Weather,
        out: &mut NetOutbox,
    ) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.pipe_mut(from.other()).queue(pieces);
        self.push_on(now, id, from, weather, out);
    }

    /// Lets travel what the window has room for.
    pub fn push_on(&mut self, now: Time, id: WireId, from: End, weather: &Weather, out: &mut NetOutbox) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let link = wire.link_to(from.other());
        let mut trouble = self.links.get_mut(&link);
        let pipe = wire.pipe_mut(from.other());
        while let Some(bytes) = pipe.next_to_travel() {
            let nth = pipe.carried();
            let delay =
                weather.span(Kind::Delay, link.name(), now, nth, DELAY_NS.0, DELAY_NS.1) + trouble.as_mut().map_or(0, |t| t.slow_down());
            let takes = trouble.as_mut().and_then(|t| t.narrow(bytes)).unwrap_or(bytes * BYTE_NS);
            let at = pipe.travel(now + delay, takes);
            self.bytes += bytes;
            out.push((at, id, NetEvent::Arrive { end: from.other() }));
        }
    }

    /// Takes what has arrived at an end by this time, up to the next piece that has not. Nothing while the link is cut.
    pub fn take_arrived(&mut self, now: Time, id: WireId, end: End) -> Option<Piece> {
        let wire = self.wires.get_mut(&id)?;
        let link = wire.link_to(end);
        let pipe = wire.pipe_mut(end);
        if let Some(trouble) = self.links.get_mut(&link).filter(|trouble| trouble.is_cut()) {
            pipe.stuck = true;
            trouble.met_cut = true;
            return None;
        }
        pipe.take_arrived(now)
    }

    /// The reader has consumed bytes, so that the sender's window opens; not while acknowledgments cannot pass.
    pub fn consumed(&mut self, id: WireId, end: End, bytes: u64) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let acks = wire.link_to(end.other());
        let cut = self.links.get(&acks).is_some_and(Trouble::is_cut);
        wire.pipe_mut(end).consume(bytes, cut);
    }

    /// How many sends of this end left whole since it last asked.
    pub fn take_flushed(&mut self, id: WireId, from: End) -> u32 {
        self.wires.get_mut(&id).map_or(0, |wire| wire.pipe_mut(from.other()).take_flushed())
    }

    /// An end closes: nothing more is read; what was handed over before still travels, the end of the stream behind it. `abort` drops what has not left.
    /// Gives back pieces that will never be carried.
    pub fn close(&mut self, now: Time, id: WireId, end: End, abort: bool, weather: &Weather, out: &mut NetOutbox) -> Vec<Piece> {
        let Some(wire) = self.wires.get_mut(&id) else { return Vec::new() };
        wire.ends[end as usize] = EndState::Closed;
        let mut dropped = wire.pipe_mut(end).drain();
        let sending = wire.pipe_mut(end.other());
        if abort {
            dropped.extend(sending.drain_unsent());
        }
        sending.queue([Piece::End]);
        self.push_on(now, id, end, weather, out);
        self.forget_if_gone(id);
        dropped
    }

    /// A reset leaves an end, dropping everything on the way to the other; gives back what will never be carried.
    pub fn reset(&mut self, now: Time, id: WireId, from: End, weather: &Weather, out: &mut NetOutbox) -> Vec<Piece> {
        let Some(wire) = self.wires.get_mut(&id) else { return Vec::new() };
        let mut dropped = wire.pipe_mut(from).drain();
        dropped.extend(wire.pipe_mut(from.other()).drain());
        let link = wire.link_to(from.other());
        let at = now + self.delay(now, link, u64::from(id.0), weather);
        out.push((at, id, NetEvent::Reset { end: from.other() }));
        dropped
    }

    /// A reset arrives; true if the end was open and is to be told. Kept back by a cut, in which case it is tried again.
    pub fn reset_arrives(&mut self, now: Time, id: WireId, end: End, out: &mut NetOutbox) -> bool {
        let Some(wire) = self.wires.get_mut(&id) else { return false };
        if self.links.get(&wire.link_to(end)).is_some_and(Trouble::is_cut) {
            out.push((now + SECOND, id, NetEvent::Reset { end }));
            return false;
        }
        let told = wire.ends[end as usize] == EndState::Open;
        wire.ends[end as usize] = EndState::Closed;
        self.forget_if_gone(id);
        told
    }

    /// An end is gone without a word: its machine lost power, or its kernel forgot it. Gives back what will never be carried.
    pub fn vanish(&mut self, id: WireId, end: End) -> Vec<Piece> {
        let Some(wire) = self.wires.get_mut(&id) else { return Vec::new() };
        wire.ends[end as usize] = EndState::Vanished;
        let mut dropped = wire.pipe_mut(end).drain();
        dropped.extend(wire.pipe_mut(end.other()).drain());
        self.forget_if_gone(id);
        dropped
    }

    /// Forgets a connection that neither end knows and on which nothing travels.
    pub fn sweep(&mut self, id: WireId) {
        self.forget_if_gone(id);
    }

    /// The connections of a host, with its end of each, oldest first.
    pub fn wires_of(&self, host: HostId) -> Vec<(WireId, End)> {
        let ends = [End::Dialer, End::Acceptor];
        self.wires
            .iter()
            .flat_map(|(&id, wire)| ends.into_iter().filter(move |&end| wire.host(end) == host).map(move |end| (id, end)))
            .collect()
    }

    /// The trouble on a link, to be changed.
    pub fn trouble(&mut self, link: Link) -> &mut Trouble {
        self.links.entry(link).or_default()
    }

    /// Takes every trouble off a link.
    pub fn heal(&mut self, now: Time, link: Link, weather: &Weather, out: &mut NetOutbox) {
        self.links.remove(&link);
        self.pass_again(now, link, weather, out);
    }

    /// Lets what was stuck on a link arrive; what the reader consumed meanwhile is acknowledged.
    pub fn pass_again(&mut self, now: Time, link: Link, weather: &Weather, out: &mut NetOutbox) {
        let mut acked = Vec::new();
        for (&id, wire) in &mut self.wires {
            for end in [End::Dialer, End::Acceptor] {
                let stuck = std::mem::take(&mut wire.pipe_mut(end).stuck);
                if stuck && wire.link_to(end) == link {
                    // Retransmission backs off: the longer the cut, the later it notices that it is over.
                    let at = now + weather.span(Kind::Delay, link.name(), now, u64::from(id.0), 200 * MILLISECOND, 800 * MILLISECOND);
                    out.push((at, id, NetEvent::Arrive { end }));
                } else if stuck {
                    wire.pipe_mut(end).stuck = true;
                }
                if wire.link_to(end.other()) == link && wire.pipe_mut(end).acknowledge() {
                    acked.push((id, end.other()));
                }
            }
        }
        for (id, from) in acked {
            self.push_on(now, id, from, weather, out);
        }
    }

    /// Every link that has trouble.
    pub fn troubled(&self) -> Vec<Link> {
        self.links.keys().copied().collect()
    }

    fn syn(&mut self, now: Time, id: WireId, attempt: u8, weather: &Weather, out: &mut NetOutbox) {
        let link = self.wires[&id].link_to(End::Acceptor);
        let at = now + self.delay(now, link, u64::from(id.0), weather);
        out.push((at, id, NetEvent::Syn { attempt }));
    }

    fn delay(&self, now: Time, link: Link, nth: u64, weather: &Weather) -> u64 {
        let extra = self.links.get(&link).map_or(0, |trouble| trouble.extra_delay_ns);
        weather.span(Kind::Delay, link.name(), now, nth, DELAY_NS.0, DELAY_NS.1) + extra
    }

    fn touch(&mut self, link: Link) {
        if let Some(trouble) = self.links.get_mut(&link).filter(|trouble| trouble.is_cut()) {
            trouble.met_cut = true;
        }
    }

    fn is_cut(&self, link: Link) -> bool {
        self.links.get(&link).is_some_and(Trouble::is_cut)
    }

    fn forget_if_gone(&mut self, id: WireId) {
        let gone = |wire: &Wire| wire.ends.iter().all(|end| matches!(end, EndState::Closed | EndState::Vanished)) && wire.is_idle();
        if self.wires.get(&id).is_some_and(gone) {
            self.wires.remove(&id);
        }
    }
}
