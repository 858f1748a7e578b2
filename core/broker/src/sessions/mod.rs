//! Connections and the requests in hand on them.

mod session;

pub use session::{ANONYMOUS, AnswerHeader, Leaving, Peer, RequestKey, Session, Started};
