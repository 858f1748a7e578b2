//! The node: one machine that is broker and controller over the same directories.

use odradek_machine::{Deadline, Now};

use crate::io::{Input, Outbox};
use crate::setup::NodeSetup;

/// A node of the cluster.
///
/// Broker and controller talk by request and answer even where both are here, and brokers act on the committed image only: nothing in the broker knows
/// whether it is alone.
#[derive(Debug)]
pub struct Node {
    setup: NodeSetup,
}

impl Node {
    /// A node at the start of a life; its first [`Input::Wake`] begins it.
    pub fn new(setup: NodeSetup) -> Node {
        Node { setup }
    }

    /// The only way anything changes.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let _ = (now, input, out);
    }

    /// The earliest instant at which the node wants to be woken, and why. A node that never stepped wants it at once.
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Asserts every invariant that can be seen from inside: what the last step touched, and everything now and then.
    pub fn check(&self) {}

    /// What it was made from.
    pub const fn setup(&self) -> &NodeSetup {
        &self.setup
    }
}
