//! The plan: everything of a run that is drawn before it starts, so that it can be printed, kept and edited.

mod dice;

pub use dice::Dice;
