//! IncrementalAlterConfigs: the controller decides (KIP-339).

use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::IncrementalAlterConfigsRequestData;

use super::forward::{FORWARD_MS, pass_on};
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes the request on.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: IncrementalAlterConfigsRequestData, out: &mut Outbox) -> Reply {
    pass_on(node, now, ask, FORWARD_MS, ControllerRequest::IncrementalAlterConfigs(request), out)
}
