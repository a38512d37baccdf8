//! The end-to-end encryption core for browsers: [`e2ee`] with JavaScript types.
//!
//! This crate converts types and makes no decisions. Errors are thrown as an `Error` with a `code`.

mod endpoint;
mod link;
mod media;
mod thrown;
mod typescript;

pub use endpoint::{Endpoint, pairwise_code};
pub use link::{locked_link, open_link};
pub use media::MediaCryptor;
