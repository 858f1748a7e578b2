//! CreatePartitions: the controller decides.

use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::CreatePartitionsRequestData;

use super::forward::pass_on;
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes the request on.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: CreatePartitionsRequestData, out: &mut Outbox) -> Reply {
    pass_on(node, now, ask, request.timeout_ms, ControllerRequest::CreatePartitions(request), out)
}
