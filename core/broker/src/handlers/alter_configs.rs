//! AlterConfigs: the controller decides (the older form, which replaces every override).

use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::AlterConfigsRequestData;

use super::forward::{FORWARD_MS, pass_on};
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes the request on.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: AlterConfigsRequestData, out: &mut Outbox) -> Reply {
    pass_on(node, now, ask, FORWARD_MS, ControllerRequest::AlterConfigs(request), out)
}
