//! The network between two kernels, driven without processes.

use bytes::Bytes;
use odradek_machine::Seed;

use super::*;
use crate::queue::Queue;

const A: HostId = HostId(0);
const B: HostId = HostId(1);

/// Two kernels that accept everything and read at once.
struct Rig {
    now: Time,
    net: Network,
    weather: Weather,
    queue: Queue<(WireId, NetEvent)>,
    heard: [Vec<u8>; 2],
    ended: [bool; 2],
    dialed: Option<bool>,
    reads: bool,
    arrivals: usize,
}

impl Rig {
    fn new(seed: u64) -> Rig {
        let weather = Weather::new(Seed(seed), Vec::new());
        let heard = [Vec::new(), Vec::new()];
        Rig {
            now: Time(0),
            net: Network::default(),
            weather,
            queue: Queue::default(),
            heard,
            ended: [false; 2],
            dialed: None,
            reads: true,
            arrivals: 0,
        }
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Network, Time, &Weather, &mut NetOutbox) -> T) -> T {
        let mut out = Vec::new();
        let value = act(&mut self.net, self.now, &self.weather, &mut out);
        for (nth, (at, id, event)) in out.into_iter().enumerate() {
            self.queue.push(at, nth as u32, (id, event));
        }
        value
    }

    fn open(&mut self) -> WireId {
        let id = self.act(|net, now, weather, out| net.dial(now, A, B, weather, out));
        self.run_until(Time(SECOND));
        id
    }

    fn send(&mut self, id: WireId, from: End, bytes: &[u8]) {
        let pieces = [Piece::Bytes(Bytes::copy_from_slice(bytes)), Piece::Flush];
        self.act(|net, now, weather, out| net.send(now, id, from, pieces, weather, out));
    }

    fn run_until(&mut self, until: Time) {
        while self.queue.next_at().is_some_and(|at| at <= until) {
            let (at, (id, event)) = self.queue.pop().expect("there is a next event");
            self.now = at;
            match event {
                NetEvent::Syn { attempt } => {
                    if self.act(|net, now, weather, out| net.syn_arrives(now, id, attempt, weather, out)) {
                        self.act(|net, now, weather, out| net.answer(now, id, true, weather, out));
                    }
                }
                NetEvent::Answered { open } => self.dialed = Some(self.net.answered(id, open)),
                NetEvent::Arrive { end } => self.read(id, end),
                NetEvent::Reset { end } => self.ended[end as usize] |= self.act(|net, now, _, out| net.reset_arrives(now, id, end, out)),
            }
        }
        self.now = until;
    }

    fn read(&mut self, id: WireId, end: End) {
        while self.reads
            && let Some(piece) = self.net.take_arrived(self.now, id, end)
        {
            self.arrivals += 1;
            match piece {
                Piece::Bytes(bytes) => {
                    self.heard[end as usize].extend_from_slice(&bytes);
                    self.net.consumed(id, end, bytes.len() as u64);
                    self.act(|net, now, weather, out| net.push_on(now, id, end.other(), weather, out));
                }
                Piece::End => self.ended[end as usize] = true,
                Piece::File { .. } | Piece::Flush => {}
            }
        }
    }
}

#[test]
fn stream_arrives_whole_and_in_order_however_it_is_delayed() {
    for seed in 0..20 {
        let mut rig = Rig::new(seed);
        let id = rig.open();
        assert_eq!(rig.dialed, Some(true));
        let all: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        for part in all.chunks(70_001) {
            rig.send(id, End::Dialer, part);
            rig.now = rig.now + MILLISECOND;
        }
        rig.run_until(Time(10 * SECOND));
        assert_eq!(rig.heard[End::Acceptor as usize], all);
        assert_eq!(rig.net.take_flushed(id, End::Dialer), 5);
    }
}

#[test]
fn cut_keeps_bytes_back_and_they_arrive_after_it() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    let link = Link { from: A, to: B };
    rig.net.trouble(link).cuts += 1;
    rig.send(id, End::Dialer, b"held");
    rig.send(id, End::Acceptor, b"passes");
    rig.run_until(Time(5 * SECOND));
    assert_eq!((rig.heard[1].as_slice(), rig.heard[0].as_slice()), (&b""[..], &b"passes"[..]));
    rig.act(|net, now, weather, out| net.heal(now, link, weather, out));
    rig.run_until(Time(20 * SECOND));
    assert_eq!(rig.heard[1], b"held");
}

#[test]
fn cut_of_acknowledgments_closes_the_window_in_the_end() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    let acks = Link { from: B, to: A };
    rig.net.trouble(acks).cuts += 1;
    for _ in 0..20 {
        rig.send(id, End::Dialer, &[7; 100_000]);
    }
    rig.run_until(Time(5 * SECOND));
    assert_eq!(rig.heard[1].len() as u64, WINDOW_BYTES);
    rig.act(|net, now, weather, out| net.heal(now, acks, weather, out));
    rig.run_until(Time(20 * SECOND));
    assert_eq!(rig.heard[1].len(), 2_000_000);
}

#[test]
fn sender_is_told_that_a_send_left_only_when_the_window_took_it() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.reads = false;
    rig.send(id, End::Dialer, &vec![1; WINDOW_BYTES as usize - 5]);
    rig.send(id, End::Dialer, &[2; 10]);
    assert_eq!(rig.net.take_flushed(id, End::Dialer), 1);
    rig.reads = true;
    rig.run_until(Time(5 * SECOND));
    rig.read(id, End::Acceptor);
    rig.run_until(Time(6 * SECOND));
    assert_eq!(rig.net.take_flushed(id, End::Dialer), 1);
    assert_eq!(rig.heard[1].len() as u64, WINDOW_BYTES + 5);
}

#[test]
fn dial_across_a_cut_is_repeated_and_given_up() {
    for (healed_after, opens) in [(2, true), (100, false)] {
        let mut rig = Rig::new(3);
        let link = Link { from: B, to: A };
        rig.net.trouble(link).cuts += 1;
        rig.act(|net, now, weather, out| net.dial(now, A, B, weather, out));
        rig.run_until(Time(healed_after * SECOND));
        rig.act(|net, now, weather, out| net.heal(now, link, weather, out));
        rig.run_until(Time(200 * SECOND));
        assert_eq!(rig.dialed, Some(opens));
    }
}

#[test]
fn close_comes_behind_what_was_sent_and_a_reset_drops_it() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.send(id, End::Dialer, b"last words");
    rig.act(|net, now, weather, out| net.close(now, id, End::Dialer, false, weather, out));
    rig.run_until(Time(5 * SECOND));
    assert_eq!((rig.heard[1].as_slice(), rig.ended[1]), (&b"last words"[..], true));

    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.send(id, End::Dialer, b"last words");
    let dropped = rig.act(|net, now, weather, out| net.reset(now, id, End::Dialer, weather, out));
    assert_eq!(dropped.len(), 1);
    rig.run_until(Time(5 * SECOND));
    assert_eq!((rig.heard[1].as_slice(), rig.ended[1]), (&b""[..], true));
}
