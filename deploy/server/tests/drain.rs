//! How the real process ends while somebody is in a meeting.

mod support;

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, Hello, RefusalCode, RoomCreated, ServerMessage, TokenIssued, VERSION,
};
use support::Process;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Somebody in a new meeting.
async fn join(server: &Process) -> Socket {
    let client = reqwest::Client::new();
    let post = |path: String| client.post(format!("{}/api/v1/{path}", server.url)).send();
    let made = post("rooms".to_owned()).await.expect("an answer");
    let room = made.json::<RoomCreated>().await.expect("a room").room;
    let issued = post(format!("rooms/{room}/tokens")).await.expect("an answer");
    let token = issued.json::<TokenIssued>().await.expect("a token").token;
    let url = format!("{}/api/v1/socket", server.url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
    say(&mut socket, &ClientMessage::Hello(Hello { version: VERSION, token, resume: None })).await;
    assert!(matches!(next(&mut socket).await, Some(ServerMessage::Joined(_))));
    socket
}

async fn say(socket: &mut Socket, message: &ClientMessage) {
    let text = serde_json::to_string(message).expect("JSON");
    socket.send(Message::text(text)).await.expect("it is sent");
}

async fn next(socket: &mut Socket) -> Option<ServerMessage> {
    match socket.next().await? {
        Ok(Message::Text(text)) => Some(serde_json::from_str(&text).expect("a message")),
        Ok(_) | Err(_) => None,
    }
}

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
    let mut socket = join(&server).await;
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
async fn whoever_stays_to_the_deadline_is_told_and_the_server_ends() {
    let mut server = Process::start(&["--in-memory", "--drain-seconds", "1"]);
    let mut socket = join(&server).await;
    server.signal("TERM");
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
    let _socket = join(&server).await;
    server.signal("TERM");
    until_it_drains(&server).await;
    server.signal("INT");
    assert!(server.ended().success(), "long before the sixty seconds");
}
