//! `docs/protocol.md` describes every message, refusal and limit, and its examples are messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signaling_protocol::{ClientMessage, Refusal, RefusalCode, ServerMessage, TokenIssued};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn page() -> String {
    read("../../docs/protocol.md")
}

/// Returns the fenced blocks of JSON.
fn examples() -> Vec<Value> {
    let page = page();
    let blocks = page.split("```json\n").skip(1);
    let texts = blocks.map(|block| block.split_once("```").expect("an end of the block").0);
    texts.map(|text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))).collect()
}

/// Asserts that a value is a message of this type, without missing or unknown fields.
fn assert_is<T: DeserializeOwned + Serialize>(example: &Value) {
    let message: T =
        serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{e}: {example}"));
    assert_eq!(serde_json::to_value(message).expect("JSON"), *example);
}

/// Returns the fixtures whose names start with `side`.
fn fixtures(side: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = std::fs::read_dir(folder).expect("the folder of fixtures");
    let names = files.map(|file| file.expect("a file").file_name());
    let names = names.map(|name| name.into_string().expect("a name in UTF-8"));
    let names = names.filter(|name| name.starts_with(side));
    names
        .map(|name| serde_json::from_str(&read(&format!("fixtures/{name}"))).expect("JSON"))
        .collect()
}

/// Returns the rows of all tables whose first cell is code: that cell, and the others.
fn rows() -> Vec<(String, Vec<String>)> {
    let page = page();
    let lines = page.lines().filter_map(|line| line.strip_prefix("| `"));
    lines
        .filter_map(|line| {
            let mut cells = line.trim_end_matches(" |").split(" | ").map(str::to_owned);
            let name = cells.next()?.strip_suffix('`')?.to_owned();
            Some((name, cells.collect()))
        })
        .collect()
}

#[test]
fn every_example_is_a_message() {
    let examples = examples();
    assert!(examples.len() > 20, "{} examples", examples.len());
    for example in examples {
        if example.get("topic").is_some() {
            assert_is::<ServerMessage>(&example);
        } else if example.get("type").is_some() {
            assert_is::<ClientMessage>(&example);
        } else if example.get("token").is_some() {
            assert_is::<TokenIssued>(&example);
        } else {
            assert_is::<Refusal>(&example);
        }
    }
}

#[test]
fn every_message_is_described() {
    let page = page();
    for message in fixtures("client.").into_iter().chain(fixtures("server.")) {
        let kind = message["type"].as_str().expect("a type");
        assert!(page.contains(&format!("`{kind}`")), "{kind} is missing");
    }
}

#[test]
fn every_server_message_is_listed_at_its_topic() {
    let mut topics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in fixtures("server.") {
        let text = |key: &str| message[key].as_str().expect("a text").to_owned();
        topics.entry(text("topic")).or_default().insert(text("type"));
    }
    let rows = rows();
    for (topic, kinds) in topics {
        let row = rows.iter().find(|(name, _)| *name == topic);
        let (_, cells) = row.unwrap_or_else(|| panic!("{topic} is missing"));
        let listed = cells[0].split(", ").map(|kind| kind.trim_matches('`').to_owned());
        assert_eq!(listed.collect::<BTreeSet<_>>(), kinds, "{topic}");
    }
}

#[test]
fn every_refusal_is_listed() {
    let rows = rows();
    let unknown = serde_json::from_str::<RefusalCode>("\"no such code\"").expect_err("unknown");
    let message = unknown.to_string();
    let (_, known) = message.split_once("expected").expect("serde lists what it knows");
    for name in known.split('`').skip(1).step_by(2) {
        let row = rows.iter().find(|(row, cells)| row == name && cells.len() == 4);
        let (_, cells) = row.unwrap_or_else(|| panic!("{name} is missing"));
        let code: RefusalCode = serde_json::from_value(name.into()).expect("a code");
        let retry: &str = code.retry().into();
        let expected =
            [code.http_status().to_string(), code.close_code().to_string(), retry.into()];
        assert_eq!(cells[..3], expected, "{name}");
    }
}

#[test]
fn every_limit_is_listed_with_its_value() {
    let rows = rows();
    let source = read("src/limits.rs");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const "));
    let mut count = 0;
    for constant in constants {
        let (name, value) = constant.split_once(':').expect("a type");
        let (_, value) = value.split_once('=').expect("a value");
        let factors = value.trim_end_matches(';').split('*');
        let factors = factors.map(|one| one.trim().replace('_', "").parse::<u64>());
        let value: u64 = factors.map(|one| one.expect("a product of numbers")).product();
        let row = rows.iter().find(|(row, _)| row == name);
        let (_, cells) = row.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(cells[0], value.to_string(), "{name}");
        count += 1;
    }
    assert!(count > 10, "{count} limits");
}
