//! The signalling client of a headless participant.

use std::sync::OnceLock;

use futures_util::{SinkExt as _, StreamExt as _};
use signaling_protocol::{
    ClientMessage, ControlMessage, Hello, Joined, Refusal, RoomCreated, RoomId, RoomMessage,
    ServerMessage, TokenIssued, VERSION,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::BenchError;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the HTTP client shared by all participants: creating one costs more than a request.
fn http() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(reqwest::Client::new)
}

/// Creates a room.
pub(crate) async fn create_room(url: &str) -> Result<RoomId, BenchError> {
    let response = http().post(format!("{url}/api/v1/rooms")).send().await?;
    Ok(parse_response::<RoomCreated>(response).await?.room)
}

/// Returns the JSON body, or the refusal as an error.
async fn parse_response<T: serde::de::DeserializeOwned>(
    response: reqwest::Response,
) -> Result<T, BenchError> {
    if response.status().is_success() {
        Ok(response.json().await?)
    } else {
        Err(BenchError::Refused(response.json::<Refusal>().await?))
    }
}

/// A signalling session over a WebSocket.
pub(crate) struct Signalling {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Signalling {
    /// Joins a room: requests a token, opens the WebSocket and sends `hello`. `address` goes into
    /// `X-Forwarded-For`, for a server that trusts this machine as a proxy.
    pub(crate) async fn join(
        url: &str,
        room: &RoomId,
        address: Option<&str>,
    ) -> Result<(Self, Joined), BenchError> {
        let mut request = http().post(format!("{url}/api/v1/rooms/{room}/tokens"));
        if let Some(address) = address {
            request = request.header(FORWARDED_FOR, address);
        }
        let token = parse_response::<TokenIssued>(request.send().await?).await?.token;
        let socket = format!("{}/api/v1/socket", url.replacen("http", "ws", 1));
        let mut request = socket.into_client_request().map_err(Box::new)?;
        if let Some(address) = address.and_then(|address| address.parse().ok()) {
            request.headers_mut().insert(FORWARDED_FOR, address);
        }
        // Disables Nagle's algorithm, as browsers do.
        let connecting = tokio_tungstenite::connect_async_with_config(request, None, true);
        let (socket, _) = connecting.await.map_err(Box::new)?;
        let mut signalling = Self { socket };
        let hello = Hello { version: VERSION, token, resume: None, predecessor: None };
        signalling.send(&ClientMessage::Hello(hello)).await?;
        loop {
            match signalling.receive().await? {
                ServerMessage::Room(RoomMessage::Joined(joined)) => {
                    return Ok((signalling, joined));
                }
                ServerMessage::Control(
                    ControlMessage::Refused { refusal } | ControlMessage::Closing { refusal },
                ) => return Err(refusal.into()),
                ServerMessage::Room(_)
                | ServerMessage::Log(_)
                | ServerMessage::Media(_)
                | ServerMessage::Control(_) => {}
            }
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &ClientMessage) -> Result<(), BenchError> {
        let text = serde_json::to_string(message)?;
        Ok(self.socket.send(Message::text(text)).await.map_err(Box::new)?)
    }

    /// Receives the next message.
    pub(crate) async fn receive(&mut self) -> Result<ServerMessage, BenchError> {
        loop {
            let message = self.socket.next().await.ok_or(BenchError::Closed)?;
            if let Message::Text(text) = message.map_err(Box::new)? {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }
}
