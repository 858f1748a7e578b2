//! AlterConfigs: this broker checks its own keys, the controller decides the rest (the older form, which replaces every override).

use odradek_cluster::alter::{answer_legacy, check_legacy};
use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::{AlterConfigsRequestData, AlterConfigsResponseData};

use super::forward::{Whole, pass_part_on, patience_ms};
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes on what the controller is to decide; answers at once if that is nothing.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: AlterConfigsRequestData, out: &mut Outbox) -> Reply {
    let (refused, rest) = check_legacy(node.me(), &request);
    if rest.resources.is_empty() {
        return Reply::Now(answer_legacy(&request, &refused, &AlterConfigsResponseData::default()).into());
    }
    let patience_ms = patience_ms(node);
    pass_part_on(node, now, ask, patience_ms, ControllerRequest::AlterConfigs(rest), Whole::Legacy(request, refused), out)
}
