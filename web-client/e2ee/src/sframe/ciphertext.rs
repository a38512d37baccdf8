//! A protected frame, split into its parts.

use super::header::{Header, MalformedHeader};

/// An SFrame ciphertext (RFC 9605 section 4.2): header, encrypted frame and authentication tag.
#[derive(Debug, Clone, Copy)]
pub struct Ciphertext<'a> {
    header: Header,
    /// The encoded header, which is authenticated in this form.
    pub(super) header_bytes: &'a [u8],
    /// The encrypted frame with its tag.
    pub(super) sealed: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Splits header and sealed frame. Nothing is authenticated yet.
    ///
    /// # Errors
    /// [`MalformedHeader`] if `bytes` end inside the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MalformedHeader> {
        let (header, sealed) = Header::parse(bytes)?;
        let header_bytes = &bytes[..bytes.len() - sealed.len()];
        Ok(Self { header, header_bytes, sealed })
    }

    /// Returns the header. It is authentic only once the frame is unprotected.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }
}
