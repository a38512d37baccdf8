//! One WebSocket: its hello, then messages in both directions until one side ends it.

use std::future::pending;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use governor::{Quota, RateLimiter};
use signaling_protocol::{
    ClientMessage, ControlMessage, Hello, Refusal, RefusalCode, ServerMessage, VERSION, limits,
};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::auth::Tokens;
use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::queue::{DeliveryClass, Next, Outgoing, SendQueue};
use crate::room::SocketId;
use crate::room_task::{JoinKind, RoomInput, shutting_down};
use crate::rooms::Rooms;
use crate::spans;
use crate::store::unix_seconds;

/// Refused messages in a row after which a socket is closed.
const PATIENCE: u32 = 20;
/// Time to send the closing message.
const GOODBYE: Duration = Duration::from_secs(2);

type Reader = SplitStream<WebSocket>;
type Writer = SplitSink<WebSocket, Message>;

/// The dependencies of a socket.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub(crate) config: Arc<SignalingConfig>,
    pub(crate) rooms: Rooms,
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Metrics,
}

impl Sockets {
    /// Serves one socket to its end.
    pub(crate) async fn serve(self, socket: WebSocket) {
        self.metrics.sockets.inc();
        let (mut writer, mut reader) = socket.split();
        match self.hello(&mut reader).await {
            Ok(hello) => self.serve_room(hello, &mut reader, &mut writer).await,
            Err(Some(refusal)) => {
                self.metrics.refused(&refusal);
                close_with(&mut writer, refusal).await;
            }
            Err(None) => {}
        }
        drain_reader(&mut reader).await;
        self.metrics.sockets.dec();
    }

    /// The hello, in time. `None`: the client has gone.
    async fn hello(&self, reader: &mut Reader) -> Result<Hello, Option<Refusal>> {
        let late = || Refusal::new(RefusalCode::TooSlow, "No hello came in time; reload the page.");
        tokio::select! {
            hello = timeout(self.config.hello, self.first_message(reader)) => {
                hello.unwrap_or_else(|_| Err(Some(late())))
            }
            () = self.rooms.stopping() => Err(Some(shutting_down())),
        }
    }

    async fn first_message(&self, reader: &mut Reader) -> Result<Hello, Option<Refusal>> {
        loop {
            match reader.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = parse(&text);
                    self.metrics.received(message.as_ref().ok());
                    return match message {
                        Ok(ClientMessage::Hello(hello)) => self.check(hello).map_err(Some),
                        Ok(_) => Err(Some(Refusal::new(
                            RefusalCode::BadMessage,
                            "The first message must be a hello; reload the page.",
                        ))),
                        Err(refusal) => Err(Some(refusal)),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(Some(binary())),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
            }
        }
    }

    fn check(&self, hello: Hello) -> Result<Hello, Refusal> {
        if hello.version == VERSION {
            Ok(hello)
        } else {
            Err(Refusal::new(
                RefusalCode::UnsupportedVersion,
                format!("This server speaks version {VERSION}; reload the page to get it."),
            ))
        }
    }

    async fn serve_room(&self, hello: Hello, reader: &mut Reader, writer: &mut Writer) {
        // A resume may come after the token's time: the resume token is what counts then, and
        // the token only names the room.
        let now = if hello.resume.is_some() { 0 } else { unix_seconds() };
        let (room, role) = match self.tokens.check(&hello.token, now) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.metrics.refused(&refusal);
                return close_with(writer, refusal).await;
            }
        };
        if let Err(refusal) = self.rooms.admits(Some(&room)) {
            self.metrics.refused(&refusal);
            return close_with(writer, refusal).await;
        }
        let waiting = self.metrics.queued_bytes.clone();
        let queue = Arc::new(SendQueue::new(self.config.queue_bytes, waiting));
        let socket = self.rooms.socket();
        let inputs = self.rooms.enter(&room);
        let kind = hello.resume.map_or(JoinKind::New(hello.predecessor), JoinKind::Resume);
        let join = spans::join(matches!(kind, JoinKind::Resume(_)));
        let greeting = RoomInput::Hello { socket, queue: Arc::clone(&queue), role, kind, join };
        if inputs.send(greeting).await.is_err() {
            let refusal = Refusal::new(
                RefusalCode::StorageUnavailable,
                "The meeting was just being closed; join it again.",
            );
            return close_with(writer, refusal.with_retry_after(1)).await;
        }
        tracing::debug!(%room, socket = socket.0, "socket opened");
        // A reader that reads nothing would let the last words wait for ever.
        let overdue = async {
            queue.closing().await;
            sleep(GOODBYE).await;
        };
        // Whichever side ends first ends the other.
        tokio::select! {
            () = self.read(socket, reader, &inputs, &queue) => {}
            () = write(writer, &queue) => {}
            () = overdue => {}
        }
        // The room may have ended before its sockets.
        let _ = inputs.send(RoomInput::Closed { socket }).await;
        tracing::debug!(%room, socket = socket.0, "socket closed");
    }

    /// Reads until the client is gone. One that leaves or has broken the rules is read no
    /// further, and its socket is closed by the writer.
    async fn read(
        &self,
        socket: SocketId,
        reader: &mut Reader,
        inputs: &mpsc::Sender<RoomInput>,
        queue: &SendQueue,
    ) {
        let rate = NonZeroU32::new(self.config.messages_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(3));
        let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(burst));
        let mut refused = 0;
        while let Some(Ok(message)) = reader.next().await {
            let outcome = match message {
                Message::Text(text) => {
                    let message =
                        if limiter.check().is_err() { Err(too_fast()) } else { parse(&text) };
                    self.metrics.received(message.as_ref().ok());
                    message
                }
                Message::Binary(_) => Err(binary()),
                Message::Ping(_) | Message::Pong(_) => {
                    if limiter.check().is_err() {
                        Err(too_fast())
                    } else {
                        continue;
                    }
                }
                Message::Close(_) => return,
            };
            match outcome {
                Ok(message) => {
                    refused = 0;
                    let leaves = message == ClientMessage::Leave;
                    let input = RoomInput::Message { socket, message };
                    if inputs.send(input).await.is_err() {
                        return;
                    }
                    if leaves {
                        queue.finish();
                        return pending().await;
                    }
                }
                Err(refusal) => {
                    self.metrics.refused(&refusal);
                    refused += 1;
                    if refused > PATIENCE {
                        queue.close(refusal);
                        return pending().await;
                    }
                    self.push(queue, &ServerMessage::Control(ControlMessage::Refused { refusal }));
                }
            }
        }
    }

    fn push(&self, queue: &SendQueue, message: &ServerMessage) {
        if let Ok(text) = serde_json::to_string(message) {
            self.metrics.sent(message, 1);
            queue.push_aside(Outgoing { text: text.into(), class: DeliveryClass::Required });
        }
    }
}

/// Writes what is queued until the room closes the socket or the client is gone.
async fn write(writer: &mut Writer, queue: &SendQueue) {
    loop {
        match queue.next().await {
            Next::Write(text) => {
                if writer.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            Next::Close(Some(refusal)) => return close_with(writer, refusal).await,
            Next::Close(None) => {
                let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
                let _ = timeout(GOODBYE, writer.send(Message::Close(Some(frame)))).await;
                return;
            }
        }
    }
}

/// The last words, and the close frame. A client that does not read them is not waited for.
async fn close_with(writer: &mut Writer, refusal: Refusal) {
    let code = refusal.code.close_code();
    let Ok(text) =
        serde_json::to_string(&ServerMessage::Control(ControlMessage::Closing { refusal }))
    else {
        return;
    };
    let words = async {
        writer.send(Message::Text(text.into())).await?;
        writer.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await
    };
    let _ = timeout(GOODBYE, words).await;
}

/// Reads on until the client has closed its side, for a moment: a connection that is closed with
/// bytes unread is reset, and the last words would be lost on their way (RFC 9293 section 3.10.4,
/// RFC 6455 section 7.1.1).
async fn drain_reader(reader: &mut Reader) {
    let _ = timeout(GOODBYE, async { while let Some(Ok(_)) = reader.next().await {} }).await;
}

fn parse(text: &str) -> Result<ClientMessage, Refusal> {
    let (bytes, limit) = (text.len(), limits::MESSAGE_BYTES);
    if bytes > limit {
        return Err(Refusal::new(
            RefusalCode::TooLarge,
            format!("This message has {bytes} bytes, {limit} are allowed; send less at once."),
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        // The error's words may quote the input: only its kind and place are told.
        Refusal::new(
            RefusalCode::BadMessage,
            format!(
                "The server did not understand a message ({:?} error at column {}); reload the page.",
                error.classify(),
                error.column()
            ),
        )
    })
}

fn binary() -> Refusal {
    Refusal::new(RefusalCode::BadMessage, "Messages are text; reload the page.")
}

fn too_fast() -> Refusal {
    Refusal::new(
        RefusalCode::TooFast,
        "Too many messages in a short time: this one was not carried out; wait a second.",
    )
    .with_retry_after(1)
}
