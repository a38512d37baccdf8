//! One participant's end-to-end encryption: server messages and time in, outputs out.

mod output;
mod problem;

use signaling_protocol::{RoomId, ServerMessage};

use crate::credential::CertificateRequest;
use crate::link::LinkSecret;
use crate::suite::Suite;

pub use output::{Member, Output, RejoinReason, Roster};
pub use problem::{Problem, ProblemCode};

/// What an endpoint is made of.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// The room to join.
    pub room: RoomId,
    /// The link's secret.
    pub link: LinkSecret,
    /// The name that others see; at most 64 characters are kept.
    pub name: String,
    /// The Ed25519 key that signs the certificate.
    pub identity_public: [u8; 32],
    /// The suite of a room that this endpoint creates, and the only one it joins.
    pub suite: Suite,
}

/// Why an endpoint cannot be made or certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The random source or the MLS library failed.
    #[error("The encryption could not be set up; reload the page.")]
    SetUp,
    /// The identity key is not an Ed25519 public key.
    #[error("The identity key is not an Ed25519 key; make a new identity.")]
    BadIdentityKey,
    /// The signature is not the identity key's signature of the request.
    #[error("The certificate is not signed by the identity key; make a new identity.")]
    BadSignature,
    /// The certificate was handed in before.
    #[error("The certificate was handed in already.")]
    AlreadyCertified,
}

impl EndpointError {
    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::BadIdentityKey => "bad_identity_key",
            Self::BadSignature => "bad_signature",
            Self::AlreadyCertified => "already_certified",
        }
    }
}

/// One participant of one room.
#[derive(Debug)]
pub struct Endpoint {
    outputs: std::collections::VecDeque<Output>,
}

impl Endpoint {
    /// A new endpoint, and what the identity key has to sign for it.
    ///
    /// # Errors
    /// [`EndpointError`]
    pub fn new(
        config: EndpointConfig,
        now_ms: u64,
    ) -> Result<(Self, CertificateRequest), EndpointError> {
        let _ = (config, now_ms);
        Err(EndpointError::SetUp)
    }

    /// Takes the identity key's Ed25519 signature of the [`CertificateRequest`].
    ///
    /// # Errors
    /// [`EndpointError`]
    pub fn certify(&mut self, signature: [u8; 64]) -> Result<(), EndpointError> {
        let _ = signature;
        Err(EndpointError::SetUp)
    }

    /// Takes a message of the signalling service; ignores those that are not its business.
    pub fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        let _ = (message, now_ms);
    }

    /// Time has come to [`Endpoint::poll_timeout`].
    pub fn handle_timeout(&mut self, now_ms: u64) {
        let _ = now_ms;
    }

    /// When to call [`Endpoint::handle_timeout`], in milliseconds since the Unix epoch.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        None
    }

    /// The next output; drain them after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
