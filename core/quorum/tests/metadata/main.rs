//! The metadata of one node as a whole: quorum, image and controller on a disk in memory.

mod host;
mod kafka;
mod plays;
