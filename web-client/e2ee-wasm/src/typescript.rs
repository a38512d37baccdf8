//! What TypeScript sees of the objects that cross the border, and their fields for Rust.

use e2ee::MediaKeys;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The keys of one epoch of the call. Not for the page: from worker to worker only. */
export interface MediaKeys {
  /** Counted over all groups of the room. */
  epoch: number;
  /** The leaf that this participant sends as. */
  own_leaf: number;
  /** 48 bytes. */
  audio_base_key: Uint8Array;
  /** 16 bytes. */
  video_base_key: Uint8Array;
  /** Every leaf of the epoch, the own one included. */
  members: number[];
  /** Leaves whose member was removed to make this epoch, even if somebody else has them now. */
  removed: number[];
}

/** How a frame is encoded. */
export type Codec = 'opus' | 'vp8' | 'vp9' | 'av1' | 'h264';

/** A frame, and who sent it from what: said by the key that opened it. */
export interface Opened {
  /** The sender's leaf. */
  leaf: number;
  /** 0 microphone, 1 camera, 2 screen, 3 screen audio. */
  context: number;
  /** The epoch in which it was sent. */
  epoch: number;
  /** The frame as its encoder made it. */
  frame: Uint8Array;
}

/** What an endpoint is made of. */
export interface EndpointConfig {
  /** The room to join: 22 base64url characters. */
  room: string;
  /** The link's fragment; what `open_link` gives where it asks for a passphrase. */
  link: string;
  /** The name that others see. */
  name: string;
  /** The Ed25519 key that signs the certificate: 32 bytes. */
  identity_public: Uint8Array;
  /** The MLS cipher suite; post-quantum without it. */
  suite?: number;
}

export interface RosterMember {
  leaf: number;
  participant: number;
  name: string;
  identity_public: Uint8Array;
  own: boolean;
}

/** What a member says. */
export type Content =
  /** Plain text, 1 to 4,000 characters. */
  | { kind: 'chat'; text: string }
  /** One emoji. */
  | { kind: 'reaction'; emoji: string }
  | { kind: 'hand'; raised: boolean };

/** Something that a member has said, labelled by MLS. */
export interface Message {
  /** As `say` gave it out; the same in every copy. */
  id: string;
  leaf: number;
  participant: number;
  name: string;
  own: boolean;
  content: Content;
}

/** A comparison by voice: five emoji that everybody in the same epoch sees. */
export type Comparison =
  /** These have not answered yet. */
  | { state: 'waiting'; participants: number[] }
  /** Five numbers from 0 to 63. */
  | { state: 'emoji'; emoji: number[] }
  /** This one tried to choose the emoji. */
  | { state: 'cheated'; participant: number }
  /** The members changed: begin again. */
  | { state: 'interrupted' };

/** One thing to do or to show. */
export type Output =
  /** JSON, for the signalling service. */
  | { type: 'send'; message: string }
  /** For the frame encryption. */
  | { type: 'keys'; keys: MediaKeys }
  | { type: 'coming_keys'; keys: MediaKeys }
  /** The members, as the MLS tree has them. */
  | { type: 'roster'; epoch: number; room_code: string; members: RosterMember[] }
  /** A member, perhaps this one, has said something that everybody can read. */
  | ({ type: 'message' } & Message)
  /** The members of whom nothing was heard for fifteen seconds, whenever they change: that everybody
   * is in the same call cannot be confirmed. */
  | { type: 'unconfirmed'; participants: number[] }
  /** How a comparison by voice stands, whoever has begun it. */
  | ({ type: 'comparison' } & Comparison)
  /** Something that people should know; the endpoint goes on. */
  | { type: 'problem'; code: string; message: string; participant: number | undefined }
  /** A step of the committer, in JSON; see `start_trace`. */
  | { type: 'trace'; line: string }
  /** The endpoint has come to its end: join again as a new participant. */
  | { type: 'rejoin'; code: string; reason: string };

/** What every function here throws. */
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
    /// The keys as the core has them.
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

/// The keys as they cross to the media worker.
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

/// A plain object with these fields.
pub(crate) fn object<T: wasm_bindgen::JsCast>(fields: &[(&str, JsValue)]) -> T {
    let object = Object::new();
    for (name, value) in fields {
        // Cannot fail: an object that was just made takes properties.
        let _ = Reflect::set(&object, &JsValue::from(*name), value);
    }
    object.unchecked_into()
}
