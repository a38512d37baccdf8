//! How the real process ends during a meeting.

mod support;

use std::time::{Duration, Instant};

use signaling_protocol::{ClientMessage, ControlMessage, RefusalCode, ServerMessage};
use support::Process;
use support::participant::{join, receive, send};

async fn status(server: &Process, path: &str) -> u16 {
    let answer = reqwest::get(format!("{}/{path}", server.url)).await;
    answer.expect("an answer").status().as_u16()
}

async fn wait_until_draining(server: &Process) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while status(server, "readyz").await != 503 {
        assert!(Instant::now() < deadline, "the server is still ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_meeting_continues_while_the_server_drains_and_the_process_ends_after_it() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "60"]);
    let mut socket = join(&server).await.0;
    server.signal("TERM");
    wait_until_draining(&server).await;
    assert_eq!(status(&server, "livez").await, 200);
    let client = reqwest::Client::new();
    let refused = client.post(format!("{}/api/v1/rooms", server.url)).send().await;
    assert_eq!(refused.expect("an answer").status(), 503);
    send(&mut socket, &ClientMessage::Leave).await;
    assert!(server.wait().success(), "long before the sixty seconds");
}

#[tokio::test]
async fn at_the_deadline_remaining_participants_are_disconnected_with_a_reason() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "1"]);
    let mut socket = join(&server).await.0;
    server.signal("TERM");
    let notice = receive(&mut socket).await;
    assert_eq!(
        notice,
        Some(ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: Some(1) }))
    );
    let Some(ServerMessage::Control(ControlMessage::Closing { refusal })) =
        receive(&mut socket).await
    else {
        panic!("no closing message")
    };
    assert_eq!(refusal.code, RefusalCode::ShuttingDown);
    drop(socket);
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "60"]);
    let _socket = join(&server).await.0;
    server.signal("TERM");
    wait_until_draining(&server).await;
    server.signal("INT");
    assert!(server.wait().success(), "long before the sixty seconds");
}
