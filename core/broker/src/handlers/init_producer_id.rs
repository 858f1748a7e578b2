//! InitProducerId without a transactional id: an id nobody had, out of this broker's block (KIP-98, KIP-730).

use odradek_cluster::controller::ControllerResponse;
use odradek_machine::Now;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::ProducerId;
use odradek_wire::messages::{InitProducerIdRequestData, InitProducerIdResponseData};

use super::{Ask, Pending, Reply};
use crate::io::Outbox;
use crate::running::{Asker, Running};
use crate::sessions::RequestKey;

/// An InitProducerId that waits for a block of ids.
#[derive(Debug)]
pub(crate) struct PendingInitProducerId;

/// Gives out an id, after asking the controller for a block where this one is used up.
pub(crate) fn handle(node: &mut Running, now: Now, ask: &Ask, request: &InitProducerIdRequestData, out: &mut Outbox) -> Reply {
    if let Some(id) = &request.transactional_id {
        let error = if id.is_empty() { ErrorCode::InvalidRequest } else { ErrorCode::CoordinatorNotAvailable };
        return Reply::Now(failed(error).into());
    }
    // Someone who has an id has an epoch, too (KIP-360).
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Reply::Now(failed(ErrorCode::InvalidRequest).into());
    }
    if let Some(id) = node.membership.producer_ids.draw() {
        return Reply::Now(given(id).into());
    }
    node.pending.insert(ask.key, Pending::InitProducerId(PendingInitProducerId));
    node.waiting_for_ids.push_back(ask.key);
    if let Some(request) = node.membership.want_producer_ids(&node.setup) {
        node.ask(now, Asker::ProducerIds, request, out);
    }
    Reply::Later
}

/// A block came, or did not.
pub(crate) fn block_came(node: &mut Running, now: Now, response: &ControllerResponse, out: &mut Outbox) {
    let ControllerResponse::AllocateProducerIds(block) = response else { return };
    if block.error_code == 0 {
        node.membership.producer_ids.block(block.producer_id_start, i64::from(block.producer_id_len));
    } else {
        node.membership.producer_ids.asked = false;
    }
    while let Some(key) = node.waiting_for_ids.pop_front() {
        if !matches!(node.pending.get(&key), Some(Pending::InitProducerId(_))) {
            continue; // its connection is gone
        }
        match node.membership.producer_ids.draw() {
            Some(id) => node.answer(now, key, &given(id).into(), out),
            None if block.error_code != 0 => node.answer(now, key, &failed(ErrorCode::CoordinatorLoadInProgress).into(), out),
            None => return ask_again(node, now, key, out),
        }
    }
}

fn ask_again(node: &mut Running, now: Now, key: RequestKey, out: &mut Outbox) {
    node.waiting_for_ids.push_front(key);
    if let Some(request) = node.membership.want_producer_ids(&node.setup) {
        node.ask(now, Asker::ProducerIds, request, out);
    }
}

fn given(id: ProducerId) -> InitProducerIdResponseData {
    InitProducerIdResponseData::default().with_producer_id(id.0).with_producer_epoch(0)
}

fn failed(error: ErrorCode) -> InitProducerIdResponseData {
    InitProducerIdResponseData::default().with_error_code(error.code()).with_producer_id(-1).with_producer_epoch(-1)
}
