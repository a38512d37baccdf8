//! The credentials of the TURN server.

use signaling::{SignalingConfig, TurnServer};
use signaling_protocol::TokenIssued;

use crate::support::Server;

async fn issued(server: &Server) -> TokenIssued {
    let room = server.room().await;
    let answer = server.post(&format!("rooms/{room}/tokens")).await;
    answer.json().await.expect("a token")
}

#[tokio::test]
async fn whoever_comes_to_a_room_is_told_the_turn_server_with_a_credential_of_one_s_own() {
    let urls = vec!["turn:meet.example:3478".to_owned()];
    let turn_server = Some(TurnServer::new(urls.clone(), "north".to_owned()));
    let server = Server::start(SignalingConfig { turn_server, ..SignalingConfig::default() }).await;
    let [one, other] = [issued(&server).await, issued(&server).await];
    let [first] = &one.ice_servers[..] else { panic!("one server: {one:?}") };
    assert_eq!(first.urls, urls);
    assert_ne!(first.username, other.ice_servers[0].username);
    assert_eq!(one.ice_servers_expire_in_seconds, 300);
    let unknown = server.post(&format!("rooms/{}/tokens", "A".repeat(22))).await;
    assert!(!unknown.text().await.expect("a refusal").contains("turn:"));
}

#[tokio::test]
async fn without_a_turn_server_none_is_told() {
    let server = Server::start(SignalingConfig::default()).await;
    assert_eq!(issued(&server).await.ice_servers, []);
}
