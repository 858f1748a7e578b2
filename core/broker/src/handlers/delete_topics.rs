//! DeleteTopics: the controller decides; logs go when the committed image says so.

use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::DeleteTopicsRequestData;

use super::forward::pass_on;
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes the request on.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: DeleteTopicsRequestData, out: &mut Outbox) -> Reply {
    pass_on(node, now, ask, request.timeout_ms, ControllerRequest::DeleteTopics(request), out)
}
