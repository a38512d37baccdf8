//! The keys of a room, which everyone with its link can derive.

use std::fmt;

use signaling_protocol::RoomId;

use crate::credential::{self, Certificate, CredentialError};
use crate::link::{LinkSecret, RoomSecrets};
use crate::suite::Suite;

/// A room with its cipher suite and the secrets of its link.
pub(crate) struct RoomKeys {
    pub(crate) id: RoomId,
    pub(crate) suite: Suite,
    secrets: RoomSecrets,
}

impl RoomKeys {
    pub(crate) fn new(id: RoomId, suite: Suite, link: &LinkSecret) -> Self {
        let secrets = link.room_secrets(&id);
        Self { id, suite, secrets }
    }

    pub(crate) fn psk(&self) -> &[u8; 32] {
        &self.secrets.psk
    }

    /// See [`credential::seal`].
    pub(crate) fn seal(
        &self,
        certificate: &[u8],
        nonce: [u8; 12],
    ) -> Result<Vec<u8>, CredentialError> {
        credential::seal(certificate, &self.secrets.credential_key, &self.id, nonce)
    }

    /// See [`credential::open`].
    pub(crate) fn open(
        &self,
        identity: &[u8],
        leaf: &[u8],
    ) -> Result<Certificate, CredentialError> {
        credential::open(identity, &self.secrets.credential_key, &self.id, leaf)
    }
}

impl fmt::Debug for RoomKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomKeys").field("id", &self.id).finish_non_exhaustive()
    }
}
