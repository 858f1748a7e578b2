//! What goes wrong, with every draw fixed, and when: moments that wait for signals.

use std::fmt;
use std::sync::Arc;

use odradek_machine::Note;
use odradek_wire::api::ApiKey;
use serde::Serialize;

use super::Dice;
use crate::fault::Fault;
use crate::scenario::{Count, Draw, FaultSpec, Measure, Params, Relation, Signed, Size, Span, Trigger, When, Who};
use crate::time::Time;

/// One thing that goes wrong.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedFault {
    /// Where the scenario says so.
    pub place: String,
    /// When.
    pub when: Moment,
    /// How much later, in nanoseconds.
    pub after_ns: u64,
    /// To whom.
    #[serde(serialize_with = "as_debug")]
    pub who: Option<Who>,
    /// Which of a group that is, where the scenario leaves it open.
    pub pick: u64,
    /// What.
    #[serde(serialize_with = "as_text")]
    pub fault: Fault,
    /// With what.
    pub with: With,
    /// For how long, in nanoseconds.
    pub lasts_ns: Option<u64>,
    /// Until what.
    pub until: Option<Moment>,
}

/// The fixed keys of `with`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct With {
    /// How often, or how many times as long.
    pub times: u64,
    /// The end of file names.
    pub file: Option<Arc<str>>,
    /// Bytes left.
    pub free: u64,
    /// Bytes in a second.
    pub per_second: u64,
    /// How far or how long, in nanoseconds.
    pub by_ns: u64,
    /// Parts per million.
    pub ppm: i64,
    /// The other host.
    pub peer: Option<String>,
    /// A request, by Kafka's name.
    pub rpc: Option<String>,
    /// A topic.
    pub topic: String,
    /// How many partitions.
    pub partitions: i32,
    /// Parts of a hundred.
    pub percent: u64,
    /// A configuration key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What a power cut keeps.
    pub keeps: Option<String>,
}

/// A moment with every draw fixed; counts down as signals come.
#[derive(Clone, Debug, Serialize)]
pub enum Moment {
    /// A time, in nanoseconds since it was waited for.
    At(u64),
    /// A mark, so many times yet.
    Mark {
        /// Its address.
        mark: Arc<str>,
        /// About what.
        of: Option<Arc<str>>,
        /// How often it must yet be reached.
        left: u64,
    },
    /// A request that a broker is about to take, so many times yet.
    Rpc {
        /// Which.
        #[serde(serialize_with = "as_debug")]
        rpc: ApiKey,
        /// How often it must yet come.
        left: u64,
    },
    /// A measure that passes a bound.
    Predicate {
        /// Which measure.
        #[serde(serialize_with = "as_debug")]
        measure: Measure,
        /// How it must stand to the bound.
        #[serde(serialize_with = "as_debug")]
        relation: Relation,
        /// The bound.
        bound: u64,
    },
    /// The first of several.
    Any(Vec<Moment>),
    /// All of several; what has come is taken out.
    All(Vec<Moment>),
}

/// What moments wait for.
#[derive(Clone, Copy, Debug)]
pub enum Signal<'a> {
    /// So much time has passed since the moment was waited for.
    Passed(u64),
    /// A node or client noted something.
    Noted(&'a Note),
    /// A broker is about to take a request.
    Request(ApiKey),
    /// A measure changed.
    Measured(Measure, u64),
}

impl Moment {
    /// Takes a signal; true once the moment has come.
    pub fn notice(&mut self, signal: Signal<'_>) -> bool {
        match (self, signal) {
            (Moment::At(at), Signal::Passed(ns)) => ns >= *at,
            (Moment::Mark { mark, of, left }, Signal::Noted(note)) => {
                let about = |of: &Arc<str>| note.of.as_ref().is_some_and(|subject| is_called(subject, of));
                note.mark == &**mark && of.as_ref().is_none_or(about) && count_down(left)
            }
            (Moment::Rpc { rpc, left }, Signal::Request(api)) => *rpc == api && count_down(left),
            (Moment::Predicate { measure, relation, bound }, Signal::Measured(which, value)) => {
                *measure == which && relation.holds(value, *bound)
            }
            (Moment::Any(several), signal) => {
                // Each of them counts the signal, also behind one that has come.
                let mut come = false;
                several.iter_mut().for_each(|moment| come |= moment.notice(signal));
                come
            }
            (Moment::All(several), signal) => {
                several.retain_mut(|moment| !moment.notice(signal));
                several.is_empty()
            }
            _ => false,
        }
    }

    /// Every time that it waits for, in nanoseconds since it was waited for.
    pub fn times(&self) -> Vec<u64> {
        match self {
            Moment::At(at) => vec![*at],
            Moment::Any(several) | Moment::All(several) => several.iter().flat_map(Moment::times).collect(),
            Moment::Mark { .. } | Moment::Rpc { .. } | Moment::Predicate { .. } => Vec::new(),
        }
    }

    fn draw(when: &When, dice: &mut Dice) -> Moment {
        match &when.trigger {
            Trigger::At(at) => Moment::At(at.fix(dice).0),
            Trigger::Mark { mark, of, nth } => Moment::Mark { mark: mark.clone(), of: of.clone(), left: nth.fix(dice).0.max(1) },
            Trigger::Rpc { rpc, nth } => Moment::Rpc { rpc: *rpc, left: nth.fix(dice).0.max(1) },
            Trigger::Predicate { measure, relation, bound } => {
                Moment::Predicate { measure: *measure, relation: *relation, bound: bound.fix(dice).0 }
            }
            Trigger::Any(several) => Moment::Any(several.iter().map(|when| Moment::draw(when, dice)).collect()),
            Trigger::All(several) => Moment::All(several.iter().map(|when| Moment::draw(when, dice)).collect()),
        }
    }
}

impl Relation {
    const fn holds(self, value: u64, bound: u64) -> bool {
        match self {
            Relation::AtLeast => value >= bound,
            Relation::Below => value < bound,
            Relation::Equal => value == bound,
        }
    }
}

fn count_down(left: &mut u64) -> bool {
    *left = left.saturating_sub(1);
    *left == 0
}

/// Whether a subject is the one that a scenario writes as `name/number` or as a bare name; no text is made for the comparison.
fn is_called(subject: &odradek_machine::Subject, text: &str) -> bool {
    match text.rsplit_once('/') {
        Some((name, number)) => *subject.name == *name && number.parse() == Ok(subject.number),
        None => *subject.name == *text,
    }
}

impl PlannedFault {
    /// Draws one entry of a scenario, as often as it says.
    pub(super) fn draw(spec: &FaultSpec, dice: &mut Dice) -> Vec<PlannedFault> {
        let Count(times) = spec.times.fix(dice);
        (0..times).map(|_| PlannedFault::draw_once(spec, dice)).collect()
    }

    fn draw_once(spec: &FaultSpec, dice: &mut Dice) -> PlannedFault {
        PlannedFault {
            place: spec.place.key().to_owned(),
            when: Moment::draw(&spec.when, dice),
            after_ns: spec.when.after.as_ref().map_or(0, |after| after.fix(dice).0),
            who: spec.who.clone(),
            pick: dice.below(1 << 32),
            fault: spec.fault,
            with: With::draw(spec.fault, &spec.with, dice),
            lasts_ns: spec.lasts.as_ref().map(|lasts| lasts.fix(dice).0),
            until: spec.until.as_ref().map(|until| Moment::draw(until, dice)),
        }
    }
}

impl With {
    fn draw(fault: Fault, params: &Params, dice: &mut Dice) -> With {
        let count = |draw: &Option<Draw<Count>>, default: u64, dice: &mut Dice| draw.as_ref().map_or(default, |draw| draw.fix(dice).0);
        let word = |draw: &Option<Draw<String>>, dice: &mut Dice| draw.as_ref().map(|draw| draw.fix_words(dice));
        let slow = matches!(fault, Fault::NodeSlow | Fault::DiskSlow);
        With {
            times: count(&params.times, if slow { 20 } else { 1 }, dice).max(1),
            file: word(&params.file, dice).map(Arc::from),
            free: params.free.as_ref().map_or(0, |free| {
                let Size(free) = free.fix(dice);
                free
            }),
            per_second: params.per_second.as_ref().map_or(10_000, |rate| {
                let Size(rate) = rate.fix(dice);
                rate.max(1)
            }),
            by_ns: params.by.as_ref().map_or(200_000_000, |by| {
                let Span(by) = by.fix(dice);
                by
            }),
            ppm: params.ppm.as_ref().map_or(1_000, |ppm| {
                let Signed(ppm) = ppm.fix(dice);
                ppm
            }),
            peer: word(&params.peer, dice),
            rpc: word(&params.rpc, dice),
            topic: word(&params.topic, dice).unwrap_or_default(),
            partitions: i32::try_from(count(&params.partitions, 1, dice)).unwrap_or(i32::MAX),
            percent: count(&params.percent, 50, dice).min(100),
            key: word(&params.key, dice).unwrap_or_default(),
            value: word(&params.value, dice).unwrap_or_default(),
            keeps: word(&params.keeps, dice),
        }
    }
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.fault)?;
        if let Some(who) = &self.who {
            write!(f, " {who}")?;
        }
        write!(f, " {}", self.when)?;
        if self.after_ns > 0 {
            write!(f, " and {} later", Time(self.after_ns))?;
        }
        if let Some(lasts) = self.lasts_ns {
            write!(f, " for {}", Time(lasts))?;
        }
        if let Some(until) = &self.until {
            write!(f, " until {until}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, word: &str, moments: &[Moment]| {
            let moments: Vec<String> = moments.iter().map(Moment::to_string).collect();
            write!(f, "at the {word} of ({})", moments.join("; "))
        };
        match self {
            Moment::At(ns) => write!(f, "at {}", Time(*ns)),
            Moment::Mark { mark, of, left } => {
                let of = of.as_ref().map_or(String::new(), |of| format!(" of {of}"));
                write!(f, "at mark {left} of {mark}{of}")
            }
            Moment::Rpc { rpc, left } => write!(f, "at request {left} of {}", rpc.name()),
            Moment::Predicate { measure, relation, bound } => write!(f, "when {measure:?} is {relation:?} {bound}"),
            Moment::Any(several_of) => several(f, "first", several_of),
            Moment::All(several_of) => several(f, "last", several_of),
        }
    }
}

fn as_text<S: serde::Serializer>(value: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn as_debug<S: serde::Serializer>(value: &impl fmt::Debug, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{value:?}"))
}
