//! Links that ask for a passphrase.

use e2ee::link::{Link, LinkError, LinkSecret};
use signaling_protocol::RoomId;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::thrown;

/// A new link to a room, as its fragment, that asks for this passphrase.
///
/// # Errors
/// Thrown: the secret has not 32 bytes, or the passphrase is empty or too long.
#[wasm_bindgen]
pub fn locked_link(room_id: &str, secret: &[u8], passphrase: &str) -> Result<String, JsValue> {
    let secret =
        secret.try_into().map_err(|_| thrown("link_too_short", "A link secret has 32 bytes."))?;
    let secret = LinkSecret::from_bytes(secret);
    let link = Link::lock(secret, &room(room_id)?, passphrase).map_err(link_error)?;
    Ok(link.to_fragment())
}

/// Says nothing if the passphrase is that of the link, whose fragment this is.
///
/// # Errors
/// Thrown: it is not, or the link is damaged.
#[wasm_bindgen]
pub fn check_passphrase(room_id: &str, link: &str, passphrase: &str) -> Result<(), JsValue> {
    let room = room(room_id)?;
    let opened = link.parse::<Link>().and_then(|link| link.open(&room, Some(passphrase)));
    opened.map(drop).map_err(link_error)
}

pub(crate) fn room(id: &str) -> Result<RoomId, JsValue> {
    id.parse().map_err(|error| thrown("bad_room", &format!("{error}.")))
}

pub(crate) fn link_error(error: LinkError) -> JsValue {
    thrown(error.code(), &error.to_string())
}
