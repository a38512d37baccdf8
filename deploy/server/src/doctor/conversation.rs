//! Joins a meeting of its own, as a browser does.

use std::io;

use axum::http::StatusCode;
use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, Hello, IceServer, RoomCreated, RoomId, ServerMessage, TokenIssued, VERSION,
};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Address;
use super::web::{Connection, PATIENCE, connect};

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHeard {
    /// The requests before the socket.
    #[error("the server gives no meeting: {0}")]
    Request(#[from] reqwest::Error),
    /// The upgrade was refused.
    #[error("the socket is refused with {0}")]
    Refused(StatusCode),
    /// The socket broke.
    #[error("the socket: {0}")]
    Socket(#[source] Box<Error>),
    /// No connection.
    #[error("the socket: {0}")]
    Connection(#[from] io::Error),
    /// The server said something else.
    #[error("the server says: {0}")]
    Told(String),
    /// The server said no more.
    #[error("the socket ends before the answer")]
    Ended,
}

impl From<Error> for NotHeard {
    fn from(error: Error) -> Self {
        if let Error::Http(answer) = &error {
            return Self::Refused(answer.status());
        }
        Self::Socket(Box::new(error))
    }
}

/// A room that nobody else knows.
pub(super) async fn room(address: &Address) -> Result<RoomCreated, NotHeard> {
    let made = post(address, "rooms".to_owned()).await?;
    Ok(made.json::<RoomCreated>().await?)
}

/// Has the server forget it.
pub(super) async fn forget(address: &Address, made: &RoomCreated) -> Result<(), NotHeard> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let url = format!("{}/api/v1/rooms/{}", address.origin, made.room);
    client.delete(url).bearer_auth(&made.host_key.0).send().await?.error_for_status()?;
    Ok(())
}

async fn post(address: &Address, path: String) -> Result<reqwest::Response, NotHeard> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let url = format!("{}/api/v1/{path}", address.origin);
    Ok(client.post(url).send().await?.error_for_status()?)
}

type Socket = WebSocketStream<Box<dyn Connection>>;

/// Somebody in a room.
pub(super) struct Conversation {
    socket: Socket,
    /// The TURN servers that people are told, with credentials.
    pub(super) relays: Vec<IceServer>,
}

impl Conversation {
    /// Token, socket and hello.
    pub(super) async fn join(address: &Address, room: &RoomId) -> Result<Self, NotHeard> {
        let issued = post(address, format!("rooms/{room}/tokens")).await?;
        let TokenIssued { token, ice_servers: relays, .. } = issued.json().await?;
        let url = format!("{}/api/v1/socket", address.origin.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        // As the page does: a proxy that changes `Host` has it refused.
        let origin = address.origin.parse().map_err(|_| NotHeard::Ended)?;
        request.headers_mut().insert("origin", origin);
        let stream = connect(address).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        let hello = Hello { version: VERSION, token, resume: None, predecessor: None };
        say(&mut socket, &ClientMessage::Hello(hello)).await?;
        loop {
            if let ServerMessage::Joined(_) = hear(&mut socket).await? {
                return Ok(Self { socket, relays });
            }
        }
    }

    /// The SFU's answer to an offer.
    pub(super) async fn answer(&mut self, offer: String) -> Result<String, NotHeard> {
        say(&mut self.socket, &ClientMessage::Offer { sdp: offer }).await?;
        loop {
            if let ServerMessage::Answer { sdp } = hear(&mut self.socket).await? {
                return Ok(sdp);
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) {
        // If it does not arrive, the server notices by itself.
        let _ = say(&mut self.socket, &ClientMessage::Leave).await;
    }
}

async fn say(socket: &mut Socket, message: &ClientMessage) -> Result<(), NotHeard> {
    let text = serde_json::to_string(message).map_err(io::Error::from)?;
    Ok(socket.send(Message::text(text)).await?)
}

/// The next message; a refusal is none.
async fn hear(socket: &mut Socket) -> Result<ServerMessage, NotHeard> {
    loop {
        let Message::Text(text) = socket.next().await.ok_or(NotHeard::Ended)?? else { continue };
        let message = serde_json::from_str(&text).map_err(io::Error::from)?;
        if let ServerMessage::Refused { refusal }
        | ServerMessage::Closing { refusal }
        | ServerMessage::MediaLost { refusal } = message
        {
            return Err(NotHeard::Told(refusal.message));
        }
        return Ok(message);
    }
}
