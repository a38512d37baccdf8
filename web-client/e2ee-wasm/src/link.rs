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

/// The link that this one, whose fragment is `link`, and its passphrase stand for: one that opens
/// by itself. It is for an endpoint of this visit, not for handing on.
///
/// # Errors
/// Thrown: the passphrase is not the link's, or the link is damaged.
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
