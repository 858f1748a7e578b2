//! The broker keys of Apache Kafka 4.3.1 that do not work here, by the reason: a configuration that was written for it starts here, and is told what is
//! not as it says.

mod nothing;
mod refused;

use super::definition::Definition;

/// The keys that do not work for one reason; the macro keeps each readable as one line.
macro_rules! family {
    (@rows $internal:literal, $effect:ident, $why:literal, $($name:literal, $kind:ident, $default:expr, $rule:expr;)*) => {
        &[$(Definition {
            name: $name,
            value_type: ValueType::$kind,
            default: $default,
            rule: $rule,
            synonyms: &[],
            update: Update::ReadOnly,
            effect: Effect::$effect($why),
            internal: $internal,
            says: "",
        },)*]
    };
    (internal $effect:ident: $why:literal, $($rows:tt)*) => { family!(@rows true, $effect, $why, $($rows)*) };
    ($effect:ident: $why:literal, $($rows:tt)*) => { family!(@rows false, $effect, $why, $($rows)*) };
}

pub(super) use family;

/// Families of keys that change nothing, and of keys that are refused.
const FAMILIES: &[&[&[Definition]]] = &[nothing::FAMILIES, refused::FAMILIES];

/// Every broker key that does not work.
pub(super) fn other_keys() -> impl Iterator<Item = &'static Definition> {
    FAMILIES.iter().copied().flatten().copied().flatten()
}
