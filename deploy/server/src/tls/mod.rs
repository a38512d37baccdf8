//! HTTPS with a certificate from files, which is reloaded when they change, or from ACME.

#[cfg(feature = "acme")]
mod acme;
mod certificate;
mod files;
mod listener;

#[cfg(feature = "acme")]
pub(crate) use acme::Acme;
pub(crate) use certificate::Certificate;
pub(crate) use files::{CertificateError, Files, validity};
pub(crate) use listener::TlsListener;
