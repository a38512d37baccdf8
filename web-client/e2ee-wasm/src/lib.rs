//! The end-to-end encryption core for the browser: [`e2ee`] with JavaScript's types around it.
//!
//! Nothing is decided here. Whatever goes wrong is thrown as an `Error` with a `code`.

mod endpoint;
mod link;
mod media;
mod thrown;
mod typescript;

pub use endpoint::{Endpoint, pairwise_code};
pub use link::{locked_link, open_link};
pub use media::MediaCryptor;
