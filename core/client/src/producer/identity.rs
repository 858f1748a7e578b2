//! The producer id of an idempotent producer: asked for once, and again when its epochs are used up.

use odradek_machine::{Mono, Now, Seed, ms};
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{ProducerEpoch, ProducerId};
use odradek_wire::messages::InitProducerIdResponseData;

use crate::config::CommonConfig;
use crate::network::backoff_ms;

/// The producer id, or how far the asking for it is.
///
/// | from | to | trigger |
/// |---|---|---|
/// | Wanted | Asked | InitProducerId is sent |
/// | Asked | Known | the answer |
/// | Asked | Wanted | no answer, or an error: after a backoff |
/// | Known | Wanted | the epochs of some partition are used up |
#[derive(Debug)]
pub(super) struct Identity {
    state: State,
    failures: u32,
    tries: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Wanted { from: Mono },
    Asked,
    Known(ProducerId, ProducerEpoch),
}

impl Identity {
    /// Not known and not asked for.
    pub(super) const fn new() -> Identity {
        Identity { state: State::Wanted { from: Mono(0) }, failures: 0, tries: 0 }
    }

    /// The producer id and the epoch to begin with.
    pub(super) const fn known(&self) -> Option<(ProducerId, ProducerEpoch)> {
        match self.state {
            State::Known(producer, epoch) => Some((producer, epoch)),
            State::Wanted { .. } | State::Asked => None,
        }
    }

    /// From when it may be asked for; `None` if it is known or asked for.
    pub(super) const fn ask_from(&self) -> Option<Mono> {
        match self.state {
            State::Wanted { from } => Some(from),
            State::Asked | State::Known(..) => None,
        }
    }

    /// InitProducerId was sent.
    pub(super) const fn asked(&mut self) {
        self.state = State::Asked;
        self.tries += 1;
    }

    /// The answer. An error that no retry will heal is given back, for the records that wait; the next record has it asked again.
    pub(super) fn answered(
        &mut self,
        now: Now,
        body: &InitProducerIdResponseData,
        config: &CommonConfig,
        seed: Seed,
    ) -> Result<(), ErrorCode> {
        let code = ErrorCode::from_code(body.error_code);
        if !code.is_error() && body.producer_id >= 0 && body.producer_epoch >= 0 {
            self.state = State::Known(ProducerId(body.producer_id), ProducerEpoch(body.producer_epoch));
            self.failures = 0;
            return Ok(());
        }
        self.lost(now, config, seed);
        let hopeless = matches!(code, ErrorCode::ClusterAuthorizationFailed | ErrorCode::UnsupportedVersion | ErrorCode::InvalidRequest);
        if hopeless { Err(code) } else { Ok(()) }
    }

    /// There was no answer.
    pub(super) fn lost(&mut self, now: Now, config: &CommonConfig, seed: Seed) {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff_ms(config.retry_backoff_ms, config.retry_backoff_max_ms, self.failures, seed.named("identity"), self.tries);
        self.state = State::Wanted { from: now.mono + ms(pause) };
    }

    /// The epochs of this producer id are used up somewhere: another one is wanted.
    pub(super) fn retire(&mut self, used_up: ProducerId) {
        if self.known().is_some_and(|(producer, _)| producer == used_up) {
            self.state = State::Wanted { from: Mono(0) };
        }
    }
}
