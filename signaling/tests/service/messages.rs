//! Messages that are refused one by one.

use signaling_protocol::{ClientMessage, Opaque, RefusalCode, Secret, limits};
use tokio_tungstenite::tungstenite::Message;

use crate::support::Scene;

#[tokio::test]
async fn a_bad_message_costs_one_message_and_quotes_nothing_of_it() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    for text in [
        "{",
        r#"{"type":"heartbeat","position":"my secret"}"#,
        r#"{"type":"heartbeat","position":-1}"#,
        r#"{"type":"upload_key_package","key_package":"my secret"}"#,
        r#"{"type":"secret"}"#,
        "\"secret\"",
    ] {
        client.text(text).await;
        let refusal = client.refusal().await;
        assert_eq!(refusal.code, RefusalCode::BadMessage, "{text}");
        assert!(!refusal.message.contains("secret"), "{refusal:?}");
    }
    client.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_binary_message_costs_one_message() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    client.raw(Message::binary(br#"{"type":"leave"}"#.to_vec())).await;
    assert_eq!(client.refusal().await.code, RefusalCode::BadMessage);
    client.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_message_one_byte_over_the_limit_costs_one_message() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    client.text(&"x".repeat(limits::MESSAGE_BYTES)).await;
    assert_eq!(client.refusal().await.code, RefusalCode::BadMessage, "it was read");
    client.text(&"x".repeat(limits::MESSAGE_BYTES + 1)).await;
    assert_eq!(client.refusal().await.code, RefusalCode::TooLarge);
    client.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_message_far_over_the_limit_ends_its_sender_only() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    client.flood(Message::text("x".repeat(4 * limits::MESSAGE_BYTES)), 1).await;
    scene.server.until("orange_sockets", 1.0).await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn each_kind_of_message_has_its_own_limit() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    let bytes = |bytes: usize| Opaque(vec![0; bytes]);
    for message in [
        ClientMessage::UploadKeyPackage { key_package: bytes(limits::KEY_PACKAGE_BYTES + 1) },
        ClientMessage::Offer { sdp: "x".repeat(limits::SDP_BYTES + 1) },
    ] {
        client.send(&message).await;
        assert_eq!(client.refusal().await.code, RefusalCode::TooLarge, "{}", message.kind());
    }
    assert_eq!(scene.server.media.commands.lock().expect("no panic").len(), 0);
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_second_hello_is_refused_and_changes_nothing() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    client.hello(Secret("anything".to_owned()), None).await;
    assert_eq!(client.refusal().await.code, RefusalCode::NotAllowed);
    client.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn one_who_leaves_is_closed_without_reproach() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    client.send(&ClientMessage::Leave).await;
    assert_eq!(client.next().await, None);
    scene.server.until("orange_participants", 1.0).await;
    scene.nobody_else_is_disturbed().await;
}
