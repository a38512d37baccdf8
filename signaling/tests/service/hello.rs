//! The first message, and what comes instead of it.

use std::time::Duration;

use signaling::SignalingConfig;
use signaling_protocol::{
    ClientMessage, ControlMessage, Hello, Refusal, RefusalCode, RoomMessage, Secret, ServerMessage,
    TokenIssued, VERSION, limits,
};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{PATIENCE, Scene, Server, checked};

#[tokio::test]
async fn words_that_are_no_hello_end_the_socket() {
    let mut scene = Scene::new().await;
    for message in [
        Message::text("not JSON"),
        Message::text(r#"{"type":"dance"}"#),
        Message::text(r#"{"type":"leave"}"#),
        Message::text(r#"{"type":"hello","version":"one","token":"","resume":null}"#),
        Message::text("[".repeat(100_000)),
        Message::binary(vec![0, 1, 2]),
    ] {
        let mut client = scene.server.connect().await;
        client.raw(message).await;
        assert_eq!(client.last_words().await, RefusalCode::BadMessage);
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn another_version_is_told_so_whatever_else_the_hello_says() {
    let mut scene = Scene::new().await;
    for version in [0, VERSION + 1, u16::MAX] {
        let mut client = scene.server.connect().await;
        let hello = Hello {
            version,
            token: Secret("anything".to_owned()),
            resume: None,
            predecessor: None,
        };
        client.send(&ClientMessage::Hello(hello)).await;
        assert_eq!(client.last_words().await, RefusalCode::UnsupportedVersion);
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_token_that_was_not_made_here_opens_nothing() {
    let mut scene = Scene::new().await;
    let elsewhere = Server::start(SignalingConfig::default()).await;
    let foreign = elsewhere.token(&elsewhere.room().await).await;
    let mut shortened = scene.token().await;
    shortened.0.pop();
    for token in [foreign, shortened, Secret(String::new()), Secret("A".repeat(90))] {
        let mut client = scene.server.connect().await;
        client.hello(token, None).await;
        assert_eq!(client.last_words().await, RefusalCode::BadToken);
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn an_expired_token_is_told_to_open_the_link_again() {
    let config = SignalingConfig { token_lifetime: Duration::ZERO, ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let token = scene.token().await;
    // It is good to the end of its second.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut client = scene.server.connect().await;
        client.hello(token.clone(), None).await;
        match client.next().await {
            Some(ServerMessage::Control(ControlMessage::Closing { refusal })) => {
                assert_eq!(checked(refusal).code, RefusalCode::BadToken);
                break;
            }
            Some(ServerMessage::Room(RoomMessage::Joined(_))) => {
                assert!(Instant::now() < deadline, "it lives on")
            }
            other => panic!("not expected: {other:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_hello_over_the_limit_is_too_large() {
    let mut scene = Scene::new().await;
    let mut client = scene.server.connect().await;
    client.text(&"x".repeat(limits::MESSAGE_BYTES + 1)).await;
    assert_eq!(client.last_words().await, RefusalCode::TooLarge);
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_hello_that_never_comes_is_not_waited_for() {
    // Long enough for the one who does say hello, on a busy machine.
    let config = SignalingConfig { hello: Duration::from_secs(1), ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let mut client = scene.server.connect().await;
    assert_eq!(client.last_words().await, RefusalCode::TooSlow);
    scene.server.until("orange_sockets", 1.0).await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn pings_do_not_make_up_for_a_hello() {
    let config = SignalingConfig { hello: Duration::from_secs(1), ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let mut client = scene.server.connect().await;
    let deadline = Instant::now() + PATIENCE;
    // Until the server has closed the socket.
    while client.socket_takes(Message::Ping(Vec::new().into())).await {
        assert!(Instant::now() < deadline, "it may ping for ever");
        sleep(Duration::from_millis(20)).await;
        if scene.server.figure("orange_sockets") < 1.5 {
            break;
        }
    }
    scene.server.until("orange_sockets", 1.0).await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_socket_and_a_listed_one_does() {
    let portal = "https://portal.example".to_owned();
    let config = SignalingConfig { allowed_origins: vec![portal], ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let ask = |origin: &str| {
        reqwest::Client::new()
            .get(format!("http://{}/api/v1/socket", scene.server.address))
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .send()
    };
    for foreign in ["https://evil.example", "null", "https://portal.example.evil.example"] {
        let answer = ask(foreign).await.expect("an answer");
        assert_eq!(answer.status(), 403, "{foreign}");
        let refusal = checked(answer.json::<Refusal>().await.expect("a refusal"));
        assert_eq!(refusal.code, RefusalCode::NotAllowed);
    }
    for known in ["https://portal.example", &format!("http://{}", scene.server.address)] {
        assert_eq!(ask(known).await.expect("an answer").status(), 101, "{known}");
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn whoever_comes_is_told_how_long_the_room_is_kept() {
    for (rooms_persist, kept) in [(true, 90 * 24 * 3600), (false, 0)] {
        let config = SignalingConfig { rooms_persist, ..SignalingConfig::default() };
        let server = Server::start(config).await;
        let room = server.room().await;
        let answer = server.post(&format!("rooms/{room}/tokens")).await;
        let issued: TokenIssued = answer.json().await.expect("a token");
        assert_eq!(issued.room_kept_seconds, kept);
    }
}
