//! What one Fetch request means for sessions, decided before anything is read, and what of the answers is told.

use std::sync::Arc;

use odradek_machine::Mono;
use odradek_wire::error::ErrorCode;
use odradek_wire::fetch::FetchedPartition;
use odradek_wire::ids::{Offset, Uuid};

use super::cache::Cache;
use super::session::{Asked, Told, TopicKey, Wanted, next_epoch};

/// Of what kind a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without session: everything asked for is told.
    Sessionless,
    /// Everything is told, and a session begins if there is room.
    Full {
        /// By a follower.
        privileged: bool,
        /// Topics are named by id.
        uses_ids: bool,
    },
    /// Only what changed is told.
    Incremental {
        /// The session.
        id: i32,
        /// The epoch that the session has while this request is worked on; if it moved on, another request took over.
        epoch: i32,
    },
}

/// A fetch that is worked on.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Its kind.
    pub kind: Kind,
    /// What is to be read, in order.
    pub wanted: Vec<Wanted>,
}

/// An answer, and the place in [`Context::wanted`] of what it answers.
pub type Answered<R> = (usize, FetchedPartition<R>);

/// What of a request concerns its session.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The session id; zero for none.
    pub session_id: i32,
    /// Its epoch.
    pub session_epoch: i32,
    /// By a follower.
    pub privileged: bool,
    /// Topics are named by id.
    pub uses_ids: bool,
    /// What is asked for, or changed.
    pub asked: Vec<(TopicKey, i32, Asked)>,
    /// What is taken out.
    pub forgotten: Vec<(TopicKey, i32)>,
}

/// The context of a request. `name_of` says what the topic of an id is called, if there is one.
///
/// # Errors
/// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH` or `FETCH_SESSION_TOPIC_ID_ERROR`: the whole answer is that error.
pub fn begin(
    now: Mono,
    cache: &mut Cache,
    request: Begin,
    name_of: impl Fn(Uuid) -> Option<Arc<str>> + Copy,
) -> Result<Context, ErrorCode> {
    const FINAL_EPOCH: i32 = -1;
    let Begin { session_id: id, session_epoch: epoch, privileged, uses_ids, asked, forgotten } = request;
    let asked = asked.into_iter().map(|(topic, partition, asked)| Wanted::new(topic, partition, asked, name_of));
    if epoch == 0 || epoch == FINAL_EPOCH {
        if id != 0 {
            cache.remove(id);
        }
        let kind = if epoch == FINAL_EPOCH { Kind::Sessionless } else { Kind::Full { privileged, uses_ids } };
        return Ok(Context { kind, wanted: asked.collect() });
    }
    let session = cache.get(id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
    if session.epoch != epoch {
        return Err(ErrorCode::InvalidFetchSessionEpoch);
    }
    if session.uses_ids != uses_ids {
        return Err(ErrorCode::FetchSessionTopicIdError);
    }
    let (left, next, wanted) = cache
        .with(now, id, |session| {
            for wanted in asked {
                session.ask(wanted);
            }
            for (topic, partition) in &forgotten {
                session.forget(topic, *partition);
            }
            session.epoch = next_epoch(session.epoch);
            (session.len(), session.epoch, session.wanted(name_of))
        })
        .expect("the session was found above");
    if left == 0 {
        cache.remove(id);
        return Ok(Context { kind: Kind::Sessionless, wanted: Vec::new() });
    }
    Ok(Context { kind: Kind::Incremental { id, epoch: next }, wanted })
}

impl Context {
    /// Takes from the answers what need not be told, remembers what is, and gives the session id of the response.
    ///
    /// # Errors
    /// `INVALID_FETCH_SESSION_EPOCH` if the session ended or moved on while the request waited.
    pub fn finish<R>(&self, now: Mono, cache: &mut Cache, answers: &mut Vec<Answered<R>>) -> Result<i32, ErrorCode> {
        match self.kind {
            Kind::Sessionless => Ok(0),
            Kind::Full { privileged, uses_ids } => Ok(self.begin_session(now, cache, privileged, uses_ids, answers)),
            Kind::Incremental { id, epoch } => {
                if cache.get(id).is_none_or(|s| s.epoch != epoch) {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                cache.with(now, id, |session| {
                    answers.retain(|(at, answer)| {
                        let Wanted { topic, partition, .. } = &self.wanted[*at];
                        let before = session.told(topic, *partition).unwrap_or(Told::NOTHING);
                        let news = is_news(before, answer);
                        if news {
                            session.tell(topic, *partition, told(answer), !answer.records.is_empty());
                        }
                        news
                    });
                });
                Ok(id)
            }
        }
    }

    /// A session serves partitions in the order in which it told them first, as in Kafka.
    fn begin_session<R>(&self, now: Mono, cache: &mut Cache, privileged: bool, uses_ids: bool, answers: &[Answered<R>]) -> i32 {
        let all = answers.iter().map(|(at, answer)| (self.wanted[*at].clone(), told(answer))).collect();
        cache.create(now, privileged, uses_ids, all).unwrap_or(0)
    }
}

/// What a session remembers of an answer. After an error the high watermark counts as unknown, so that the next good answer is told.
fn told<R>(answer: &FetchedPartition<R>) -> Told {
    if answer.error.is_error() {
        return Told { high_watermark: Offset(-1), log_start: answer.log_start_offset };
    }
    Told { high_watermark: answer.high_watermark, log_start: answer.log_start_offset }
}

/// KIP-227: records, a moved high watermark or log start, a preferred replica, a divergence, an error.
fn is_news<R>(before: Told, answer: &FetchedPartition<R>) -> bool {
    !answer.records.is_empty()
        || before.high_watermark != answer.high_watermark
        || before.log_start != answer.log_start_offset
        || answer.preferred_read_replica.is_some()
        || answer.diverging_epoch.is_some()
        || answer.error.is_error()
}
