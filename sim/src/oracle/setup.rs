//! What the oracle must know of a run before it starts: who is promised what.

use std::sync::Arc;

/// What a client configuration promises about the records it handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Never twice; may be lost (`acks=0`, or no retry).
    AtMostOnce,
    /// Never lost once acknowledged; may be there twice (`acks=all`, retries).
    AtLeastOnce,
    /// Neither lost, nor doubled, nor reordered within one partition and producer (KIP-98).
    Idempotent,
}

impl Guarantee {
    /// Every guarantee there is.
    pub const ALL: &[Guarantee] = &[Guarantee::AtMostOnce, Guarantee::AtLeastOnce, Guarantee::Idempotent];

    /// The word that scenarios use.
    pub const fn word(self) -> &'static str {
        match self {
            Guarantee::AtMostOnce => "at-most-once",
            Guarantee::AtLeastOnce => "at-least-once",
            Guarantee::Idempotent => "idempotent",
        }
    }
}

/// What the oracle is told before the first event.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Which guarantees the scenario expects to hold.
    pub guarantees: Vec<Guarantee>,
    /// Topics as given.
    pub topics: Vec<TopicSetup>,
    /// Clients by their place in the plan.
    pub clients: Vec<ClientSetup>,
}

impl Setup {
    /// The clients with this profile, by their place in the plan.
    pub fn clients_of(&self, profile: Guarantee) -> impl Iterator<Item = u16> {
        let numbered = (0..).zip(&self.clients);
        numbered.filter(move |(_, client)| client.profile == Some(profile)).map(|(place, _)| place)
    }
}

/// A topic as given.
#[derive(Clone, Debug)]
pub struct TopicSetup {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: i32,
    /// True if an acknowledgment waits for the disk (`flush.messages=1`); false for page-cache durability.
    pub synced: bool,
    /// True if retention, compaction or DeleteRecords may remove records of it.
    pub shrinks: bool,
}

/// A client as given.
#[derive(Clone, Debug)]
pub struct ClientSetup {
    /// Its name.
    pub name: Arc<str>,
    /// What its configuration promises; `None` for clients that write nothing.
    pub profile: Option<Guarantee>,
    /// True if it may have several requests in flight without idempotence, so that retries may reorder.
    pub may_reorder: bool,
}
