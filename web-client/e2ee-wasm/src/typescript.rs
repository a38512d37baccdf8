//! The TypeScript types of the objects that JavaScript and Rust exchange, and access to their fields.

use e2ee::MediaKeys;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The SFrame base keys of one epoch. They go from worker to worker and never to the page. */
export interface MediaKeys {
  /** The handshake count of the log that began the epoch: unique over all groups of the room. */
  epoch: number;
  /** This participant's leaf index. */
  own_leaf: number;
  /** 48 bytes. */
  audio_base_key: Uint8Array;
  /** 16 bytes. */
  video_base_key: Uint8Array;
  /** All leaf indices of the epoch, including this participant's. */
  members: number[];
  /** The leaf indices of removed members, even if a new member has the leaf now. */
  removed: number[];
}

/** The codec of a frame. */
export type Codec = 'opus' | 'vp8' | 'vp9' | 'av1' | 'h264';

/** An unprotected frame, with the sender and source that its key authenticates. */
export interface Opened {
  /** The sender's leaf index. */
  leaf: number;
  /** The source: 0 microphone, 1 camera, 2 screen, 3 screen audio. */
  context: number;
  /** The epoch in which it was sent, as in `MediaKeys`. */
  epoch: number;
  /** The encoded frame. */
  frame: Uint8Array;
}

/** The configuration of an endpoint. */
export interface EndpointConfig {
  /** The room to join: 22 base64url characters. */
  room: string;
  /** The link's fragment. For a link with a passphrase, the result of `open_link`. */
  link: string;
  /** The name that other members see. */
  name: string;
  /** The Ed25519 public key that signs the certificate: 32 bytes. */
  identity_public: Uint8Array;
  /** The number of the MLS cipher suite. The default is the post-quantum one. */
  suite?: number;
}

export interface RosterMember {
  leaf: number;
  participant: number;
  name: string;
  identity_public: Uint8Array;
  own: boolean;
}

/** The content of a message. */
export type Content =
  /** Plain text, 1 to 4,000 characters. */
  | { kind: 'chat'; text: string }
  /** One emoji. */
  | { kind: 'reaction'; emoji: string }
  | { kind: 'hand'; raised: boolean };

/** A message of a member, with the author that MLS authenticated. */
export interface Message {
  /** The id that `send_message` returned, the same for all members. */
  id: string;
  leaf: number;
  participant: number;
  name: string;
  own: boolean;
  content: Content;
}

/** The state of the short authentication string: five emoji that members compare by voice. */
export type SasState =
  /** These participants have not answered yet. */
  | { state: 'waiting'; participants: number[] }
  /** Five numbers from 0 to 63, equal for all members of the epoch. */
  | { state: 'emoji'; emoji: number[] }
  /** This participant revealed another nonce than it had committed to. */
  | { state: 'commitment_mismatch'; participant: number }
  /** The epoch changed: start again. */
  | { state: 'interrupted' };

/** One thing to send, to install or to show. */
export type Output =
  /** Send this JSON to the signalling service. */
  | { type: 'send'; message: string }
  /** Install these keys in the media cryptor. */
  | { type: 'keys'; keys: MediaKeys }
  /** Prepare the media cryptor for an epoch that may begin soon. */
  | { type: 'pending_keys'; keys: MediaKeys }
  /** The members, from the MLS tree. */
  | { type: 'roster'; epoch: number; room_code: string; members: RosterMember[] }
  /** A message of a member, this one included. */
  | ({ type: 'message' } & Message)
  /** The members without a heartbeat for 15 seconds, whenever the set changes: the endpoint cannot
   * confirm that they are in the same call. */
  | { type: 'unconfirmed'; participants: number[] }
  /** The state of a comparison that this member or another one started. */
  | ({ type: 'sas' } & SasState)
  /** A problem to tell the user about. The endpoint goes on. */
  | { type: 'problem'; code: string; message: string; participant: number | undefined }
  /** A step of the committer, in JSON: see `start_trace`. */
  | { type: 'trace'; line: string }
  /** The endpoint is at its end: join again as a new participant. */
  | { type: 'rejoin'; code: string; reason: string };

/** The error that every function here throws. */
export interface E2eeError extends Error {
  code: string;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// See `TYPES`.
    #[wasm_bindgen(extends = Object, typescript_type = "MediaKeys")]
    pub type JsMediaKeys;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn epoch(this: &JsMediaKeys) -> f64;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn own_leaf(this: &JsMediaKeys) -> u32;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn audio_base_key(this: &JsMediaKeys) -> Uint8Array;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn video_base_key(this: &JsMediaKeys) -> Uint8Array;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn members(this: &JsMediaKeys) -> Vec<u32>;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn removed(this: &JsMediaKeys) -> Vec<u32>;

    /// See `TYPES`.
    #[wasm_bindgen(typescript_type = "Codec")]
    pub type JsCodec;

    /// See `TYPES`.
    #[wasm_bindgen(typescript_type = "Opened")]
    pub type JsOpened;

    /// See `TYPES`.
    #[wasm_bindgen(typescript_type = "Output")]
    pub type JsOutput;

    /// See `TYPES`.
    #[wasm_bindgen(extends = Object, typescript_type = "EndpointConfig")]
    pub type JsConfig;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn room(this: &JsConfig) -> String;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn link(this: &JsConfig) -> String;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn name(this: &JsConfig) -> String;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn identity_public(this: &JsConfig) -> Uint8Array;
    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn suite(this: &JsConfig) -> Option<u16>;
}

impl JsMediaKeys {
    /// Returns the keys as the core's type.
    pub(crate) fn to_rust(&self) -> MediaKeys {
        MediaKeys {
            epoch: self.epoch() as u64,
            own_leaf: self.own_leaf(),
            audio_base_key: self.audio_base_key().to_vec(),
            video_base_key: self.video_base_key().to_vec(),
            members: self.members(),
            removed: self.removed(),
        }
    }
}

/// Returns the keys as the JavaScript object `MediaKeys`.
pub(crate) fn media_keys(keys: &MediaKeys) -> JsValue {
    let leaves = |leaves: &[u32]| -> JsValue {
        leaves.iter().copied().map(JsValue::from).collect::<Array>().into()
    };
    object(&[
        ("epoch", (keys.epoch as f64).into()),
        ("own_leaf", keys.own_leaf.into()),
        ("audio_base_key", Uint8Array::from(keys.audio_base_key.as_slice()).into()),
        ("video_base_key", Uint8Array::from(keys.video_base_key.as_slice()).into()),
        ("members", leaves(&keys.members)),
        ("removed", leaves(&keys.removed)),
    ])
}

/// Returns a plain JavaScript object with these fields.
pub(crate) fn object<T: wasm_bindgen::JsCast>(fields: &[(&str, JsValue)]) -> T {
    let object = Object::new();
    for (name, value) in fields {
        // Cannot fail: an object that was just made takes properties.
        let _ = Reflect::set(&object, &JsValue::from(*name), value);
    }
    object.unchecked_into()
}
