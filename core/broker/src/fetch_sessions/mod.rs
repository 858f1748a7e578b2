//! Fetch sessions (KIP-227): what a fetcher said once need not be said again, and what did not change is not answered.
//!
//! * [`Session`] is what one fetcher asked for and was last told.
//! * [`Cache`] holds them all, gives ids, and decides who must go when it is full.
//! * [`Context`] is what one Fetch request means: which partitions are read, and which of the answers are told.

mod cache;
mod context;
mod session;
#[cfg(test)]
mod tests;

pub use cache::{Cache, CacheLimits};
pub use context::{Answered, Begin, Context, Kind, begin};
pub use session::{Asked, Session, Told, TopicKey, Wanted};
