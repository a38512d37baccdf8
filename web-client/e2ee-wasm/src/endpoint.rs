//! [`e2ee::endpoint`] for JavaScript.

use e2ee::Suite;
use e2ee::endpoint::{EndpointConfig, Member, Output, SasState};
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
    /// Returns a new endpoint. Have the identity key sign [`Endpoint::to_sign`] next.
    ///
    /// # Errors
    /// Throws if a field of the configuration is invalid.
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

    /// Returns the bytes that the identity key has to sign with Ed25519.
    #[must_use]
    pub fn to_sign(&self) -> Uint8Array {
        Uint8Array::from(self.to_sign.as_slice())
    }

    /// Certifies the endpoint with the identity key's signature of [`Endpoint::to_sign`], 64 bytes.
    ///
    /// # Errors
    /// Throws if it is not the identity key's signature.
    pub fn certify(&mut self, signature: &[u8]) -> Result<(), JsValue> {
        let signature = signature
            .try_into()
            .map_err(|_| thrown("bad_signature", "An Ed25519 signature has 64 bytes."))?;
        self.endpoint.certify(signature).map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Starts to record the committer's steps as outputs of type `trace`, to check them against the
    /// specification.
    pub fn start_trace(&mut self) {
        self.endpoint.start_trace();
    }

    /// Handles a message of the signalling service, as JSON.
    ///
    /// # Errors
    /// Throws if it is not a `ServerMessage` of the protocol.
    pub fn handle(&mut self, server_message: &str, now_ms: f64) -> Result<(), JsValue> {
        let message: ServerMessage = serde_json::from_str(server_message).map_err(|error| {
            thrown("bad_message", &format!("The server sent an unknown message: {error}."))
        })?;
        self.endpoint.handle(message, millis(now_ms));
        Ok(())
    }

    /// Sends content, a `Content` as JSON, to all members. Returns the id of the message.
    ///
    /// # Errors
    /// Throws if the content is not allowed, or this endpoint is not a member.
    pub fn send_message(&mut self, content: &str, now_ms: f64) -> Result<String, JsValue> {
        let content: Content = serde_json::from_str(content).map_err(|error| {
            thrown("bad_content", &format!("This message cannot be sent: {error}."))
        })?;
        self.endpoint
            .send_message(content, millis(now_ms))
            .map(|id| id.to_string())
            .map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Starts a comparison of the short authentication string.
    ///
    /// # Errors
    /// Throws if this endpoint is not a member, or too many messages are waiting to be sent.
    pub fn start_sas(&mut self, now_ms: f64) -> Result<(), JsValue> {
        let started = self.endpoint.start_sas(millis(now_ms));
        started.map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Fires all timers that are due. Call it at the time that [`Endpoint::next_timeout`] returned.
    pub fn handle_timeout(&mut self, now_ms: f64) {
        self.endpoint.handle_timeout(millis(now_ms));
    }

    /// Returns when to call [`Endpoint::handle_timeout`], in milliseconds since the Unix epoch.
    #[must_use]
    pub fn next_timeout(&self) -> Option<f64> {
        self.endpoint.poll_timeout().map(|due| due as f64)
    }

    /// Returns the next output. Drain them after every call.
    ///
    /// # Errors
    /// Throws if a message cannot be written as JSON.
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
            Output::PendingKeys(keys) => {
                object(&[kind("pending_keys"), ("keys", media_keys(&keys))])
            }
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
            Output::Unconfirmed(unconfirmed) => {
                let participants: Array =
                    unconfirmed.iter().map(|participant| JsValue::from(participant.0)).collect();
                object(&[kind("unconfirmed"), ("participants", participants.into())])
            }
            Output::Sas(state) => sas(state),
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

/// Returns the code that two people compare, from their identity keys of 32 bytes each.
///
/// # Errors
/// Throws if a key has another length.
#[wasm_bindgen]
pub fn pairwise_code(one: &[u8], other: &[u8]) -> Result<String, JsValue> {
    let key = |bytes: &[u8]| {
        bytes.try_into().map_err(|_| {
            thrown("bad_identity_key", "The identity key is not an Ed25519 key of 32 bytes.")
        })
    };
    Ok(e2ee::room_code::pairwise_code(key(one)?, key(other)?))
}

fn sas(state: SasState) -> JsOutput {
    let output = |state: &str, field: (&str, JsValue)| {
        object(&[("type", "sas".into()), ("state", state.into()), field])
    };
    match state {
        SasState::Waiting(missing) => {
            let missing: Array = missing.iter().map(|one| JsValue::from(one.0)).collect();
            output("waiting", ("participants", missing.into()))
        }
        SasState::Emoji(emoji) => {
            let emoji: Array = emoji.iter().map(|&one| JsValue::from(one)).collect();
            output("emoji", ("emoji", emoji.into()))
        }
        SasState::CommitmentMismatch(participant) => {
            output("commitment_mismatch", ("participant", participant.0.into()))
        }
        SasState::Interrupted => output("interrupted", ("participant", JsValue::UNDEFINED)),
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
