//! Janus' protocol over a WebSocket: requests with a transaction id, replies, and events.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::BenchError;

/// The Janus session of one participant.
pub(super) struct JanusSession {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: u64,
    transactions: u64,
}

/// An event of the plugin.
pub(super) struct PluginEvent {
    pub(super) data: Value,
    pub(super) sdp: Option<String>,
}

impl JanusSession {
    /// Connects and creates a session.
    pub(super) async fn open(url: &str) -> Result<Self, BenchError> {
        let mut request = url.into_client_request().map_err(Box::new)?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let connecting = tokio_tungstenite::connect_async_with_config(request, None, true);
        let (socket, _) = connecting.await.map_err(Box::new)?;
        let mut session = Self { socket, session: 0, transactions: 0 };
        let reply = session.request(json!({ "janus": "create" })).await?;
        session.session = id(&reply)?;
        Ok(session)
    }

    /// Attaches to the VideoRoom plugin and returns the handle.
    pub(super) async fn attach(&mut self) -> Result<u64, BenchError> {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        id(&self.request(attach).await?)
    }

    /// Sends a keepalive.
    pub(super) async fn keep_alive(&mut self) -> Result<(), BenchError> {
        self.send(json!({ "janus": "keepalive" })).await.map(drop)
    }

    /// Sends a request to the plugin and returns the data of its immediate reply.
    pub(super) async fn request_plugin(
        &mut self,
        handle: u64,
        body: Value,
    ) -> Result<Value, BenchError> {
        let message = json!({ "janus": "message", "handle_id": handle, "body": body });
        let reply = self.request(message).await?;
        Ok(reply.pointer("/plugindata/data").cloned().unwrap_or_default())
    }

    /// Sends a request to the plugin, with a session description as (type, SDP) if there is one, and
    /// returns the event that answers it.
    pub(super) async fn negotiate(
        &mut self,
        handle: u64,
        body: Value,
        description: Option<(&str, &str)>,
    ) -> Result<PluginEvent, BenchError> {
        let mut message = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some((kind, sdp)) = description {
            message["jsep"] = json!({ "type": kind, "sdp": sdp });
        }
        let transaction = self.send(message).await?;
        loop {
            let message = self.receive().await?;
            let ours = message["transaction"].as_str() == Some(transaction.as_str());
            if ours && message["janus"] == "event" {
                let data = message.pointer("/plugindata/data").cloned().unwrap_or_default();
                if let Some(error) = data["error"].as_str() {
                    return Err(BenchError::Server(format!("janus: {error}")));
                }
                let sdp = message.pointer("/jsep/sdp").and_then(Value::as_str);
                return Ok(PluginEvent { data, sdp: sdp.map(str::to_owned) });
            }
        }
    }

    async fn request(&mut self, message: Value) -> Result<Value, BenchError> {
        let transaction = self.send(message).await?;
        loop {
            let message = self.receive().await?;
            let ours = message["transaction"].as_str() == Some(transaction.as_str());
            if ours && message["janus"] == "success" {
                return Ok(message);
            }
        }
    }

    async fn send(&mut self, mut message: Value) -> Result<String, BenchError> {
        self.transactions += 1;
        let transaction = format!("t{}", self.transactions);
        message["transaction"] = json!(transaction);
        if self.session != 0 {
            message["session_id"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).await.map_err(Box::new)?;
        Ok(transaction)
    }

    /// Receives the next message; a Janus error is returned as an error.
    pub(super) async fn receive(&mut self) -> Result<Value, BenchError> {
        loop {
            let message = self.socket.next().await.ok_or(BenchError::Closed)?;
            let Message::Text(text) = message.map_err(Box::new)? else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if message["janus"] == "error" {
                let reason = message.pointer("/error/reason").and_then(Value::as_str);
                let reason = reason.unwrap_or("an error without a reason");
                return Err(BenchError::Server(format!("janus: {reason}")));
            }
            return Ok(message);
        }
    }
}

fn id(reply: &Value) -> Result<u64, BenchError> {
    let id = reply.pointer("/data/id").and_then(Value::as_u64);
    id.ok_or_else(|| BenchError::Server("janus gave no id".into()))
}
