//! The scenario language: one TOML file says what is given, who acts, when what goes wrong, and what to expect.

mod check;
mod draws;
mod error;
mod load;
mod marks;
mod model;
mod read;
mod reader;
mod reference;
mod value;
mod when;
mod words;

#[cfg(test)]
mod tests;

pub use draws::Params;
pub use error::ScenarioError;
pub use load::{Cell, find_files, load};
pub use marks::MARKS;
pub use model::{Anomaly, ClientKind, ClientSpec, ClusterSpec, Expect, FaultSpec, RunSpec, Scenario, TopicSpec};
pub use reader::Place;
pub use reference::reference;
pub use value::{Count, Draw, Every, Quantity, Signed, Size, Span};
pub use when::{Group, Measure, Relation, Trigger, When, Who};
