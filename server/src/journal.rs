//! The few notes of the core that operators need, as log lines; the rest is dropped unless traced.

use odradek_machine::Note;

/// Logs a note: at `warn` if it has something to say to a person (at `info` if that is nothing but the usual), else at `trace`.
pub fn tell(note: &Note) {
    let of = note.of.as_ref().map(ToString::to_string).unwrap_or_default();
    match &note.says {
        Some(says) if is_alarming(note.mark) => tracing::warn!(mark = note.mark, of, "{says}"),
        Some(says) => tracing::info!(mark = note.mark, of, "{says}"),
        None => tracing::trace!(mark = note.mark, of, a = note.facts[0], b = note.facts[1]),
    }
}

/// Marks whose sentence tells of nothing but the usual: all others ask an operator to look.
const USUAL: [&str; 3] = ["log.tail_cut", "metadata.record_kept", "replica.made_at_last"];

fn is_alarming(mark: &str) -> bool {
    !USUAL.contains(&mark)
}
