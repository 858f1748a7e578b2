//! Retention: which of the oldest segments may go. A pure policy; the log carries it out.

use odradek_wire::ids::Offset;

/// What retention must know of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The base of the next segment, or the log end behind the active one.
    pub end: Offset,
    /// Bytes.
    pub bytes: u64,
    /// The largest timestamp of its records, or its last change if they have none.
    pub age_ms: i64,
}

/// By what a log is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `retention.ms`, where the cleanup policy deletes.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`, where the cleanup policy deletes.
    pub retention_bytes: Option<u64>,
    /// Records below need not be kept, whatever the policy.
    pub log_start: Offset,
    /// Records at or above must be kept (KAFKA-5634).
    pub high_watermark: Offset,
    /// The time.
    pub wall_ms: i64,
}

/// How many of the oldest segments may go, the active one (the last) included.
///
/// By log start first, then by size, then by time, as Kafka does: each judges what the one before left. An empty active segment stays.
pub fn retire(segments: &[Candidate], limits: &Limits) -> usize {
    let mut gone = 0;
    let closed = segments.len().saturating_sub(1);
    gone += count(segments, gone, limits, |i, s| i < closed && s.end <= limits.log_start);
    if let Some(most) = limits.retention_bytes {
        let bytes: u64 = segments[gone..].iter().map(|s| s.bytes).sum();
        let mut surplus = bytes.saturating_sub(most);
        gone += count(segments, gone, limits, |_, s| {
            let goes = surplus >= s.bytes && bytes > most;
            surplus = surplus.saturating_sub(s.bytes);
            goes
        });
    }
    if let Some(most) = limits.retention_ms {
        gone += count(segments, gone, limits, |_, s| limits.wall_ms.saturating_sub(s.age_ms) > most);
    }
    gone
}

fn count(segments: &[Candidate], from: usize, limits: &Limits, mut goes: impl FnMut(usize, &Candidate) -> bool) -> usize {
    let active = segments.len().saturating_sub(1);
    let stays = |i: usize, s: &Candidate| s.end > limits.high_watermark || i == active && s.bytes == 0;
    segments.iter().enumerate().skip(from).take_while(|(i, s)| !stays(*i, s) && goes(*i, s)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(segments: &[(i64, u64, i64)]) -> Vec<Candidate> {
        segments.iter().map(|&(end, bytes, age_ms)| Candidate { end: Offset(end), bytes, age_ms }).collect()
    }

    const KEEP: Limits =
        Limits { retention_ms: None, retention_bytes: None, log_start: Offset(0), high_watermark: Offset(1000), wall_ms: 100_000 };

    #[test]
    fn retention_by_time_takes_old_segments_up_to_the_first_young_one() {
        let segments = log(&[(10, 100, 1_000), (20, 100, 90_000), (30, 100, 2_000)]);
        assert_eq!(retire(&segments, &Limits { retention_ms: Some(50_000), ..KEEP }), 1);
        assert_eq!(retire(&segments, &Limits { retention_ms: Some(1_000), ..KEEP }), 3, "the active one goes too");
    }

    #[test]
    fn retention_by_size_keeps_at_least_what_is_allowed() {
        let segments = log(&[(10, 100, 0), (20, 100, 0), (30, 100, 0)]);
        let bytes = |b| retire(&segments, &Limits { retention_bytes: Some(b), ..KEEP });
        assert_eq!([bytes(300), bytes(299), bytes(200), bytes(199), bytes(0)], [0, 0, 1, 1, 3]);
    }

    #[test]
    fn retention_never_passes_the_high_watermark_and_keeps_an_empty_active_segment() {
        let segments = log(&[(10, 100, 0), (20, 100, 0), (20, 0, 0)]);
        let all = Limits { retention_ms: Some(1), ..KEEP };
        assert_eq!(retire(&segments, &Limits { high_watermark: Offset(15), ..all }), 1);
        assert_eq!(retire(&segments, &all), 2);
        assert_eq!(retire(&[], &all), 0);
    }

    #[test]
    fn retention_gives_up_what_lies_below_the_log_start_whatever_the_policy() {
        let segments = log(&[(10, 100, 99_000), (20, 100, 99_000), (30, 100, 99_000)]);
        assert_eq!(retire(&segments, &Limits { log_start: Offset(19), ..KEEP }), 1);
        assert_eq!(
            retire(&segments, &Limits { log_start: Offset(30), ..KEEP }),
            2,
            "the active segment holds nothing below the next one's base"
        );
    }
}
