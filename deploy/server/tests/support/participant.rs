//! A participant that joins over the real WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, Hello, Joined, RoomCreated, RoomId, RoomMessage, ServerMessage, TokenIssued,
    VERSION,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::Process;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Creates a room and joins it.
pub async fn join(server: &Process) -> (Socket, RoomId) {
    let (socket, room, _) = join_with_state(server).await;
    (socket, room)
}

/// Creates a room and joins it; returns the server's `joined` message as well.
pub async fn join_with_state(server: &Process) -> (Socket, RoomId, Joined) {
    let client = reqwest::Client::new();
    let post = |path: String| client.post(format!("{}/api/v1/{path}", server.url)).send();
    let created = post("rooms".to_owned()).await.expect("an answer");
    let room = created.json::<RoomCreated>().await.expect("a room").room;
    let issued = post(format!("rooms/{room}/tokens")).await.expect("an answer");
    let token = issued.json::<TokenIssued>().await.expect("a token").token;
    let url = format!("{}/api/v1/socket", server.url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
    send(
        &mut socket,
        &ClientMessage::Hello(Hello { version: VERSION, token, resume: None, predecessor: None }),
    )
    .await;
    let Some(ServerMessage::Room(RoomMessage::Joined(joined))) = receive(&mut socket).await else {
        panic!("not joined")
    };
    (socket, room, joined)
}

pub async fn send(socket: &mut Socket, message: &ClientMessage) {
    let text = serde_json::to_string(message).expect("JSON");
    socket.send(Message::text(text)).await.expect("it is sent");
}

pub async fn receive(socket: &mut Socket) -> Option<ServerMessage> {
    match socket.next().await? {
        Ok(Message::Text(text)) => Some(serde_json::from_str(&text).expect("a message")),
        Ok(_) | Err(_) => None,
    }
}
