//! A log on a disk whose completions come in any order.

mod admit;
mod basics;
mod cold;
mod damage;
mod lives;
mod model;
mod plays;
mod retention;
mod rolling;
mod story;
mod times;
mod times_kafka;
mod truncation;
