//! Limits of rooms, tokens, sockets and places, and unknown rooms.

use std::sync::atomic::Ordering;
use std::time::Duration;

use signaling::SignalingConfig;
use signaling_protocol::{Refusal, RefusalCode};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, Scene, Server, checked};

async fn refused(answer: reqwest::Response) -> (u16, RefusalCode, bool) {
    let status = answer.status().as_u16();
    let retry = answer.headers().contains_key("retry-after");
    let refusal = checked(answer.json::<Refusal>().await.expect("a refusal"));
    assert_eq!(retry, refusal.retry_after_seconds.is_some(), "the header says the same");
    (status, refusal.code, retry)
}

#[tokio::test]
async fn a_room_that_is_not_there_is_said_to_be_unknown() {
    let mut scene = Scene::new().await;
    let answer = scene.server.post(&format!("rooms/{}/tokens", "A".repeat(22))).await;
    assert_eq!(refused(answer).await, (404, RefusalCode::UnknownRoom, false));
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_room_id_that_cannot_be_one_is_told_to_check_the_link() {
    let mut scene = Scene::new().await;
    for id in ["short", &"A".repeat(23), "AAAAAAAAAAAAAAAAAAAA%2F%2F", &"%C3%A9".repeat(11)] {
        let answer = scene.server.post(&format!("rooms/{id}/tokens")).await;
        assert_eq!(refused(answer).await, (400, RefusalCode::BadMessage, false), "{id}");
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_server_with_as_many_rooms_as_it_may_have_makes_no_more() {
    let config = SignalingConfig { rooms: 2, ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    scene.server.room().await;
    let answer = scene.server.post("rooms").await;
    assert_eq!(refused(answer).await, (503, RefusalCode::ServerFull, true));
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn an_address_may_make_so_many_rooms_a_minute() {
    let config = SignalingConfig { rooms_per_minute: 2, ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    scene.server.room().await;
    let answer = scene.server.post("rooms").await;
    assert_eq!(refused(answer).await, (429, RefusalCode::TooFast, true));
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn an_address_may_ask_for_so_many_tokens_a_minute() {
    let config = SignalingConfig { tokens_per_minute: 2, ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    scene.token().await;
    let answer = scene.server.post(&format!("rooms/{}/tokens", scene.room)).await;
    assert_eq!(refused(answer).await, (429, RefusalCode::TooFast, true));
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_full_room_refuses_the_next_and_takes_one_when_somebody_has_left() {
    let config = SignalingConfig {
        participants_per_room: 2,
        resume_window: Duration::ZERO,
        ..SignalingConfig::default()
    };
    let mut scene = Scene::with(config).await;
    let second = scene.join().await;
    let mut third = scene.server.connect().await;
    third.hello(scene.token().await, None).await;
    assert_eq!(third.last_words().await, RefusalCode::RoomFull);
    drop(second);
    scene.server.until("orange_participants", 1.0).await;
    scene.join().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_server_with_too_much_to_do_begins_nothing_and_says_when_to_try_again() {
    let mut scene = Scene::new().await;
    scene.server.media.is_full.store(true, Ordering::Relaxed);
    let answer = scene.server.post("rooms").await;
    assert_eq!(refused(answer).await, (503, RefusalCode::ServerFull, true));
    let mut late = scene.server.connect().await;
    late.hello(scene.token().await, None).await;
    assert_eq!(late.last_words().await, RefusalCode::ServerFull);
    let ready = format!("http://{}/readyz", scene.server.address);
    let ready = reqwest::get(ready).await.expect("an answer");
    assert_eq!(ready.status(), 200, "those who are inside come back by the same way");
    assert!(ready.text().await.expect("words").contains("full"));
    scene.nobody_else_is_disturbed().await;
    scene.server.media.is_full.store(false, Ordering::Relaxed);
    scene.join().await;
}

async fn open(server: &Server) -> Result<Socket, u16> {
    let stream = TcpStream::connect(server.address).await.expect("a server");
    let url = format!("ws://{}/api/v1/socket", server.address);
    match tokio_tungstenite::client_async(url, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().expect("a body");
            let refusal: Refusal = serde_json::from_slice(body).expect("a refusal");
            assert_eq!(checked(refusal).code, RefusalCode::TooFast);
            Err(answer.status().as_u16())
        }
        Err(other) => panic!("not expected: {other}"),
    }
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

#[tokio::test]
async fn an_address_may_open_so_many_sockets_and_gets_a_place_back_for_each_that_ends() {
    let config = SignalingConfig { sockets_per_address: 2, ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let second = open(&scene.server).await.expect("the second");
    assert_eq!(open(&scene.server).await.err(), Some(429));
    drop(second);
    let deadline = Instant::now() + PATIENCE;
    while open(&scene.server).await.is_err() {
        assert!(Instant::now() < deadline, "the place is not given back");
        sleep(Duration::from_millis(10)).await;
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn clients_of_one_trusted_proxy_do_not_use_up_each_others_limits() {
    let ask = async |server: &Server, client: &str| {
        let url = format!("http://{}/api/v1/rooms", server.address);
        let asked = reqwest::Client::new().post(url).header("x-forwarded-for", client).send();
        asked.await.expect("an answer").status().as_u16()
    };
    let limited = SignalingConfig { rooms_per_minute: 1, ..SignalingConfig::default() };
    let proxy = "127.0.0.0/8".parse().expect("a network");
    let trusting = SignalingConfig { trusted_proxies: vec![proxy], ..limited.clone() };

    let server = Server::start(trusting).await;
    assert_eq!(ask(&server, "192.0.2.7").await, 201);
    assert_eq!(ask(&server, "192.0.2.8").await, 201);
    assert_eq!(ask(&server, "192.0.2.7").await, 429);

    let server = Server::start(limited).await;
    assert_eq!(ask(&server, "192.0.2.7").await, 201);
    assert_eq!(ask(&server, "192.0.2.8").await, 429, "nobody is trusted: one address, one limit");
}
