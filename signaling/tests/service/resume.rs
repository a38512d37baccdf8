//! Coming back.

use std::time::Duration;

use signaling::SignalingConfig;
use signaling_protocol::{
    ClientMessage, Delta, LogPosition, ParticipantId, RefusalCode, Resume, RoomMessage, Secret,
    Seq, ServerMessage,
};

use crate::support::Scene;

#[tokio::test]
async fn who_returns_in_time_gets_what_was_missed_and_nothing_else() {
    let mut scene = Scene::new().await;
    let client = scene.join().await;
    let ticket = client.return_ticket();
    drop(client);
    scene.nobody_else_is_disturbed().await;
    let mut back = scene.resume(ticket.clone()).await;
    let newest = Seq(ticket.seq.0 + 1);
    assert_eq!(back.next().await, Some(ServerMessage::Room(RoomMessage::Resumed { seq: newest })));
    assert!(matches!(back.next_delta().await, Delta::TracksChanged(_)));
    assert_eq!(back.seq, newest);
    back.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn who_returns_too_late_is_told_to_join_again() {
    let config =
        SignalingConfig { resume_window: Duration::from_millis(50), ..SignalingConfig::default() };
    let mut scene = Scene::with(config).await;
    let client = scene.join().await;
    let ticket = client.return_ticket();
    drop(client);
    scene.server.until("orange_participants", 1.0).await;
    let mut back = scene.resume(ticket).await;
    assert_eq!(back.last_words().await, RefusalCode::ResumeExpired);
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn who_returns_after_leaving_or_with_another_secret_is_told_to_join_again() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    let ticket = client.return_ticket();
    client.send(&ClientMessage::Leave).await;
    assert_eq!(client.next().await, None);
    let of_bystander = scene.bystander.return_ticket();
    for forged in [
        ticket.clone(),
        Resume { participant: ParticipantId(99), ..ticket.clone() },
        Resume { resume_token: ticket.resume_token, ..of_bystander.clone() },
        Resume { resume_token: Secret(String::new()), ..of_bystander },
    ] {
        let mut back = scene.resume(forged).await;
        assert_eq!(back.last_words().await, RefusalCode::ResumeExpired);
    }
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn a_second_window_supersedes_the_first() {
    let mut scene = Scene::new().await;
    let mut first = scene.join().await;
    let mut second = scene.resume(first.return_ticket()).await;
    assert!(matches!(second.next().await, Some(ServerMessage::Room(RoomMessage::Resumed { .. }))));
    assert_eq!(first.last_words().await, RefusalCode::Superseded);
    second.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn numbers_from_nowhere_end_only_who_brings_them() {
    let mut scene = Scene::new().await;
    for (seq, position) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        let client = scene.join().await;
        let (seq, position) = (Seq(seq), LogPosition(position));
        let mut back = scene.resume(Resume { seq, position, ..client.return_ticket() }).await;
        // A snapshot, or the end: either way an answer.
        back.next().await.expect("an answer");
        scene.nobody_else_is_disturbed().await;
    }
}
