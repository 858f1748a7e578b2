//! Requests: typed as the broker receives them, and encoded as a client sends them.

mod encode;

pub use encode::{EncodeError, encode};

use crate::api::{ApiKey, for_each_api};
use crate::batch::{BatchError, ProducerBatch};
use crate::ids::{CorrelationId, Uuid};
use crate::messages::KafkaString;

/// What every request begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api: ApiKey,
    /// In which version; the response has the same.
    pub version: i16,
    /// What the response carries back.
    pub correlation: CorrelationId,
    /// What the client calls itself; empty where it said nothing. A slice of the frame when received.
    pub client_id: KafkaString,
}

/// When a produce request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acks {
    /// Never: there is no response at all.
    None,
    /// When the leader has it.
    Leader,
    /// When every in-sync replica has it.
    All,
}

impl Acks {
    /// The meaning of a number on the wire; what has none is answered with `INVALID_REQUIRED_ACKS`.
    pub const fn known(acks: i16) -> Option<Acks> {
        match acks {
            0 => Some(Acks::None),
            1 => Some(Acks::Leader),
            -1 => Some(Acks::All),
            _ => None,
        }
    }
}

/// A Produce request whose batches have been validated, each by itself.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// The producer's transactional id, if it has one.
    pub transactional_id: Option<KafkaString>,
    /// The number on the wire; see [`Acks::known`].
    pub acks: i16,
    /// How long to wait for the in-sync replicas.
    pub timeout_ms: i32,
    /// By topic.
    pub topics: Vec<ProduceTopic>,
}

/// One topic of a Produce request.
#[derive(Clone, Debug)]
pub struct ProduceTopic {
    /// Its name; empty from version 13 on.
    pub name: KafkaString,
    /// Its id; zero before version 13.
    pub id: Uuid,
    /// By partition.
    pub partitions: Vec<ProducePartition>,
}

/// One partition of a Produce request.
#[derive(Clone, Debug)]
pub struct ProducePartition {
    /// The partition.
    pub index: i32,
    /// Its one batch, or what is wrong with it: an error code of this partition alone.
    pub batch: Result<ProducerBatch, BatchError>,
    /// Bytes of that batch, wrong or not; zero if there is no whole one.
    pub batch_bytes: u64,
}

macro_rules! declare_request {
    (Produce = $key:literal, $oldest:literal..=$newest:literal, flexible $flexible:literal, $body:ident => $response:ident;
     $($name:ident = $k:literal, $o:literal..=$n:literal, flexible $f:literal, $request:ident => $r:ident;)*) => {
        /// A request as the broker receives it.
        #[derive(Clone, Debug)]
        pub enum Request {
            /// Produce, with its batches validated.
            Produce(ProduceRequest),
            $(
                #[doc = concat!(stringify!($name), ", as decoded.")]
                $name(crate::messages::$request),
            )*
            /// ApiVersions in a version that this broker has not: answered in version 0, with `UNSUPPORTED_VERSION` and the versions that it has (KIP-511).
            UnsupportedApiVersions {
                /// The version that was asked in.
                version: i16,
            },
        }

        /// A request as a client sends it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum RequestBody {
            /// Produce, with batches in bytes.
            Produce(crate::messages::$body),
            $(
                #[doc = concat!(stringify!($name), ".")]
                $name(crate::messages::$request),
            )*
        }

        impl RequestBody {
            /// The API of this request.
            pub const fn api(&self) -> ApiKey {
                match self {
                    RequestBody::Produce(_) => ApiKey::Produce,
                    $(RequestBody::$name(_) => ApiKey::$name,)*
                }
            }
        }

        impl From<crate::messages::$body> for RequestBody {
            fn from(body: crate::messages::$body) -> RequestBody {
                RequestBody::Produce(body)
            }
        }

        $(impl From<crate::messages::$request> for RequestBody {
            fn from(body: crate::messages::$request) -> RequestBody {
                RequestBody::$name(body)
            }
        })*
    };
}

for_each_api!(declare_request);

impl Request {
    /// True for the one API whose requests may be worked on before earlier ones of the connection are answered.
    pub const fn is_produce(&self) -> bool {
        matches!(self, Request::Produce(_))
    }
}
