//! What the MLS library leaves to its user: cryptography, randomness and the store of private keys.
//!
//! For exactly the two suites that a room can have ([`Suite`](crate::Suite)), so that a browser
//! does not download curves, hashes and signatures that no room uses. Every primitive is
//! RustCrypto's; what is composed here is HPKE (RFC 9180), with the vectors of that RFC and
//! another implementation held against it. Secrets are compared by nobody, branch nothing, and
//! are wiped when dropped.

mod hpke;
mod kem;
mod key_store;
mod primitives;
#[cfg(test)]
mod tests;

use openmls_traits::OpenMlsProvider;

use key_store::KeyStore;
use primitives::Primitives;

/// One participant's cryptography and private keys.
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
