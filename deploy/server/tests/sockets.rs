//! What the real server says to clients that break the rules, and that nobody else notices.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it waits for")]

mod support;

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, Hello, LogPosition, Refusal, RefusalCode, Resume, RoomCreated, RoomId, Secret,
    Seq, ServerMessage, TokenIssued, VERSION, limits,
};
use support::Process;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(server: &Process) -> Self {
        let address = format!("{}/api/v1/socket", server.url.replacen("http", "ws", 1));
        Self(tokio_tungstenite::connect_async(address).await.expect("a socket").0)
    }

    async fn send(&mut self, message: &ClientMessage) {
        self.text(serde_json::to_string(message).expect("JSON")).await;
    }

    async fn text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.expect("it is sent");
    }

    /// The next message; `None` when the socket is closed.
    async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            let received = timeout(PATIENCE, self.0.next()).await.expect("an answer in time");
            match received {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("a message"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    /// The next refusal, of a message or with the end of the socket; deltas are passed over.
    async fn refusal(&mut self) -> Option<Refusal> {
        loop {
            match self.next().await? {
                ServerMessage::Refused { refusal } | ServerMessage::Closing { refusal } => {
                    assert!(refusal.message.len() > 20, "a sentence: {refusal:?}");
                    return Some(refusal);
                }
                _ => {}
            }
        }
    }

    async fn is_heard(&mut self) {
        self.send(&ClientMessage::Heartbeat { position: LogPosition(0) }).await;
        loop {
            match self.next().await.expect("the socket lives") {
                ServerMessage::HeartbeatEcho => return,
                ServerMessage::Refused { refusal } | ServerMessage::Closing { refusal } => {
                    panic!("somebody else's trouble reached this client: {refusal:?}");
                }
                _ => {}
            }
        }
    }
}

/// A server with a room and somebody in it who must not notice anything.
struct Scene {
    server: Process,
    room: RoomId,
    bystander: Client,
}

impl Scene {
    async fn new() -> Self {
        let server = Process::start(&["--in-memory"]);
        let made = reqwest::Client::new().post(format!("{}/api/v1/rooms", server.url)).send().await;
        let room = made.expect("an answer").json::<RoomCreated>().await.expect("a room").room;
        let token = token(&server, &room).await;
        let mut bystander = Client::connect(&server).await;
        join(&mut bystander, token).await;
        Self { server, room, bystander }
    }

    /// Somebody else in the same room; with the secret by which it may return.
    async fn joined(&self) -> (Client, Resume) {
        let mut client = Client::connect(&self.server).await;
        let resume = join(&mut client, token(&self.server, &self.room).await).await;
        (client, resume)
    }

    async fn hello(&self, resume: Option<Resume>) -> ClientMessage {
        let token = token(&self.server, &self.room).await;
        ClientMessage::Hello(Hello { version: VERSION, token, resume })
    }
}

async fn token(server: &Process, room: &RoomId) -> Secret {
    let address = format!("{}/api/v1/rooms/{room}/tokens", server.url);
    let issued = reqwest::Client::new().post(address).send().await.expect("an answer");
    issued.json::<TokenIssued>().await.expect("a token").token
}

async fn join(client: &mut Client, token: Secret) -> Resume {
    client.send(&ClientMessage::Hello(Hello { version: VERSION, token, resume: None })).await;
    match client.next().await {
        Some(ServerMessage::Joined(joined)) => Resume {
            participant: joined.participant,
            resume_token: joined.resume_token,
            seq: joined.seq,
            position: joined.log.position,
        },
        other => panic!("not let in: {other:?}"),
    }
}

#[tokio::test]
async fn a_first_message_that_is_no_hello_is_refused_and_the_socket_closed() {
    let mut scene = Scene::new().await;
    let unsupported = Hello { version: 999, token: Secret("x".into()), resume: None };
    let stranger = Hello { version: VERSION, token: Secret("forged".into()), resume: None };
    for (words, code) in [
        ("not JSON".to_owned(), RefusalCode::BadMessage),
        (r#"{"type":"dance"}"#.to_owned(), RefusalCode::BadMessage),
        (r#"{"type":"leave"}"#.to_owned(), RefusalCode::BadMessage),
        (
            serde_json::to_string(&ClientMessage::Hello(unsupported)).expect("JSON"),
            RefusalCode::UnsupportedVersion,
        ),
        (
            serde_json::to_string(&ClientMessage::Hello(stranger)).expect("JSON"),
            RefusalCode::BadToken,
        ),
    ] {
        let mut client = Client::connect(&scene.server).await;
        client.text(words.clone()).await;
        assert_eq!(client.refusal().await.map(|refusal| refusal.code), Some(code), "{words}");
        assert_eq!(client.next().await, None, "closed");
    }
    scene.bystander.is_heard().await;
}

#[tokio::test]
async fn a_bad_message_costs_one_message_and_quotes_nothing_of_it() {
    let mut scene = Scene::new().await;
    let (mut client, _) = scene.joined().await;
    client.text(r#"{"type":"heartbeat","position":"my secret"}"#.to_owned()).await;
    let refusal = client.refusal().await.expect("a refusal");
    assert_eq!(refusal.code, RefusalCode::BadMessage);
    assert!(!refusal.message.contains("secret"), "{refusal:?}");
    client.is_heard().await;
    scene.bystander.is_heard().await;
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_sender_only() {
    let mut scene = Scene::new().await;
    let (mut client, _) = scene.joined().await;
    // The server may close before all of it is sent.
    let _ = client.0.send(Message::text("x".repeat(limits::MESSAGE_BYTES + 1))).await;
    while client.next().await.is_some() {}
    scene.bystander.is_heard().await;
}

#[tokio::test]
async fn who_returns_with_another_secret_or_too_late_is_told_to_join_again() {
    let mut scene = Scene::new().await;
    let (mut client, resume) = scene.joined().await;
    let forged = Resume { resume_token: Secret("A".repeat(22)), ..resume.clone() };
    let unknown = Resume { participant: signaling_protocol::ParticipantId(99), ..resume.clone() };
    let too_late = {
        client.send(&ClientMessage::Leave).await;
        while client.next().await.is_some() {}
        resume
    };
    for resume in [forged, unknown, too_late] {
        let mut returned = Client::connect(&scene.server).await;
        returned.send(&scene.hello(Some(resume)).await).await;
        let refusal = returned.refusal().await.expect("a refusal");
        assert_eq!(refusal.code, RefusalCode::ResumeExpired);
    }
    scene.bystander.is_heard().await;
}

#[tokio::test]
async fn who_returns_in_time_gets_what_was_missed_and_supersedes_the_old_socket() {
    let scene = Scene::new().await;
    let (mut before, resume) = scene.joined().await;
    let (_other, _) = scene.joined().await;
    let mut after = Client::connect(&scene.server).await;
    after.send(&scene.hello(Some(resume.clone())).await).await;
    assert!(matches!(after.next().await, Some(ServerMessage::Resumed { .. })));
    let Some(ServerMessage::Delta { seq, .. }) = after.next().await else { panic!("a delta") };
    assert_eq!(seq, Seq(resume.seq.0 + 1), "the other one's coming");
    assert_eq!(before.refusal().await.expect("an end").code, RefusalCode::Superseded);
    after.is_heard().await;
}

#[tokio::test]
async fn a_flood_is_refused_and_then_closed_and_others_are_heard_meanwhile() {
    let mut scene = Scene::new().await;
    let (mut client, _) = scene.joined().await;
    for _ in 0..400 {
        let heartbeat = ClientMessage::Heartbeat { position: LogPosition(0) };
        let text = serde_json::to_string(&heartbeat).expect("JSON");
        if client.0.feed(Message::text(text)).await.is_err() {
            break;
        }
    }
    let _ = client.0.flush().await;
    scene.bystander.is_heard().await;
    let mut refusals = 0;
    while let Some(refusal) = client.refusal().await {
        assert_eq!(refusal.code, RefusalCode::TooFast);
        assert!(refusal.retry_after_seconds.is_some());
        refusals += 1;
    }
    assert!((2..=30).contains(&refusals), "a few are told, then it is closed: {refusals}");
    scene.bystander.is_heard().await;
}

#[tokio::test]
async fn an_application_message_of_one_who_is_no_member_is_refused() {
    let mut scene = Scene::new().await;
    let (mut client, _) = scene.joined().await;
    let message = signaling_protocol::Opaque(vec![0, 1, 0, 2, 0]);
    client.send(&ClientMessage::SendMessage { message }).await;
    let refusal = client.refusal().await.expect("a refusal");
    assert_eq!(refusal.code, RefusalCode::NotAllowed);
    scene.bystander.is_heard().await;
}
