//! `-o`: where to begin, and where to end.

use odradek_client::consumer::SeekTo;

/// What all `-o` of a command line say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Where to begin.
    pub start: Start,
    /// Before which timestamp to end, if any.
    pub until_ms: Option<i64>,
}

/// Where to begin in each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the same place everywhere.
    At(SeekTo),
    /// This many records before the end.
    Last(i64),
}

impl Bounds {
    /// Reads them.
    ///
    /// # Errors
    /// What cannot be meant, and what can.
    pub fn parse(texts: &[String]) -> Result<Bounds, String> {
        let mut bounds = Bounds { start: Start::At(SeekTo::Beginning), until_ms: None };
        for text in texts {
            let number = |digits: &str| {
                let number = digits.parse::<i64>().ok().filter(|&number| number >= 0);
                number.ok_or_else(|| {
                    format!("-o {text}: beginning, end, an offset, -N for the last N, s@MS to begin or e@MS to end at a timestamp")
                })
            };
            match (text.as_str(), text.split_at_checked(2)) {
                ("beginning" | "earliest", _) => bounds.start = Start::At(SeekTo::Beginning),
                ("end" | "latest", _) => bounds.start = Start::At(SeekTo::End),
                ("stored", _) => {
                    return Err("-o stored: offsets are stored by consumer groups, and this tool reads without a group".to_owned());
                }
                (_, Some(("s@", ms))) => bounds.start = Start::At(SeekTo::Timestamp(number(ms)?)),
                (_, Some(("e@", ms))) => bounds.until_ms = Some(number(ms)?),
                (other, _) => {
                    bounds.start = match other.strip_prefix('-') {
                        Some(last) => Start::Last(number(last)?),
                        None => Start::At(SeekTo::Offset(number(other)?)),
                    }
                }
            }
        }
        Ok(bounds)
    }

    /// True if the ends of the partitions must be known first.
    pub const fn needs_ends(&self) -> bool {
        matches!(self.start, Start::Last(_)) || self.until_ms.is_some()
    }
}

impl Start {
    /// Where to go in a partition that ends there.
    pub fn seek(self, end: Option<i64>) -> SeekTo {
        match self {
            Start::At(to) => to,
            Start::Last(count) => SeekTo::Offset((end.unwrap_or(0) - count).max(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Bounds, String> {
        Bounds::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn every_way_to_say_where_is_understood() {
        let start = |text: &str| parse(&[text]).expect("it can be meant").start;
        assert_eq!(start("end"), Start::At(SeekTo::End));
        assert_eq!(start("17"), Start::At(SeekTo::Offset(17)));
        assert_eq!(start("-5").seek(Some(12)), SeekTo::Offset(7));
        assert_eq!(start("-5").seek(Some(3)), SeekTo::Offset(0));
        let both = parse(&["s@100", "e@200"]).expect("both can be meant");
        assert_eq!((both.start, both.until_ms), (Start::At(SeekTo::Timestamp(100)), Some(200)));
    }

    #[test]
    fn what_cannot_be_meant_is_explained() {
        for (text, word) in [("stored", "without a group"), ("middle", "s@MS"), ("s@noon", "s@MS"), ("--3", "-N"), ("é", "-N")] {
            assert!(parse(&[text]).unwrap_err().contains(word), "{text}");
        }
    }
}
