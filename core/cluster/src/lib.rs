//! Metadata records to an image; the controller's decisions; every configuration key.
//!
//! * [`image`]: what the metadata log says, by replay: the same for everyone who applied the same records.
//! * [`controller`]: pure decisions on that state: a request becomes one atomic batch of records and a reply, or an error and nothing.
//! * [`alter`]: what a broker checks of a change of configuration before the controller is asked.
//! * [`config`]: the definition of every configuration key, and what holds for a topic.
//!
//! Nothing here knows a broker, a log or a quorum: the composition root carries decisions to the metadata log and committed records back.
#![deny(clippy::float_arithmetic)]

pub mod alter;
pub mod config;
pub mod controller;
pub mod image;
pub mod messages;
pub mod record;

pub use controller::Controller;
pub use image::Image;
