//! [`e2ee::link`] for JavaScript: links with a passphrase.

use e2ee::link::{Link, LinkError, LinkSecret};
use signaling_protocol::RoomId;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::thrown;

/// Returns the fragment of a new link to a room, which this passphrase protects. Takes about a
/// second.
///
/// # Errors
/// Throws if the secret is not 32 bytes long, or the passphrase is empty or too long.
#[wasm_bindgen]
pub fn locked_link(room_id: &str, secret: &[u8], passphrase: &str) -> Result<String, JsValue> {
    let secret =
        secret.try_into().map_err(|_| thrown("link_too_short", "A link secret has 32 bytes."))?;
    let secret = LinkSecret::from_bytes(secret);
    let link = Link::lock(secret, &room(room_id)?, passphrase).map_err(link_error)?;
    Ok(link.to_fragment())
}

/// Returns the fragment of the link without a passphrase that the fragment `link` and its passphrase
/// open. Takes about a second. Pass it to an endpoint; do not show or store it.
///
/// # Errors
/// Throws if the passphrase is wrong or the link is damaged.
#[wasm_bindgen]
pub fn open_link(room_id: &str, link: &str, passphrase: &str) -> Result<String, JsValue> {
    let room = room(room_id)?;
    let opened = link.parse::<Link>().and_then(|link| link.open(&room, Some(passphrase)));
    opened.map(|secret| Link::open_to_all(secret).to_fragment()).map_err(link_error)
}

pub(crate) fn room(id: &str) -> Result<RoomId, JsValue> {
    id.parse().map_err(|error| thrown("bad_room", &format!("{error}.")))
}

pub(crate) fn link_error(error: LinkError) -> JsValue {
    thrown(error.code(), &error.to_string())
}
