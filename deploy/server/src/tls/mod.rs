//! HTTPS by a certificate of one's own, which is read again when its files change.

mod certificate;
mod listener;

pub(crate) use certificate::{Certificate, CertificateError};
pub(crate) use listener::TlsListener;
