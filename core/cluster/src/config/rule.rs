//! Which values of a key are right, with Kafka's messages for those that are not.

use super::definition::{Definition, ValueType};

/// A value that is not right, in Kafka's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// The key.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

/// Which values are right, beyond their type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// All of the type, null included.
    Any,
    /// Numbers from here on.
    AtLeast(i64),
    /// Numbers from one to the other, both included.
    Between(i64, i64),
    /// Numbers but 0; a negative one stands for no bound.
    NotZero,
    /// The levels of gzip: 1 to 9, or −1 for its default.
    GzipLevel,
    /// Fractions from 0 to 1.
    Ratio,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of these words; one that is said twice counts once (KIP-1161).
    ListOf(&'static [&'static str]),
    /// A list of anything; what is said twice counts once, and it is empty only if allowed.
    Distinct {
        /// True if no entry at all is right.
        empty: bool,
    },
    /// `*`, or pairs of partition and broker.
    ThrottledReplicas,
}

impl Definition {
    /// The value as it is kept: trimmed, numbers in their plain form, lists without blanks.
    ///
    /// # Errors
    /// If the value is not right, in Kafka's words.
    pub fn parse(&self, value: &str) -> Result<String, ConfigError> {
        let plain = self.parse_type(value)?;
        self.check_rule(value, &plain)?;
        Ok(plain)
    }

    fn parse_type(&self, value: &str) -> Result<String, ConfigError> {
        let trimmed = value.trim();
        let number = |n: Option<i64>| n.map(|n| n.to_string()).ok_or_else(|| self.not_a_number(value));
        match self.value_type {
            ValueType::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok("true".to_owned()),
            ValueType::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok("false".to_owned()),
            ValueType::Boolean => Err(self.invalid(value, "Expected value to be either true or false")),
            ValueType::Int => number(trimmed.parse::<i32>().ok().map(i64::from)),
            ValueType::Short => number(trimmed.parse::<i16>().ok().map(i64::from)),
            ValueType::Long => number(trimmed.parse::<i64>().ok()),
            ValueType::Double if is_decimal(trimmed) => Ok(trimmed.to_owned()),
            ValueType::Double => Err(self.not_a_number(value)),
            ValueType::List => {
                let mut entries: Vec<&str> = split(trimmed).collect();
                if matches!(self.rule, Rule::ListOf(_) | Rule::Distinct { .. }) {
                    let mut seen = std::collections::BTreeSet::new();
                    entries.retain(|entry| seen.insert(*entry));
                }
                Ok(entries.join(","))
            }
            ValueType::String | ValueType::Class | ValueType::Password => Ok(trimmed.to_owned()),
        }
    }

    fn check_rule(&self, value: &str, plain: &str) -> Result<(), ConfigError> {
        let parsed = || plain.parse::<i64>().expect("a rule for numbers stands at a key of numbers");
        match self.rule {
            Rule::Any => Ok(()),
            Rule::AtLeast(min) | Rule::Between(min, _) if parsed() < min => {
                Err(self.invalid(plain, &format!("Value must be at least {min}")))
            }
            Rule::Between(_, max) if parsed() > max => Err(self.invalid(plain, &format!("Value must be no more than {max}"))),
            Rule::AtLeast(_) | Rule::Between(..) => Ok(()),
            Rule::NotZero if parsed() != 0 => Ok(()),
            Rule::NotZero => Err(self.invalid(plain, "Value must be unlimited (-1) or at least 1")),
            Rule::GzipLevel if parsed() == -1 || (1..=9).contains(&parsed()) => Ok(()),
            Rule::GzipLevel => Err(self.invalid(plain, "Value must be between 1 and 9 or equal to -1")),
            Rule::Ratio => self.check_ratio(value, plain),
            Rule::OneOf(words) if words.contains(&plain) => Ok(()),
            Rule::OneOf(words) => Err(self.invalid(plain, &one_of(words))),
            Rule::ListOf(words) => self.check_list(plain, words, true),
            Rule::Distinct { empty } => self.check_list(plain, &[], empty),
            Rule::ThrottledReplicas => self.check_throttled(plain),
        }
    }

    fn check_ratio(&self, value: &str, plain: &str) -> Result<(), ConfigError> {
        let parts = ten_thousandths(plain).ok_or_else(|| self.not_a_number(value))?;
        match parts {
            ..0 => Err(self.invalid(value, "Value must be at least 0")),
            0..=10_000 => Ok(()),
            _ => Err(self.invalid(value, "Value must be no more than 1")),
        }
    }

    fn check_list(&self, plain: &str, words: &[&str], empty: bool) -> Result<(), ConfigError> {
        let entries: Vec<&str> = split(plain).collect();
        if entries.is_empty() && !empty {
            return Err(self.error(format!("Configuration '{}' must not be empty. Valid values include: any non-empty value", self.name)));
        }
        if entries.iter().any(|e| e.is_empty()) {
            return Err(self.error(format!("Configuration '{}' values must not be empty.", self.name)));
        }
        match entries.iter().find(|e| !words.is_empty() && !words.contains(e)) {
            Some(stranger) => Err(self.invalid(stranger, &one_of(words))),
            None => Ok(()),
        }
    }

    fn check_throttled(&self, plain: &str) -> Result<(), ConfigError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_pair = |entry: &str| entry.is_empty() || entry.split_once(':').is_some_and(|(p, b)| digits(p) && digits(b));
        if plain == "*" || split(plain).all(is_pair) {
            return Ok(());
        }
        let list = split(plain).collect::<Vec<_>>().join(", ");
        let form = "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
        Err(self.invalid(
            &format!("[{list}]"),
            &format!("{} must be the literal '*' or a list of replicas in the following format: {form}", self.name),
        ))
    }

    fn invalid(&self, value: &str, why: &str) -> ConfigError {
        self.error(format!("Invalid value {value} for configuration {}: {why}", self.name))
    }

    fn not_a_number(&self, value: &str) -> ConfigError {
        self.invalid(value, &format!("Not a number of type {}", self.value_type.name()))
    }

    fn error(&self, message: String) -> ConfigError {
        ConfigError { key: self.name.to_owned(), message }
    }
}

/// The entries of a list: nothing for an empty text, blanks around commas dropped.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let trimmed = text.trim();
    trimmed.split(',').map(str::trim).filter(move |_| !trimmed.is_empty())
}

fn one_of(words: &[&str]) -> String {
    format!("String must be one of: {}", words.join(", "))
}

/// True for a number as Java writes and reads one: `0.5`, `-3`, `1.7976931348623157E308`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    ten_thousandths(mantissa).is_some() && exponent.parse::<i32>().is_ok()
}

/// A decimal fraction in parts of 10,000, rounded towards zero; the core knows no floats. `None` if the text is no plain decimal.
pub(super) fn ten_thousandths(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text.strip_prefix('+').unwrap_or(text)), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let parts = fraction.bytes().chain(std::iter::repeat(b'0')).take(4).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let finer = fraction.bytes().skip(4).any(|b| b != b'0');
    let size = whole.checked_mul(10_000)?.checked_add(parts)?.checked_add(i64::from(finer && whole >= 1))?;
    Some(if negative { -size - i64::from(finer && size == 0) } else { size })
}
