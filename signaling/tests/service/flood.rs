//! More than a socket may say.

use signaling::SignalingConfig;
use signaling_protocol::RefusalCode;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Scene;

/// 5 messages a second, 20 at once.
async fn scene() -> Scene {
    Scene::with(SignalingConfig { messages_per_second: 5, ..SignalingConfig::default() }).await
}

const HEARTBEAT: &str = r#"{"type":"heartbeat","position":0}"#;

#[tokio::test]
async fn a_burst_within_the_limit_is_heard_whole() {
    let scene = scene().await;
    let mut client = scene.join().await;
    for _ in 0..20 {
        client.is_heard().await;
    }
}

#[tokio::test]
async fn a_flood_is_refused_then_closed_and_the_last_words_arrive() {
    let mut scene = scene().await;
    let mut client = scene.join().await;
    client.flood(Message::text(HEARTBEAT), 20_000).await;
    let (refused, last) = client.end().await;
    assert_eq!(last.code, RefusalCode::TooFast);
    assert!(refused.iter().all(|one| one.code == RefusalCode::TooFast));
    assert!(refused.iter().all(|one| one.retry_after_seconds.is_some()));
    assert!((20..100).contains(&refused.len()), "each is told, for a while: {}", refused.len());
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_flood_of_pings_is_a_flood() {
    let mut scene = scene().await;
    let mut client = scene.join().await;
    client.flood(Message::Ping(vec![7; 100].into()), 5_000).await;
    assert_eq!(client.last_words().await, RefusalCode::TooFast);
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_flood_of_nonsense_is_a_flood() {
    let mut scene = scene().await;
    for message in [Message::text("nonsense"), Message::binary(vec![0; 100])] {
        let mut client = scene.join().await;
        client.flood(message, 5_000).await;
        let (_, last) = client.end().await;
        assert!([RefusalCode::TooFast, RefusalCode::BadMessage].contains(&last.code), "{last:?}");
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_flood_before_the_hello_ends_with_the_first_message() {
    let mut scene = scene().await;
    let mut client = scene.server.connect().await;
    client.flood(Message::text(HEARTBEAT), 5_000).await;
    assert_eq!(client.last_words().await, RefusalCode::BadMessage);
    scene.nobody_else_is_disturbed().await;
}
