//! HTTPS: by a certificate of one's own, which is read again when its files change, or by one that
//! the server gets itself.

mod acme;
mod certificate;
mod files;
mod listener;

pub(crate) use acme::Acme;
pub(crate) use certificate::Certificate;
pub(crate) use files::{CertificateError, Files, validity};
pub(crate) use listener::TlsListener;
