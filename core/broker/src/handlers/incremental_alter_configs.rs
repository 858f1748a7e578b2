//! IncrementalAlterConfigs: this broker checks its own keys, the controller decides the rest (KIP-339).

use odradek_cluster::alter::{answer_incremental, check_incremental};
use odradek_cluster::controller::ControllerRequest;
use odradek_machine::Now;
use odradek_wire::messages::{IncrementalAlterConfigsRequestData, IncrementalAlterConfigsResponseData};

use super::forward::{Whole, pass_part_on, patience_ms};
use super::{Ask, Reply};
use crate::io::Outbox;
use crate::running::Running;

/// Passes on what the controller is to decide; answers at once if that is nothing.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: IncrementalAlterConfigsRequestData, out: &mut Outbox) -> Reply {
    let (refused, rest) = check_incremental(node.image(), node.me(), &request);
    if rest.resources.is_empty() {
        return Reply::Now(answer_incremental(&request, &refused, &IncrementalAlterConfigsResponseData::default()).into());
    }
    let patience_ms = patience_ms(node);
    pass_part_on(node, now, ask, patience_ms, ControllerRequest::IncrementalAlterConfigs(rest), Whole::Incremental(request, refused), out)
}
