//! The few notes of the core that operators need, as log lines; the rest is dropped unless traced.

use odradek_machine::Note;

/// Logs a note: at `info` if it has something to say to a person, else at `trace`.
pub fn tell(note: &Note) {
    let of = note.of.as_ref().map(ToString::to_string).unwrap_or_default();
    match &note.says {
        Some(says) if is_alarming(note.mark) => tracing::warn!(mark = note.mark, of, "{says}"),
        Some(says) => tracing::info!(mark = note.mark, of, "{says}"),
        None => tracing::trace!(mark = note.mark, of, a = note.facts[0], b = note.facts[1]),
    }
}

/// Marks whose sentence asks an operator to look.
fn is_alarming(mark: &str) -> bool {
    ["damaged", "out_of_service", "failed", "stray", "unknown", "refused", "malformed", "without_effect", "not_compacted"]
        .iter()
        .any(|word| mark.contains(word))
}
