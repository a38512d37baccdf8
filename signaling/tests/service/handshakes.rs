//! Creates and commits on their way through the log.

use signaling_protocol::{
    ClientMessage, Delta, Handshake, HandshakeCount, LogEvent, RefusalCode, Step,
};

use crate::mls;
use crate::support::{Client, Scene};

async fn next_handshake(client: &mut Client) -> Handshake {
    loop {
        if let Delta::Log { entry } = client.next_delta().await
            && let LogEvent::Handshake(handshake) = entry.event
        {
            return handshake;
        }
    }
}

fn has_welcome(handshake: &Handshake) -> bool {
    matches!(&handshake.step, Step::Commit { welcome: Some(_), .. })
}

#[tokio::test]
async fn a_welcome_goes_to_whom_it_adds_and_the_second_commit_learns_the_count() {
    let mut scene = Scene::new().await;
    let (mut a, mut b) = (scene.join().await, scene.join().await);
    let id = |client: &Client| client.joined.as_ref().expect("it has joined").participant;
    let roster = [id(&a), id(&b)];
    let one = HandshakeCount(1);
    for client in [&mut a, &mut b] {
        let key_package = mls::key_package(id(client).0);
        client.send(&ClientMessage::UploadKeyPackage { key_package }).await;
    }
    // Whose KeyPackage came first is not said.
    while !matches!(&b.next_delta().await, Delta::Log { entry } if is_of(&entry.event, roster[1])) {
    }
    a.send(&ClientMessage::Submit(mls::create(roster[0], HandshakeCount(0), 1))).await;
    assert_eq!(next_handshake(&mut a).await.step, Step::Create);
    assert_eq!(next_handshake(&mut b).await.step, Step::Create);

    let commit = mls::commit(&scene.room, one, one, &roster, true, 2);
    // Nobody else is a member who could judge it.
    a.send(&ClientMessage::Submit(commit)).await;
    assert!(!has_welcome(&next_handshake(&mut a).await));
    assert!(has_welcome(&next_handshake(&mut b).await));
    assert_eq!(next_handshake(&mut scene.bystander).await.step, Step::Create);
    assert!(!has_welcome(&next_handshake(&mut scene.bystander).await));

    let late = mls::commit(&scene.room, one, one, &roster, true, 3);
    b.send(&ClientMessage::Submit(late)).await;
    let refusal = b.refusal().await;
    assert_eq!(refusal.code, RefusalCode::StaleHandshake);
    assert_eq!(refusal.current, Some(HandshakeCount(2)));
    scene.nobody_else_is_disturbed().await;
}

fn is_of(event: &LogEvent, participant: signaling_protocol::ParticipantId) -> bool {
    matches!(event, LogEvent::Joined(joined) if joined.participant == participant)
}
