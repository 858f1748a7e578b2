//! Requests that are the controller's to decide: passed on, and its answer passed back.

use odradek_cluster::alter::{Refused, answer_incremental, answer_legacy};
use odradek_cluster::controller::{ControllerRequest, ControllerResponse, Refusal, refuse};
use odradek_machine::{Mono, Now};
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::{AlterConfigsRequestData, IncrementalAlterConfigsRequestData};
use odradek_wire::response::Response;

use super::{Ask, Pending, Reply, made};
use crate::io::Outbox;
use crate::running::{Asker, Running};
use crate::sessions::RequestKey;

/// A request in the hands of the controller.
#[derive(Debug)]
pub(crate) struct Forwarded {
    request: ControllerRequest,
    whole: Whole,
    /// When the client's time is over.
    until: Mono,
}

/// What a client asked, where the controller has a part of it only.
#[derive(Debug)]
pub(crate) enum Whole {
    /// The controller has all of it.
    Passed,
    /// This broker refused some resources.
    Incremental(IncrementalAlterConfigsRequestData, Refused),
    /// As `Incremental`, of the older form.
    Legacy(AlterConfigsRequestData, Refused),
}

/// How long a request without a time of its own waits for a controller: `request.timeout.ms`.
pub(crate) fn patience_ms(node: &Running) -> i32 {
    i32::try_from(node.setup.config.long("request.timeout.ms")).unwrap_or(i32::MAX)
}

/// Passes a request on to the controller.
pub(crate) fn pass_on(node: &mut Running, now: Now, ask: &Ask, timeout_ms: i32, request: ControllerRequest, out: &mut Outbox) -> Reply {
    pass_part_on(node, now, ask, timeout_ms, request, Whole::Passed, out)
}

/// Passes on what the controller is to decide of a request.
pub(crate) fn pass_part_on(
    node: &mut Running,
    now: Now,
    ask: &Ask,
    timeout_ms: i32,
    request: ControllerRequest,
    whole: Whole,
    out: &mut Outbox,
) -> Reply {
    let until = now.mono.plus_ms(u64::try_from(timeout_ms).unwrap_or(0));
    node.purgatory.park(ask.key, Vec::new(), Some(until));
    node.pending.insert(ask.key, Pending::Forwarded(Box::new(Forwarded { request: request.clone(), whole, until })));
    node.ask(now, Asker::Client(ask.key), request, out);
    Reply::Later
}

/// The controller answered, and what it answered from is committed.
pub(crate) fn answered(node: &mut Running, now: Now, key: RequestKey, response: ControllerResponse, out: &mut Outbox) {
    let Some(Pending::Forwarded(forwarded)) = node.pending.remove(&key) else { return };
    match &forwarded.request {
        ControllerRequest::CreateTopics(r) if !r.validate_only => made::answer_when_made(node, now, key, response, forwarded.until, out),
        ControllerRequest::CreatePartitions(r) if !r.validate_only => {
            made::answer_when_made(node, now, key, response, forwarded.until, out);
        }
        _ => answer(node, now, key, &forwarded.whole, response, out),
    }
}

/// Passes on what the controller answered, where that is all there is to say.
pub(crate) fn answer_to_client(node: &mut Running, now: Now, key: RequestKey, response: ControllerResponse, out: &mut Outbox) {
    answer(node, now, key, &Whole::Passed, response, out);
}

fn answer(node: &mut Running, now: Now, key: RequestKey, whole: &Whole, response: ControllerResponse, out: &mut Outbox) {
    let response = match (whole, response) {
        (Whole::Incremental(request, refused), ControllerResponse::IncrementalAlterConfigs(decided)) => {
            Some(answer_incremental(request, refused, &decided).into())
        }
        (Whole::Legacy(request, refused), ControllerResponse::AlterConfigs(decided)) => {
            Some(answer_legacy(request, refused, &decided).into())
        }
        (_, response) => to_client(response),
    };
    if let Some(response) = response {
        node.answer(now, key, &response, out);
    }
}

/// The controller did not answer in time. What it decided may still be committed.
pub(crate) fn expired(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    let Some(Pending::Forwarded(forwarded)) = node.pending.remove(&key) else { return };
    let why = Refusal::bare(ErrorCode::RequestTimedOut);
    answer(node, now, key, &forwarded.whole, refuse(&forwarded.request, &why).reply, out);
}

fn to_client(response: ControllerResponse) -> Option<Response> {
    Some(match response {
        ControllerResponse::CreateTopics(r) => Response::CreateTopics(r),
        ControllerResponse::CreatePartitions(r) => Response::CreatePartitions(r),
        ControllerResponse::DeleteTopics(r) => Response::DeleteTopics(r),
        ControllerResponse::IncrementalAlterConfigs(r) => Response::IncrementalAlterConfigs(r),
        ControllerResponse::AlterConfigs(r) => Response::AlterConfigs(r),
        ControllerResponse::BrokerRegistration(_)
        | ControllerResponse::BrokerHeartbeat(_)
        | ControllerResponse::ControllerRegistration(_)
        | ControllerResponse::AllocateProducerIds(_)
        | ControllerResponse::AssignReplicasToDirs(_) => return None,
    })
}
