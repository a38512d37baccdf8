//! An orderly end.

use signaling_protocol::RefusalCode;
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
