//! A log on a disk whose completions come in any order.

mod basics;
mod lives;
mod model;
mod plays;
mod retention;
mod story;
mod truncation;
