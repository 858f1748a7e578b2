//! What an operator wants to know of the log directories of a node that does not run, and the one way to give records up.
//!
//! Pure functions over what the caller has read, in this order:
//!
//! 1. [`Root::look`]: whose a directory is, what its small files say, which logs are in it;
//! 2. [`Examination`], one a log: every segment is [surveyed](crate::work::survey) whole, and each fault is judged as the next start would judge it;
//! 3. [`missing()`]: replicas that are not where they should be;
//! 4. [`give_up()`]: from what was found to the operations that end it, in an order that may stop anywhere.
//!
//! Nothing here is said of a directory that a node is using, but that what it holds so far is whole.

mod actions;
mod beside;
mod examine;
mod give_up;
mod judge;
mod missing;
mod report;
mod root;
mod tolerant;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::disk::{Entry, Name};

pub use actions::tolerate;
pub use beside::{beside, format};
pub use examine::{Examination, SMALL_FILES};
pub use give_up::{Loss, Plan, Refusal, give_up, give_up_missing};
pub use missing::{Expected, Missing, Placed, WhyMissing, missing};
pub use report::{By, Place, Readable, Report, Standing};
pub use root::{ROOT_FILES, Root};
pub use tolerant::{TolerantFile, Unreadable};

/// What was read of a directory: what it holds, and the content of its small files that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Its small files, by name.
    pub files: BTreeMap<String, Bytes>,
}

/// A small file that is missing, or not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// Which.
    pub name: Name,
    /// What is wrong with it.
    pub why: String,
    /// What becomes of that.
    pub then: &'static str,
}

impl BadFile {
    fn new(name: Name, why: impl Into<String>, then: &'static str) -> BadFile {
        BadFile { name, why: why.into(), then }
    }
}

/// A node does not start with such a file.
const REFUSED: &str = "the start is refused";
/// A file that says nothing that its log does not say.
const REBUILT: &str = "it is built again from the log";
