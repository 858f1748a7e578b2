//! Quantities with their units, and draws: any value of a scenario is a literal, a range (`"2s..8s"`) or a choice (`["a", "b"]`).

use super::error::ScenarioError;
use super::reader::Node;
use crate::plan::Dice;

/// A value that the plan fixes from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw<T> {
    /// Always this.
    One(T),
    /// Any from the first to the second, both included.
    Range(T, T),
    /// One of these.
    OneOf(Vec<Draw<T>>),
}

/// A quantity that a scenario can write.
pub trait Quantity: Copy + Ord {
    /// What is expected, for messages.
    const EXPECTED: &'static str;
    /// From text with its unit.
    fn parse(text: &str) -> Option<Self>;
    /// From a bare number, where that says enough.
    fn bare(_number: i64) -> Option<Self> {
        None
    }
    /// True if a range may be written from the first to the second.
    fn ascends(low: Self, high: Self) -> bool {
        low <= high
    }
    /// A value between two, both included.
    fn between(low: Self, high: Self, dice: &mut Dice) -> Self;
}

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// A number that may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signed(pub i64);

/// How often, as nanoseconds from one time to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Every(pub u64);

const SPANS: [(&str, u64); 6] =
    [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000), ("h", 3_600_000_000_000)];
const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl Quantity for Span {
    const EXPECTED: &'static str = "a span of time such as \"250ms\", \"2s\" or \"2s..8s\" (units ns, us, ms, s, min, h)";
    fn parse(text: &str) -> Option<Span> {
        with_unit(text, &SPANS).map(Span)
    }
    fn between(low: Span, high: Span, dice: &mut Dice) -> Span {
        Span(dice.between(low.0, high.0))
    }
}

impl Quantity for Size {
    const EXPECTED: &'static str = "a size such as 100, \"64KiB\" or \"10B..1KiB\" (units B, KiB, MiB, GiB)";
    fn parse(text: &str) -> Option<Size> {
        with_unit(text, &SIZES).or_else(|| text.parse().ok()).map(Size)
    }
    fn bare(number: i64) -> Option<Size> {
        u64::try_from(number).ok().map(Size)
    }
    fn between(low: Size, high: Size, dice: &mut Dice) -> Size {
        Size(dice.between(low.0, high.0))
    }
}

impl Quantity for Count {
    const EXPECTED: &'static str = "a whole number such as 3, or a range such as \"1..5\"";
    fn parse(text: &str) -> Option<Count> {
        text.parse().ok().map(Count)
    }
    fn bare(number: i64) -> Option<Count> {
        u64::try_from(number).ok().map(Count)
    }
    fn between(low: Count, high: Count, dice: &mut Dice) -> Count {
        Count(dice.between(low.0, high.0))
    }
}

impl Quantity for Signed {
    const EXPECTED: &'static str = "a whole number such as -200, or a range such as \"-500..500\"";
    fn parse(text: &str) -> Option<Signed> {
        text.parse().ok().map(Signed)
    }
    fn bare(number: i64) -> Option<Signed> {
        Some(Signed(number))
    }
    fn between(low: Signed, high: Signed, dice: &mut Dice) -> Signed {
        Signed(low.0.saturating_add_unsigned(dice.between(0, high.0.abs_diff(low.0))))
    }
}

impl Quantity for Every {
    const EXPECTED: &'static str = "how often, such as \"25/s\" or \"10/s..50/s\" (units /s, /min)";
    fn parse(text: &str) -> Option<Every> {
        let (times, unit) = text.split_once('/')?;
        let times: u64 = times.parse().ok().filter(|&times| times > 0)?;
        let (_, span) = SPANS.into_iter().find(|(name, _)| *name == unit && ["s", "min"].contains(name))?;
        Some(Every(span / times))
    }
    fn ascends(low: Every, high: Every) -> bool {
        low >= high // the more often, the less time between
    }
    fn between(low: Every, high: Every, dice: &mut Dice) -> Every {
        Every(dice.between(low.0.min(high.0), low.0.max(high.0)))
    }
}

impl<Q: Quantity> Draw<Q> {
    /// Reads a literal, a range or a choice.
    pub fn read(node: &Node<'_>) -> Result<Draw<Q>, ScenarioError> {
        if let Some(choices) = node.as_list()? {
            if choices.is_empty() {
                return Err(node.error("a choice of nothing"));
            }
            return choices.iter().map(Draw::read).collect::<Result<_, _>>().map(Draw::OneOf);
        }
        if let Some(number) = node.as_integer() {
            return Q::bare(number).map(Draw::One).ok_or_else(|| node.error(format!("expected {}", Q::EXPECTED)));
        }
        let text = node.as_text().ok_or_else(|| node.expected(Q::EXPECTED))?;
        let parse = |text: &str| Q::parse(text.trim()).ok_or_else(|| node.error(format!("`{text}` is not {}", Q::EXPECTED)));
        match text.split_once("..") {
            None => parse(text).map(Draw::One),
            Some((low, high)) => {
                let (low, high) = (parse(low)?, parse(high)?);
                if !Q::ascends(low, high) {
                    return Err(node.error("the range ends before it begins"));
                }
                Ok(Draw::Range(low, high))
            }
        }
    }

    /// Fixes the value.
    pub fn fix(&self, dice: &mut Dice) -> Q {
        match self {
            Draw::One(value) => *value,
            Draw::Range(low, high) => Q::between(*low, *high, dice),
            Draw::OneOf(choices) => choices[dice.below(choices.len() as u64) as usize].fix(dice),
        }
    }
}

impl Draw<String> {
    /// Reads a word or a choice of words; in tables of configuration also a range of numbers.
    pub fn read_words(node: &Node<'_>) -> Result<Draw<String>, ScenarioError> {
        match node.as_list()? {
            Some(choices) if choices.is_empty() => Err(node.error("a choice of nothing")),
            Some(choices) => choices.iter().map(Draw::read_words).collect::<Result<_, _>>().map(Draw::OneOf),
            None => node.scalar().map(Draw::One),
        }
    }

    /// Fixes the word. A range of numbers such as `16384..65536` is drawn from.
    pub fn fix_words(&self, dice: &mut Dice) -> String {
        match self {
            Draw::One(word) | Draw::Range(word, _) => {
                match word.split_once("..").map(|(low, high)| (low.parse::<u64>(), high.parse::<u64>())) {
                    Some((Ok(low), Ok(high))) if low <= high => dice.between(low, high).to_string(),
                    _ => word.clone(),
                }
            }
            Draw::OneOf(choices) => choices[dice.below(choices.len() as u64) as usize].fix_words(dice),
        }
    }

    /// Every word that may come of it.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Draw::One(word) | Draw::Range(word, _) => vec![word],
            Draw::OneOf(choices) => choices.iter().flat_map(Draw::words).collect(),
        }
    }
}
