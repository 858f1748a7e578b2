//! A log on a disk whose completions come in any order.

mod basics;
mod model;
mod plays;
mod story;
mod truncation;
