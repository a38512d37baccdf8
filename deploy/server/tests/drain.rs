//! How the real process ends while somebody is in a meeting.

mod support;

use std::time::{Duration, Instant};

use signaling_protocol::{ClientMessage, RefusalCode, ServerMessage};
use support::Process;
use support::person::{join, next, say};

async fn status(server: &Process, path: &str) -> u16 {
    let answer = reqwest::get(format!("{}/{path}", server.url)).await;
    answer.expect("an answer").status().as_u16()
}

async fn until_it_drains(server: &Process) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while status(server, "readyz").await != 503 {
        assert!(Instant::now() < deadline, "it is still ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_meeting_goes_on_while_the_server_drains_and_the_server_ends_with_it() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "60"]);
    let mut socket = join(&server).await.0;
    server.signal("TERM");
    until_it_drains(&server).await;
    assert_eq!(status(&server, "livez").await, 200);
    let client = reqwest::Client::new();
    let refused = client.post(format!("{}/api/v1/rooms", server.url)).send().await;
    assert_eq!(refused.expect("an answer").status(), 503);
    say(&mut socket, &ClientMessage::Leave).await;
    assert!(server.ended().success(), "long before the sixty seconds");
}

#[tokio::test]
async fn whoever_stays_to_the_deadline_is_told_before_and_at_it_and_the_server_ends() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "1"]);
    let mut socket = join(&server).await.0;
    server.signal("TERM");
    let warned = next(&mut socket).await;
    assert_eq!(warned, Some(ServerMessage::ShutdownNotice { in_seconds: Some(1) }));
    let Some(ServerMessage::Closing { refusal }) = next(&mut socket).await else {
        panic!("last words")
    };
    assert_eq!(refusal.code, RefusalCode::ShuttingDown);
    drop(socket);
    assert!(server.ended().success());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "60"]);
    let _socket = join(&server).await.0;
    server.signal("TERM");
    until_it_drains(&server).await;
    server.signal("INT");
    assert!(server.ended().success(), "long before the sixty seconds");
}
