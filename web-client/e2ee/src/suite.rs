//! The MLS cipher suites that a room can have.

use openmls_traits::types::Ciphersuite;

/// The MLS cipher suite of a room; fixed by who creates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Suite {
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`: what is recorded today stays closed to
    /// tomorrow's quantum computer.
    #[default]
    PostQuantum,
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`: a tenth of the bytes.
    Classic,
}

impl Suite {
    /// The number in the registry of MLS cipher suites.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::PostQuantum => 0x004F,
            Self::Classic => 0x0001,
        }
    }

    /// The suite with this number, if it is one of ours.
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
