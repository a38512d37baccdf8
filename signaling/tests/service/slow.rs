//! Readers that are slower than their room, or do not read at all.

use signaling::SignalingConfig;
use signaling_protocol::{ClientMessage, Delta, HandshakeCount, RoomMessage, ServerMessage};

use crate::mls;
use crate::support::{Client, Scene};

const QUEUE_BYTES: usize = 64 * 1024;
/// More than the buffers of two systems hold.
const WORDS: usize = 3_000;
/// A word's bytes on the wire, and some.
const WORD_BYTES: usize = 24 * 1024;

/// Returns a meeting with high rate limits, and a client in it.
async fn scene() -> (Scene, Client) {
    let config = SignalingConfig {
        queue_bytes: QUEUE_BYTES,
        messages_per_second: 100_000,
        ..SignalingConfig::default()
    };
    let scene = Scene::with(config).await;
    let mut speaker = scene.join().await;
    let participant = speaker.joined.as_ref().expect("it has joined").participant;
    let key_package = mls::key_package(participant.0);
    speaker.send(&ClientMessage::UploadKeyPackage { key_package }).await;
    let create = mls::create(participant, HandshakeCount(0), 1);
    speaker.send(&ClientMessage::Submit(create)).await;
    for _ in 0..2 {
        assert!(matches!(speaker.next_delta().await, Delta::Log { .. }));
    }
    (scene, speaker)
}

/// One more word, which the speaker and the bystander hear. Returns what else they heard.
async fn say(scene: &mut Scene, speaker: &mut Client) -> Vec<Delta> {
    let one = HandshakeCount(1);
    let message = mls::application(&scene.room, one, one, 16_000);
    speaker.send(&ClientMessage::SendMessage { message }).await;
    let mut others = Vec::new();
    loop {
        match speaker.next_delta().await {
            Delta::Message { .. } => break,
            other => others.push(other),
        }
    }
    while scene.bystander.seq < speaker.seq {
        scene.bystander.next_delta().await;
    }
    others
}

async fn join_narrowly(scene: &Scene) -> Client {
    let mut slow = scene.server.connect_narrowly().await;
    slow.join(scene.token().await).await;
    slow
}

#[tokio::test]
async fn one_who_reads_again_gets_a_snapshot_and_goes_on_without_a_gap() {
    let (mut scene, mut speaker) = scene().await;
    let mut slow = join_narrowly(&scene).await;
    let mut said = 0;
    while scene.server.figure("orange_slow_readers_total") < 0.5 {
        assert!(said < WORDS, "somewhere it all goes");
        say(&mut scene, &mut speaker).await;
        said += 1;
    }
    let snapshot = loop {
        match slow.next().await.expect("the socket goes on") {
            ServerMessage::Room(RoomMessage::Delta { .. }) => {}
            ServerMessage::Room(RoomMessage::Snapshot(snapshot)) => break snapshot,
            other => panic!("not expected: {other:?}"),
        }
    };
    assert_eq!(snapshot.room.participants.len(), 2);
    say(&mut scene, &mut speaker).await;
    while slow.seq < speaker.seq {
        slow.next_delta().await;
    }
    slow.is_heard().await;
    scene.nobody_else_is_disturbed().await;
}

#[tokio::test]
async fn one_who_never_reads_is_taken_out_and_costs_little_memory_until_then() {
    let (mut scene, mut speaker) = scene().await;
    let slow = join_narrowly(&scene).await;
    let participant = slow.joined.as_ref().expect("it has joined").participant;
    let gone = Delta::ParticipantLeft { participant };
    let mut most = 0.0_f64;
    for said in 0.. {
        assert!(said < WORDS, "somewhere it all goes");
        let others = say(&mut scene, &mut speaker).await;
        most = most.max(scene.server.figure("orange_send_queue_bytes"));
        if others.contains(&gone) {
            break;
        }
    }
    let sockets = 3;
    let bound = u32::try_from(sockets * (QUEUE_BYTES + WORD_BYTES)).expect("a small number");
    assert!(most > 0.0 && most < f64::from(bound), "{most} bytes waited, {bound} may");
    // Its socket is closed although it does not read the last words.
    scene.server.until("orange_sockets", 2.0).await;
    scene.server.until("orange_send_queue_bytes", 0.0).await;
    scene.nobody_else_is_disturbed().await;
    drop(slow);
}
