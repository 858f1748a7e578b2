//! What applications do with their clients: write, read, administer, at their pace, and tell the oracle what they did and saw.

mod admin;
mod config;
mod consumer;
mod hostile;
mod machine;
mod producer;
mod value;

pub use admin::AdminApp;
pub use config::{check_client_key, client_keys};
pub use consumer::ConsumerApp;
pub use hostile::{BELIEVED_REPLAY, BELIEVED_STALE_EPOCH, HostileApp};
pub use machine::{Asked, Event, Machine, Said, Told};
pub use producer::{ProducerApp, refusal};
pub use value::{record_of, value_of};
