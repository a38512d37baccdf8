//! Trace spans of the real process, as an OTLP collector receives them.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test matches the messages that it waits for")]

mod support;

#[path = "../../../signaling/src/room/tests/mls.rs"]
#[allow(dead_code, reason = "only commits are created here")]
mod mls;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, HandshakeCount, LogEvent, RefusalCode, RoomMessage,
    ServerMessage, Submission,
};
use support::Process;
use support::participant::{self, Socket};

type Received = Arc<Mutex<Vec<Bytes>>>;

/// Starts a collector; returns its URL, and the requests that it receives.
async fn collector() -> (String, Received) {
    let received = Received::default();
    let receive = async |State(received): State<Received>, body: Bytes| {
        received.lock().expect("no panic").push(body);
    };
    let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

fn spans(received: &Received) -> Vec<Span> {
    let bodies = received.lock().expect("no panic").clone();
    let requests =
        bodies.into_iter().map(|body| ExportTraceServiceRequest::decode(body).expect("OTLP"));
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect()
}

/// Returns a span's name and the values of the attributes that describe what happened.
fn describe(span: &Span) -> String {
    let attributes: HashMap<_, _> = span
        .attributes
        .iter()
        .filter_map(|one| match one.value.clone()?.value? {
            Value::StringValue(text) => Some((one.key.as_str(), text)),
            Value::BoolValue(is) => Some((one.key.as_str(), is.to_string())),
            _ => None,
        })
        .collect();
    let value = |key| attributes.get(key).map(|value| format!(" {value}")).unwrap_or_default();
    [&span.name, &value("step"), &value("kind"), &value("outcome"), &value("refusal")]
        .map(String::as_str)
        .concat()
}

async fn submit(socket: &mut Socket, submission: Submission) -> Option<RefusalCode> {
    let id = submission.message_id.clone();
    participant::send(socket, &ClientMessage::Submit(submission)).await;
    loop {
        match participant::receive(socket).await.expect("an answer") {
            ServerMessage::Room(RoomMessage::Delta { delta: Delta::Log { entry }, .. }) => {
                match entry.event {
                    LogEvent::Handshake(handshake) if handshake.message_id == id => return None,
                    _ => {}
                }
            }
            ServerMessage::Control(ControlMessage::Refused { refusal }) => {
                return Some(refusal.code);
            }
            _ => {}
        }
    }
}

// The collector answers while the test waits for the process to end.
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_joins_commits_and_draining_are_exported_without_secrets() {
    let (url, received) = collector().await;
    let mut server =
        Process::start(&["--in-memory", "--drain-seconds", "30", "--otlp-endpoint", &url]);
    let (mut socket, room, joined) = participant::join_with_state(&server).await;
    let own = joined.participant;
    let key_package = mls::key_package(own.0);
    participant::send(&mut socket, &ClientMessage::UploadKeyPackage { key_package }).await;
    let (none, one) = (HandshakeCount(0), HandshakeCount(1));
    assert_eq!(submit(&mut socket, mls::create(own, none, 1)).await, None);
    let commit = |name| mls::commit(&room, one, one, &[own], false, name);
    assert_eq!(submit(&mut socket, commit(2)).await, None);
    let stale = Some(RefusalCode::StaleHandshake);
    assert_eq!(submit(&mut socket, commit(3)).await, stale);
    server.signal("TERM");
    while !matches!(
        participant::receive(&mut socket).await,
        Some(ServerMessage::Control(ControlMessage::ShutdownNotice { .. }))
    ) {}
    participant::send(&mut socket, &ClientMessage::Leave).await;
    assert!(server.wait().success());

    let spans = spans(&received);
    let mut all: Vec<_> = spans.iter().map(describe).collect();
    all.sort();
    assert_eq!(
        all,
        [
            "append departed",
            "append handshake",
            "append handshake",
            "append joined",
            "commit commit final",
            "commit commit refused stale_handshake",
            "commit create final",
            "drain empty",
            "join joined",
        ]
    );
    let commit =
        spans.iter().find(|span| describe(span) == "commit commit final").expect("the commit");
    assert!(spans.iter().any(|one| one.name == "append" && one.parent_span_id == commit.span_id));
    assert!(commit.end_time_unix_nano > commit.start_time_unix_nano);
    let bytes = received.lock().expect("no panic").concat();
    for secret in [room.to_string(), joined.resume_token.0.clone(), format!("{:022}", 2)] {
        assert!(!bytes.windows(secret.len()).any(|here| here == secret.as_bytes()), "{secret}");
    }
    assert!(!server.log().contains("orange_spans"), "spans are not logged");
}

#[tokio::test]
async fn meetings_do_not_wait_for_an_unreachable_collector() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("bound"));
    drop(closed);
    let mut server = Process::start(&["--in-memory", "--otlp-endpoint", &url]);
    drop(participant::join(&server).await);
    assert!(server.terminate().success());
    assert!(server.log().contains("BatchSpanProcessor.ExportError"), "{}", server.log());
}

#[test]
fn an_invalid_collector_url_is_refused_with_an_example() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_orange-meets"))
        .args(["config", "--otlp-endpoint", "collector:4317"])
        .output()
        .expect("the built server");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("write http://127.0.0.1:4318"), "{stderr}");
}
