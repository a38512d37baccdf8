//! The provider that OpenMLS needs: cryptography, randomness and a store of private keys.
//!
//! It supports exactly the two suites that a room can have ([`Suite`](crate::suite::Suite)), so that
//! browsers do not download unused curves, hashes and signatures. All primitives come from
//! RustCrypto. HPKE (RFC 9180) is composed here and tested with the vectors of the RFC and against
//! another implementation. Secrets are never compared or branched on, and are wiped on drop.

mod hpke;
mod kem;
mod key_store;
mod primitives;
#[cfg(test)]
mod tests;

use openmls_traits::OpenMlsProvider;

use key_store::KeyStore;
use primitives::Primitives;

/// The cryptography and the private keys of one participant.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    primitives: Primitives,
    keys: KeyStore,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Primitives;
    type RandProvider = Primitives;
    type StorageProvider = KeyStore;

    fn storage(&self) -> &KeyStore {
        &self.keys
    }

    fn crypto(&self) -> &Primitives {
        &self.primitives
    }

    fn rand(&self) -> &Primitives {
        &self.primitives
    }
}
