//! Host keys, the door and removal over real sockets.

use signaling::SignalingConfig;
use signaling_protocol::{
    ClientMessage, Delta, JoinPolicy, Moderation, Opaque, Refusal, RefusalCode, RoomCreated,
    RoomId, RoomMessage, Secret, ServerMessage, TokenIssued, TokenRequest,
};

use crate::support::{Client, Server};

struct Meeting {
    server: Server,
    room: RoomId,
    host_key: Secret,
}

impl Meeting {
    async fn new() -> Self {
        let server = Server::start(SignalingConfig::default()).await;
        let created = server.post("rooms").await.json::<RoomCreated>().await.expect("a room");
        Self { server, room: created.room, host_key: created.host_key }
    }

    async fn ask(&self, host_key: &Secret) -> reqwest::Response {
        let url = format!("http://{}/api/v1/rooms/{}/tokens", self.server.address, self.room);
        let request = TokenRequest { host_key: Some(host_key.clone()) };
        let body = serde_json::to_vec(&request).expect("JSON");
        reqwest::Client::new().post(url).body(body).send().await.expect("an answer")
    }

    async fn host(&self) -> Client {
        let issued = self.ask(&self.host_key).await.json::<TokenIssued>().await.expect("a token");
        let mut host = self.server.connect().await;
        host.join(issued.token).await;
        host
    }
}

async fn moderate(host: &mut Client, action: Moderation) {
    host.send(&ClientMessage::Moderate(action)).await;
}

#[tokio::test]
async fn only_whoever_has_the_host_key_ends_a_meeting_for_good() {
    let meeting = Meeting::new().await;
    let mut host = meeting.host().await;
    let url = format!("http://{}/api/v1/rooms/{}", meeting.server.address, meeting.room);
    let end = |key: &Secret| reqwest::Client::new().delete(&url).bearer_auth(&key.0).send();
    let other = Meeting::new().await;
    for key in [&other.host_key, &Secret(String::new())] {
        let refused = end(key).await.expect("an answer");
        assert_eq!(refused.status(), 403);
        let refusal = refused.json::<Refusal>().await.expect("a refusal");
        assert_eq!(refusal.code, RefusalCode::NotAllowed);
    }
    host.is_heard().await;
    assert_eq!(end(&meeting.host_key).await.expect("an answer").status(), 204);
    assert_eq!(host.last_words().await, RefusalCode::UnknownRoom);
    assert_eq!(meeting.ask(&meeting.host_key).await.status(), 404);
    assert_eq!(end(&meeting.host_key).await.expect("an answer").status(), 404);
}

#[tokio::test]
async fn only_the_key_of_this_room_makes_a_host() {
    let meeting = Meeting::new().await;
    let host = meeting.host().await;
    let joined = host.joined.expect("in the room");
    assert_eq!(joined.room.rules.hosts, [joined.participant]);
    let other = Meeting::new().await;
    for key in [other.host_key.clone(), Secret(String::new()), Secret("x".repeat(600))] {
        let answer = meeting.ask(&key).await;
        assert_eq!(answer.status(), 403);
        let refusal = answer.json::<Refusal>().await.expect("a refusal");
        assert_eq!(refusal.code, RefusalCode::NotAllowed);
    }
    let endless = meeting.ask(&Secret("x".repeat(100_000))).await;
    assert_eq!(endless.status(), 413);
}

#[tokio::test]
async fn a_guest_waits_before_an_attended_door_until_the_host_opens() {
    let meeting = Meeting::new().await;
    let mut host = meeting.host().await;
    moderate(&mut host, Moderation::SetJoinPolicy { join_policy: JoinPolicy::Lobby }).await;
    host.until(|message| matches!(message, ServerMessage::Room(RoomMessage::Delta { .. }))).await;
    let mut guest = meeting.server.connect().await;
    guest.hello(meeting.server.token(&meeting.room).await, None).await;
    assert_eq!(guest.next().await, Some(ServerMessage::Room(RoomMessage::Waiting)));
    let name = Opaque(b"sealed".to_vec());
    guest.send(&ClientMessage::Knock { name: name.clone() }).await;
    let lobby_participant = host
        .until(|message| {
            matches!(message, ServerMessage::Room(RoomMessage::LobbyParticipants { lobby_participants })
                if lobby_participants.iter().any(|one| one.name.as_ref() == Some(&name)))
        })
        .await;
    let ServerMessage::Room(RoomMessage::LobbyParticipants { lobby_participants }) =
        lobby_participant
    else {
        panic!("{lobby_participant:?}")
    };
    moderate(
        &mut host,
        Moderation::Admit { lobby_participant: lobby_participants[0].lobby_participant },
    )
    .await;
    guest.until(|message| matches!(message, ServerMessage::Room(RoomMessage::Joined(_)))).await;
}

#[tokio::test]
async fn whoever_is_removed_hears_why_and_the_others_see_them_go() {
    let meeting = Meeting::new().await;
    let mut host = meeting.host().await;
    let mut guest = meeting.server.join(&meeting.room).await;
    let participant = guest.joined.as_ref().expect("in the room").participant;
    moderate(&mut guest, Moderation::Remove { participant }).await;
    assert_eq!(guest.refusal().await.code, RefusalCode::NotAllowed);
    moderate(&mut host, Moderation::Remove { participant }).await;
    assert_eq!(guest.last_words().await, RefusalCode::Removed);
    let left = Delta::ParticipantLeft { participant };
    host.until(|message| matches!(message, ServerMessage::Room(RoomMessage::Delta { delta, .. }) if *delta == left))
        .await;
}
