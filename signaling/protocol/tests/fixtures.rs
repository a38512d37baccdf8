//! One example of every message, read by the tests of both languages: what stands in
//! `fixtures/` is what goes over the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signaling_protocol::{
    ClientMessage, CommitVote, ControlMessage, Delta, JoinPolicy, LogEvent, LogMessage,
    MediaMessage, Moderation, Refusal, RefusalCode, RoomCreated, RoomMessage, ServerMessage,
    Source, Step, TokenIssued, TokenRequest,
};

/// All fixtures by name, without `.json`.
fn fixtures() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = std::fs::read_dir(folder).expect("the folder of fixtures");
    files
        .map(|file| file.expect("a file").path())
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
            let text = std::fs::read_to_string(&path).expect("a text");
            let value = serde_json::from_str(&text).expect("JSON");
            (name.to_owned(), value)
        })
        .collect()
}

fn there_and_back<T: DeserializeOwned + Serialize>(value: &Value) -> Value {
    let message: T = serde_json::from_value(value.clone()).expect("a message of this kind");
    serde_json::to_value(message).expect("JSON")
}

/// The variants of an enum, from serde's own list of what it would have taken.
fn variants<T: DeserializeOwned + std::fmt::Debug>(unknown: Value) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(unknown).expect_err("no such variant").to_string();
    let (_, known) = error.split_once("expected").expect("serde lists what it knows");
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every text that stands anywhere under this key.
fn texts_at(key: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Some(text)) = (name == key, field.as_str()) {
                    found.insert(text.to_owned());
                }
                texts_at(key, field, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_at(key, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_fixture_comes_back_as_it_was() {
    for (name, value) in fixtures() {
        let again = match name.as_str() {
            "http.room_created" => there_and_back::<RoomCreated>(&value),
            "http.token_issued" => there_and_back::<TokenIssued>(&value),
            "http.token_request" => there_and_back::<TokenRequest>(&value),
            "http.refusal" => there_and_back::<Refusal>(&value),
            _ if name.starts_with("client.") => there_and_back::<ClientMessage>(&value),
            _ if name.starts_with("server.") => there_and_back::<ServerMessage>(&value),
            _ => panic!("{name} does not say whose message it is"),
        };
        assert_eq!(again, value, "{name}");
    }
}

#[test]
fn every_fixture_is_named_after_its_type() {
    for (name, value) in fixtures() {
        let Some(kind) = value.get("type").and_then(Value::as_str) else { continue };
        assert_eq!(name.split('.').nth(1), Some(kind), "{name}");
    }
}

#[test]
fn every_message_and_code_knows_its_name_on_the_wire() {
    for (name, value) in fixtures() {
        let kind = match name.split('.').next() {
            Some("client") => {
                serde_json::from_value(value.clone()).map(|m: ClientMessage| m.kind())
            }
            Some("server") => {
                serde_json::from_value(value.clone()).map(|m: ServerMessage| m.kind())
            }
            _ => continue,
        };
        assert_eq!(kind.expect("a message"), value["type"], "{name}");
    }
    for name in variants::<RefusalCode>(Value::from("no such code")) {
        let code: RefusalCode = serde_json::from_value(Value::from(name.clone())).expect("a code");
        assert_eq!(code.name(), name);
    }
}

#[test]
fn no_message_and_no_part_of_one_is_without_a_fixture() {
    let unknown = |tag: &str| serde_json::json!({ tag: "no such variant" });
    let covers = |side: &str, tag: &str, variants: BTreeSet<String>| {
        assert!(variants.len() > 1, "{tag}: {variants:?}");
        let mut found = BTreeSet::new();
        for (_, value) in fixtures().iter().filter(|(name, _)| name.starts_with(side)) {
            texts_at(tag, value, &mut found);
        }
        let missing: Vec<_> = variants.difference(&found).collect();
        assert!(missing.is_empty(), "{side} fixtures lack {missing:?}");
    };
    covers("client.", "type", variants::<ClientMessage>(unknown("type")));
    covers("server.", "topic", variants::<ServerMessage>(unknown("topic")));
    let topics = [
        variants::<RoomMessage>(unknown("type")),
        variants::<LogMessage>(unknown("type")),
        variants::<MediaMessage>(unknown("type")),
        variants::<ControlMessage>(unknown("type")),
    ];
    for kinds in topics {
        covers("server.", "type", kinds);
    }
    covers("server.", "change", variants::<Delta>(unknown("change")));
    covers("server.", "kind", variants::<LogEvent>(unknown("kind")));
    covers("server.", "step", variants::<Step>(unknown("step")));
    covers("client.", "step", variants::<Step>(unknown("step")));
    covers("client.", "action", variants::<Moderation>(unknown("action")));
    covers("client.", "join_policy", variants::<JoinPolicy>(Value::from("no such variant")));
    covers("client.", "vote", variants::<CommitVote>(Value::from("no such variant")));
    covers("client.", "source", variants::<Source>(Value::from("no such variant")));
    for name in ["http.room_created", "http.token_request", "http.token_issued", "http.refusal"] {
        assert!(fixtures().contains_key(name), "{name}");
    }
}
