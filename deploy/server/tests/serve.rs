//! The real process: what it serves, and how it ends.

mod support;

use std::process::Command;

use signaling_protocol::{Refusal, RefusalCode, RoomCreated};
use support::Process;

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let server = Process::start(&["--in-memory"]);
    for path in ["/", "/healthz", "/no/such/page", "/api/v1/rooms/bad/tokens"] {
        let response = reqwest::get(format!("{}{path}", server.url)).await.expect("an answer");
        let policy = &response.headers()["content-security-policy"];
        assert!(policy.to_str().expect("text").starts_with("default-src 'none'"), "{path}");
        assert_eq!(response.headers()["cross-origin-embedder-policy"], "require-corp", "{path}");
    }
}

#[tokio::test]
async fn it_tells_its_health_and_its_figures() {
    let server = Process::start(&["--in-memory"]);
    let health = reqwest::get(format!("{}/healthz", server.url)).await.expect("an answer");
    assert!(health.status().is_success());
    let figures = reqwest::get(format!("{}/metrics", server.admin)).await.expect("an answer");
    let figures = figures.text().await.expect("text");
    assert!(figures.contains("orange_rooms"), "{figures}");
    assert!(figures.contains("orange_sfu_forwarded_packets_total"), "{figures}");
    for own in ["process_cpu_seconds_total ", "process_resident_memory_bytes "] {
        let value = figures.lines().find_map(|line| line.strip_prefix(own)?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{own}: {figures}");
    }
    let outside = reqwest::get(format!("{}/metrics", server.url)).await.expect("an answer");
    let outside = outside.text().await.expect("text");
    assert!(!outside.contains("orange_rooms"), "they are for whoever runs it: {outside}");
}

#[tokio::test]
async fn a_room_outlives_a_restart_and_an_unknown_one_is_refused_in_words() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().join("data");
    let arguments = ["--data", folder.to_str().expect("text")];
    let client = reqwest::Client::new();

    let mut first = Process::start(&arguments);
    let made = client.post(format!("{}/api/v1/rooms", first.url)).send().await.expect("an answer");
    let room = made.json::<RoomCreated>().await.expect("a room").room;
    assert!(first.terminate().success(), "SIGTERM is an orderly end");

    let second = Process::start(&arguments);
    let token = |room: String| client.post(format!("{}/api/v1/rooms/{room}/tokens", second.url));
    let known = token(room.to_string()).send().await.expect("an answer");
    assert!(known.status().is_success(), "{known:?}");
    let unknown = token("A".repeat(22)).send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);
    let refusal = unknown.json::<Refusal>().await.expect("a refusal");
    assert_eq!(refusal.code, RefusalCode::UnknownRoom);
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
        .args(["serve", "--in-memory", "--media-port", "0", "--http", &address])
        .output()
        .expect("the built server");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(&address) && words.contains("--http"), "{words}");
}
