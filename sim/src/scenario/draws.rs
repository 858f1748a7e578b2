//! What a fault is done with: each key of `with`, where the fault has it.

use super::error::ScenarioError;
use super::reader::Node;
use super::value::{Count, Draw, Signed, Size, Span};
use crate::fault::Fault;

/// The keys of `with` that were given.
#[derive(Clone, Debug, Default)]
pub struct Params {
    /// How often, or how many times as long.
    pub times: Option<Draw<Count>>,
    /// The end of file names.
    pub file: Option<Draw<String>>,
    /// Bytes left.
    pub free: Option<Draw<Size>>,
    /// Bytes in a second.
    pub per_second: Option<Draw<Size>>,
    /// How far or how long.
    pub by: Option<Draw<Span>>,
    /// Parts per million.
    pub ppm: Option<Draw<Signed>>,
    /// The other host.
    pub peer: Option<Draw<String>>,
    /// A request, by Kafka's name.
    pub rpc: Option<Draw<String>>,
    /// A topic.
    pub topic: Option<Draw<String>>,
    /// How many partitions.
    pub partitions: Option<Draw<Count>>,
    /// Parts of a hundred.
    pub percent: Option<Draw<Count>>,
    /// A configuration key.
    pub key: Option<Draw<String>>,
    /// Its value.
    pub value: Option<Draw<String>>,
    /// What a power cut keeps of what was not synced.
    pub keeps: Option<Draw<String>>,
}

/// The words of `keeps`.
pub const KEEPS: [&str; 4] = ["nothing", "everything", "prefix", "holes"];

impl Params {
    /// Reads the table `with` of a fault.
    pub fn read(fault: Fault, node: Option<Node<'_>>) -> Result<Params, ScenarioError> {
        let mut params = Params::default();
        let Some(node) = node else { return Ok(params) };
        let allowed = fault.params();
        for (key, value) in node.table()?.entries()? {
            if !allowed.contains(&key.as_str()) {
                let says = match allowed {
                    [] => format!("{fault} takes no `with`"),
                    words => format!("{fault} has no such key; expected one of {}", words.join(", ")),
                };
                return Err(value.wrong_word(&says, &key, allowed.iter().copied()));
            }
            params.set(&key, &value)?;
        }
        Ok(params)
    }

    fn set(&mut self, key: &str, value: &Node<'_>) -> Result<(), ScenarioError> {
        match key {
            "times" => self.times = Some(Draw::read(value)?),
            "free" => self.free = Some(Draw::read(value)?),
            "per_second" => self.per_second = Some(Draw::read(value)?),
            "by" => self.by = Some(Draw::read(value)?),
            "ppm" => self.ppm = Some(Draw::read(value)?),
            "partitions" => self.partitions = Some(Draw::read(value)?),
            "percent" => self.percent = Some(Draw::read(value)?),
            "file" => self.file = Some(Draw::read_words(value)?),
            "peer" => self.peer = Some(Draw::read_words(value)?),
            "rpc" => self.rpc = Some(super::when::rpc_words(value)?),
            "topic" => self.topic = Some(Draw::read_words(value)?),
            "key" => self.key = Some(Draw::read_words(value)?),
            "value" => self.value = Some(Draw::read_words(value)?),
            "keeps" => self.keeps = Some(super::read::words_of(value, &KEEPS)?),
            _ => unreachable!("every key in the table of faults has its place here"),
        }
        Ok(())
    }
}
