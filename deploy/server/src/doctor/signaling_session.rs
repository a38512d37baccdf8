//! A signalling session in a room of its own, opened as a browser opens it.

use std::io;

use axum::http::StatusCode;
use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, ControlMessage, Hello, IceServer, MediaMessage, RoomCreated, RoomId,
    RoomMessage, ServerMessage, TokenIssued, VERSION,
};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::ServerUrl;
use super::web::{ByteStream, CHECK_TIMEOUT, connect};

/// Why the session failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignalingError {
    /// An HTTP request before the WebSocket failed.
    #[error("the server gives no meeting: {0}")]
    Http(#[from] reqwest::Error),
    /// The WebSocket upgrade was refused.
    #[error("the WebSocket upgrade is refused with {0}")]
    UpgradeRefused(StatusCode),
    /// The WebSocket failed.
    #[error("the WebSocket fails: {0}")]
    WebSocket(#[source] Box<Error>),
    /// The connection failed.
    #[error("the WebSocket fails: {0}")]
    Io(#[from] io::Error),
    /// The server refused a message, or closed the session with a reason.
    #[error("the server says: {0}")]
    Refused(String),
    /// The session ended, or timed out, before the expected message.
    #[error("the WebSocket closes before the answer")]
    Closed,
}

impl From<Error> for SignalingError {
    fn from(error: Error) -> Self {
        if let Error::Http(answer) = &error {
            return Self::UpgradeRefused(answer.status());
        }
        Self::WebSocket(Box::new(error))
    }
}

/// Creates a room.
pub(super) async fn create_room(server: &ServerUrl) -> Result<RoomCreated, SignalingError> {
    let created = post(server, "rooms".to_owned()).await?;
    Ok(created.json::<RoomCreated>().await?)
}

/// Deletes a room with its host key.
pub(super) async fn delete_room(
    server: &ServerUrl,
    created: &RoomCreated,
) -> Result<(), SignalingError> {
    let client = reqwest::Client::builder().timeout(CHECK_TIMEOUT).no_proxy().build()?;
    let url = format!("{}/api/v1/rooms/{}", server.origin, created.room);
    client.delete(url).bearer_auth(&created.host_key.0).send().await?.error_for_status()?;
    Ok(())
}

async fn post(server: &ServerUrl, path: String) -> Result<reqwest::Response, SignalingError> {
    let client = reqwest::Client::builder().timeout(CHECK_TIMEOUT).no_proxy().build()?;
    let url = format!("{}/api/v1/{path}", server.origin);
    Ok(client.post(url).send().await?.error_for_status()?)
}

type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// A participant's signalling session.
pub(super) struct SignalingSession {
    socket: Socket,
    turn_servers: Vec<IceServer>,
}

impl SignalingSession {
    /// Joins a room: requests a token, opens the WebSocket and sends `hello`.
    pub(super) async fn join(server: &ServerUrl, room: &RoomId) -> Result<Self, SignalingError> {
        let issued = post(server, format!("rooms/{room}/tokens")).await?;
        let TokenIssued { token, ice_servers: turn_servers, .. } = issued.json().await?;
        let url = format!("{}/api/v1/socket", server.origin.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        // A browser sends it; behind a proxy that changes `Host` the server refuses it.
        let origin = server.origin.parse().map_err(|_| SignalingError::Closed)?;
        request.headers_mut().insert("origin", origin);
        let stream = connect(server).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        let hello = Hello { version: VERSION, token, resume: None, predecessor: None };
        send(&mut socket, &ClientMessage::Hello(hello)).await?;
        loop {
            if let ServerMessage::Room(RoomMessage::Joined(_)) = receive(&mut socket).await? {
                return Ok(Self { socket, turn_servers });
            }
        }
    }

    /// Returns the TURN servers, with credentials, that the server gave with the token.
    pub(super) fn turn_servers(&self) -> &[IceServer] {
        &self.turn_servers
    }

    /// Sends an SDP offer and returns the SFU's SDP answer.
    pub(super) async fn negotiate(&mut self, offer: String) -> Result<String, SignalingError> {
        send(&mut self.socket, &ClientMessage::Offer { sdp: offer }).await?;
        loop {
            if let ServerMessage::Media(MediaMessage::Answer { sdp }) =
                receive(&mut self.socket).await?
            {
                return Ok(sdp);
            }
        }
    }

    /// Leaves the room.
    pub(super) async fn leave(mut self) {
        // If the message is lost, the server notices the closed socket.
        let _ = send(&mut self.socket, &ClientMessage::Leave).await;
    }
}

async fn send(socket: &mut Socket, message: &ClientMessage) -> Result<(), SignalingError> {
    let text = serde_json::to_string(message).map_err(io::Error::from)?;
    Ok(socket.send(Message::text(text)).await?)
}

/// Receives the next message; a refusal is returned as an error.
async fn receive(socket: &mut Socket) -> Result<ServerMessage, SignalingError> {
    loop {
        let Message::Text(text) = socket.next().await.ok_or(SignalingError::Closed)?? else {
            continue;
        };
        let message = serde_json::from_str(&text).map_err(io::Error::from)?;
        if let ServerMessage::Control(ControlMessage::Refused { refusal })
        | ServerMessage::Control(ControlMessage::Closing { refusal })
        | ServerMessage::Media(MediaMessage::MediaLost { refusal }) = message
        {
            return Err(SignalingError::Refused(refusal.message));
        }
        return Ok(message);
    }
}
