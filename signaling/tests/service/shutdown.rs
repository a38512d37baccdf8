//! An orderly end.

use std::time::Duration;

use signaling_protocol::{ClientMessage, ControlMessage, Refusal, RefusalCode, ServerMessage};
use tokio::time::timeout;

use crate::support::{PATIENCE, Scene};

#[tokio::test]
async fn everybody_is_told_before_the_service_ends() {
    let mut scene = Scene::new().await;
    let mut other = scene.join().await;
    let elsewhere = scene.server.room().await;
    let mut third = scene.server.join(&elsewhere).await;
    let mut without_hello = scene.server.connect().await;
    scene.server.until("orange_sockets", 4.0).await;
    timeout(PATIENCE, scene.server.signaling.shut_down()).await.expect("it ends");
    // The process may end now: whatever has not been said would never be.
    assert!(scene.server.figure("orange_sockets") < 0.5);
    for client in [&mut scene.bystander, &mut other, &mut third, &mut without_hello] {
        let (_, last) = client.end().await;
        assert_eq!(last.code, RefusalCode::ShuttingDown);
        assert!(last.retry_after_seconds.is_some(), "it comes back: {last:?}");
    }
}

#[tokio::test]
async fn one_who_does_not_read_does_not_hold_up_the_end() {
    let scene = Scene::new().await;
    let _deaf = scene.join().await;
    timeout(PATIENCE, scene.server.signaling.shut_down()).await.expect("it ends");
}

#[tokio::test]
async fn one_that_drains_keeps_its_meetings_and_lets_none_begin() {
    let mut scene = Scene::new().await;
    let elsewhere = scene.server.room().await;
    let early = scene.server.token(&elsewhere).await;
    assert_eq!(scene.server.status("readyz").await, 200);

    let drained = scene.server.signaling.drain(PATIENCE);
    assert!(timeout(Duration::from_millis(1), drained).await.is_err(), "somebody is here");
    for (probe, status) in [("readyz", 503), ("livez", 200), ("startupz", 200), ("healthz", 200)] {
        assert_eq!(scene.server.status(probe).await, status, "{probe}");
    }
    assert!(scene.server.figure("orange_draining") > 0.5);
    for path in ["rooms".to_owned(), format!("rooms/{elsewhere}/tokens")] {
        let refused = scene.server.post(&path).await;
        assert_eq!(refused.status(), 503, "{path}");
        let refusal = refused.json::<Refusal>().await.expect("a refusal");
        assert_eq!(refusal.code, RefusalCode::ShuttingDown);
    }
    let mut late = scene.server.connect().await;
    late.hello(early, None).await;
    assert_eq!(late.last_words().await, RefusalCode::ShuttingDown, "a token of before opens none");

    // One who reloads the page comes back into a meeting that runs.
    let mut back = scene.join().await;
    scene.nobody_else_is_disturbed().await;

    back.send(&ClientMessage::Leave).await;
    scene.bystander.send(&ClientMessage::Leave).await;
    let drained = scene.server.signaling.drain(2 * PATIENCE);
    timeout(PATIENCE, drained).await.expect("everybody has gone");
}

#[tokio::test]
async fn whoever_stays_is_told_how_long_and_no_longer_than_that_is_waited_for() {
    let mut scene = Scene::new().await;
    let second = Duration::from_secs(1);
    timeout(PATIENCE, scene.server.signaling.drain(second)).await.expect("somebody has stayed");
    let told = ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: Some(1) });
    assert_eq!(scene.bystander.until(|one| *one == told).await, told);
    scene.bystander.is_heard().await;
}
