//! The MLS cipher suites that a room can have.

use openmls_traits::types::Ciphersuite;

/// The MLS cipher suite of a room (RFC 9420 section 17.1), which the creator of the room fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Suite {
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`: a quantum computer cannot decrypt calls
    /// that were recorded earlier.
    #[default]
    PostQuantum,
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`: messages are about a tenth as long.
    Classic,
}

impl Suite {
    /// Returns its number in the IANA registry of MLS cipher suites.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::PostQuantum => 0x004F,
            Self::Classic => 0x0001,
        }
    }

    /// Returns the suite with this number, or `None` if rooms cannot have it.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::PostQuantum, Self::Classic].into_iter().find(|suite| suite.id() == id)
    }

    pub(crate) fn ciphersuite(self) -> Ciphersuite {
        match self {
            Self::PostQuantum => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
            Self::Classic => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
        }
    }
}
