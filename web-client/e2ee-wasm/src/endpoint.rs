//! The MLS side.

use e2ee::Suite;
use e2ee::endpoint::{ComparisonState, EndpointConfig, Member, Output};
use e2ee::link::Link;
use e2ee::messages::Content;
use js_sys::{Array, Uint8Array};
use signaling_protocol::ServerMessage;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::link::{link_error, room};
use crate::media::millis;
use crate::thrown::thrown;
use crate::typescript::{JsConfig, JsOutput, media_keys, object};

/// One participant of one room.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Endpoint {
    endpoint: e2ee::endpoint::Endpoint,
    to_sign: Vec<u8>,
}

#[wasm_bindgen]
impl Endpoint {
    /// A new endpoint; have [`Endpoint::to_sign`] signed next.
    ///
    /// # Errors
    /// Thrown: a field of the configuration does not fit.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsConfig, now_ms: f64) -> Result<Self, JsValue> {
        let room = room(&config.room())?;
        let link = config
            .link()
            .parse::<Link>()
            .and_then(|link| link.open(&room, None))
            .map_err(link_error)?;
        let identity_public = config.identity_public().to_vec().try_into().map_err(|_| {
            thrown("bad_identity_key", "The identity key is not an Ed25519 key of 32 bytes.")
        })?;
        let suite = match config.suite() {
            None => Suite::default(),
            Some(id) => Suite::from_id(id).ok_or_else(|| {
                thrown("bad_suite", "This cipher suite is not one of this project's.")
            })?,
        };
        let config = EndpointConfig { room, link, name: config.name(), identity_public, suite };
        let (endpoint, request) = e2ee::endpoint::Endpoint::new(config, millis(now_ms))
            .map_err(|error| thrown(error.code(), &error.to_string()))?;
        Ok(Self { endpoint, to_sign: request.as_bytes().to_vec() })
    }

    /// What the identity key has to sign.
    #[must_use]
    pub fn to_sign(&self) -> Uint8Array {
        Uint8Array::from(self.to_sign.as_slice())
    }

    /// Takes the signature.
    ///
    /// # Errors
    /// Thrown: it is not the identity key's signature.
    pub fn certify(&mut self, signature: &[u8]) -> Result<(), JsValue> {
        let signature = signature
            .try_into()
            .map_err(|_| thrown("bad_signature", "An Ed25519 signature has 64 bytes."))?;
        self.endpoint.certify(signature).map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Has every step told, for a check against the specification.
    pub fn start_trace(&mut self) {
        self.endpoint.start_trace();
    }

    /// Takes a message of the signalling service, as JSON.
    ///
    /// # Errors
    /// Thrown: it is not one of the protocol's messages.
    pub fn handle(&mut self, server_message: &str, now_ms: f64) -> Result<(), JsValue> {
        let message: ServerMessage = serde_json::from_str(server_message).map_err(|error| {
            thrown("bad_message", &format!("The server said something unknown: {error}."))
        })?;
        self.endpoint.handle(message, millis(now_ms));
        Ok(())
    }

    /// Says something to all members, a `Content` as JSON; gives its id.
    ///
    /// # Errors
    /// Thrown: it cannot be said.
    pub fn say(&mut self, content: &str, now_ms: f64) -> Result<String, JsValue> {
        let content: Content = serde_json::from_str(content)
            .map_err(|error| thrown("bad_content", &format!("This cannot be said: {error}.")))?;
        self.endpoint
            .say(content, millis(now_ms))
            .map(|id| id.to_string())
            .map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Begins a comparison by voice.
    ///
    /// # Errors
    /// Thrown: this is no member of the call yet, or too much is waiting to be sent.
    pub fn compare(&mut self, now_ms: f64) -> Result<(), JsValue> {
        let begun = self.endpoint.compare(millis(now_ms));
        begun.map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Time has come to [`Endpoint::next_timeout`].
    pub fn handle_timeout(&mut self, now_ms: f64) {
        self.endpoint.handle_timeout(millis(now_ms));
    }

    /// When to call [`Endpoint::handle_timeout`], in milliseconds since the Unix epoch.
    #[must_use]
    pub fn next_timeout(&self) -> Option<f64> {
        self.endpoint.poll_timeout().map(|due| due as f64)
    }

    /// The next output; drain them after every call.
    ///
    /// # Errors
    /// Thrown: a message cannot be written as JSON.
    pub fn poll(&mut self) -> Result<Option<JsOutput>, JsValue> {
        let Some(output) = self.endpoint.poll_output() else { return Ok(None) };
        let kind = |kind: &str| ("type", JsValue::from(kind));
        Ok(Some(match output {
            Output::Send(message) => {
                let text = serde_json::to_string(&message)
                    .map_err(|error| thrown("internal", &error.to_string()))?;
                object(&[kind("send"), ("message", text.into())])
            }
            Output::Keys(keys) => object(&[kind("keys"), ("keys", media_keys(&keys))]),
            Output::ComingKeys(keys) => object(&[kind("coming_keys"), ("keys", media_keys(&keys))]),
            Output::Roster(roster) => {
                let members: Array = roster.members.iter().map(member).collect();
                object(&[
                    kind("roster"),
                    ("epoch", (roster.epoch as f64).into()),
                    ("room_code", roster.room_code.into()),
                    ("members", members.into()),
                ])
            }
            Output::Message(message) => object(&[
                kind("message"),
                ("id", message.id.to_string().into()),
                ("leaf", message.leaf.into()),
                ("participant", message.participant.0.into()),
                ("name", message.name.into()),
                ("own", message.own.into()),
                ("content", content(&message.content)),
            ]),
            Output::Unconfirmed(silent) => {
                let participants: Array =
                    silent.iter().map(|participant| JsValue::from(participant.0)).collect();
                object(&[kind("unconfirmed"), ("participants", participants.into())])
            }
            Output::Comparison(state) => comparison(state),
            Output::Problem(problem) => object(&[
                kind("problem"),
                ("code", problem.code.as_str().into()),
                ("message", problem.message.into()),
                ("participant", problem.participant.map(|one| one.0).into()),
            ]),
            Output::Trace(line) => object(&[kind("trace"), ("line", line.into())]),
            Output::Rejoin(reason) => object(&[
                kind("rejoin"),
                ("code", reason.code().into()),
                ("reason", reason.to_string().into()),
            ]),
        }))
    }
}

/// The code that two people compare, from their identity keys of 32 bytes each.
///
/// # Errors
/// Thrown: a key has another length.
#[wasm_bindgen]
pub fn pairwise_code(one: &[u8], other: &[u8]) -> Result<String, JsValue> {
    let key = |bytes: &[u8]| {
        bytes.try_into().map_err(|_| {
            thrown("bad_identity_key", "The identity key is not an Ed25519 key of 32 bytes.")
        })
    };
    Ok(e2ee::room_code::pairwise_code(key(one)?, key(other)?))
}

fn comparison(state: ComparisonState) -> JsOutput {
    let output = |state: &str, field: (&str, JsValue)| {
        object(&[("type", "comparison".into()), ("state", state.into()), field])
    };
    match state {
        ComparisonState::Waiting(silent) => {
            let silent: Array = silent.iter().map(|one| JsValue::from(one.0)).collect();
            output("waiting", ("participants", silent.into()))
        }
        ComparisonState::Emoji(emoji) => {
            let emoji: Array = emoji.iter().map(|&one| JsValue::from(one)).collect();
            output("emoji", ("emoji", emoji.into()))
        }
        ComparisonState::Cheated(participant) => {
            output("cheated", ("participant", participant.0.into()))
        }
        ComparisonState::Interrupted => output("interrupted", ("participant", JsValue::UNDEFINED)),
    }
}

fn content(content: &Content) -> JsValue {
    let kind = |kind: &str| ("kind", JsValue::from(kind));
    match content {
        Content::Chat { text } => object(&[kind("chat"), ("text", text.as_str().into())]),
        Content::Reaction { emoji } => {
            object(&[kind("reaction"), ("emoji", emoji.as_str().into())])
        }
        Content::Hand { raised } => object(&[kind("hand"), ("raised", (*raised).into())]),
    }
}

fn member(member: &Member) -> JsValue {
    let fields = [
        ("leaf", member.leaf.into()),
        ("participant", member.participant.0.into()),
        ("name", member.name.as_str().into()),
        ("identity_public", Uint8Array::from(member.identity_public.as_slice()).into()),
        ("own", member.own.into()),
    ];
    object::<JsValue>(&fields)
}
