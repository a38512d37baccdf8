//! HTTP responses, metrics and start errors of the real process.

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
async fn health_is_public_and_metrics_are_on_the_administration_address() {
    let server = Process::start(&["--in-memory"]);
    let health = reqwest::get(format!("{}/healthz", server.url)).await.expect("an answer");
    assert!(health.status().is_success());
    let metrics = reqwest::get(format!("{}/metrics", server.admin)).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("orange_rooms"), "{metrics}");
    assert!(metrics.contains("orange_sfu_forwarded_packets_total"), "{metrics}");
    for name in ["process_cpu_seconds_total ", "process_resident_memory_bytes "] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{name}: {metrics}");
    }
    let public = reqwest::get(format!("{}/metrics", server.url)).await.expect("an answer");
    let public = public.text().await.expect("text");
    assert!(!public.contains("orange_rooms"), "not on the public address: {public}");
}

#[tokio::test]
async fn a_room_survives_a_restart_and_an_unknown_room_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().join("data");
    let arguments = ["--data", folder.to_str().expect("text")];
    let client = reqwest::Client::new();

    let mut first = Process::start(&arguments);
    let created =
        client.post(format!("{}/api/v1/rooms", first.url)).send().await.expect("an answer");
    let room = created.json::<RoomCreated>().await.expect("a room").room;
    assert!(first.terminate().success(), "SIGTERM ends the process with success");

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
fn an_error_about_a_port_in_use_names_the_address_and_the_flag() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
        .args(["serve", "--in-memory", "--media-port", "0", "--http", &address])
        .output()
        .expect("the built server");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(&address) && stderr.contains("--http"), "{stderr}");
}
