//! The scenario language: one TOML file says what is given, who acts, when what goes wrong, and what to expect.

mod error;

pub use error::ScenarioError;
