//! A real server on loopback, and clients for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use mls_delivery_storage::{MemoryStorage, Storage};
use prometheus::{Registry, TextEncoder};
use sfu_core::MediaCommand;
use signaling::{MediaPlane, Signaling, SignalingConfig};
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, Hello, Joined, LogPosition, Refusal, RefusalCode, Resume,
    RoomCreated, RoomId, RoomMessage, Secret, Seq, ServerMessage, Source, TokenIssued, Track,
    VERSION,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Longer than anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The token of the operator routes.
pub(crate) const ADMIN_TOKEN: &str = "only-whoever-runs-it-knows";

/// Notes what the rooms ask of the SFU, which takes nobody else if that is said.
#[derive(Default)]
pub(crate) struct RecordingMedia {
    pub(crate) commands: Mutex<Vec<MediaCommand>>,
    pub(crate) is_full: AtomicBool,
}

impl MediaPlane for RecordingMedia {
    fn send(&self, command: MediaCommand) -> Result<(), Refusal> {
        self.commands.lock().expect("no panic").push(command);
        Ok(())
    }

    fn admits(&self, _: Option<&RoomId>) -> Result<(), Refusal> {
        if !self.is_full.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sentence = "This server has too much to do; try again in a moment.";
        Err(Refusal::new(RefusalCode::ServerFull, sentence).with_retry_after(20))
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The address of the operator routes, which need [`ADMIN_TOKEN`].
    pub(crate) admin: SocketAddr,
    pub(crate) signaling: Signaling,
    pub(crate) media: Arc<RecordingMedia>,
    registry: Registry,
    serving: [JoinHandle<()>; 2],
}

impl Server {
    pub(crate) async fn start(config: SignalingConfig) -> Self {
        Self::over(config, Box::new(MemoryStorage::new())).await
    }

    pub(crate) async fn over(config: SignalingConfig, storage: Box<dyn Storage>) -> Self {
        let (registry, media) = (Registry::new(), Arc::new(RecordingMedia::default()));
        let signaling = Signaling::start(config, storage, media.clone(), &registry);
        let signaling = signaling.expect("it starts");
        let (address, people) = serve(signaling.router()).await;
        let token = Some(Secret(ADMIN_TOKEN.to_owned()));
        let (admin, whoever_runs_it) = serve(signaling.admin_router(token)).await;
        let serving = [people, whoever_runs_it];
        Self { address, admin, signaling, media, registry, serving }
    }

    pub(crate) async fn post(&self, path: &str) -> reqwest::Response {
        let url = format!("http://{}/api/v1/{path}", self.address);
        reqwest::Client::new().post(url).send().await.expect("an answer")
    }

    /// Returns the answer to a GET.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        let answer = reqwest::get(format!("http://{}/{path}", self.address)).await;
        answer.expect("an answer").status().as_u16()
    }

    pub(crate) async fn room(&self) -> RoomId {
        self.post("rooms").await.json::<RoomCreated>().await.expect("a room").room
    }

    pub(crate) async fn token(&self, room: &RoomId) -> Secret {
        let issued = self.post(&format!("rooms/{room}/tokens")).await;
        issued.json::<TokenIssued>().await.expect("a token").token
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::over(self.address, TcpStream::connect(self.address).await.expect("a server")).await
    }

    /// A client whose system takes few bytes for it while it does not read.
    pub(crate) async fn connect_narrowly(&self) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Client::over(self.address, socket.connect(self.address).await.expect("a server")).await
    }

    pub(crate) async fn join(&self, room: &RoomId) -> Client {
        let mut client = self.connect().await;
        client.join(self.token(room).await).await;
        client
    }

    /// The sum of a figure over its labels.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather()).expect("figures");
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            (rest.starts_with(' ') || rest.starts_with('{')).then(|| rest.rsplit(' ').next())?
        });
        values.map(|value| value.parse::<f64>().expect("a number")).sum()
    }

    pub(crate) async fn until(&self, name: &str, value: f64) {
        let deadline = Instant::now() + PATIENCE;
        while (self.figure(name) - value).abs() > 0.5 {
            assert!(Instant::now() < deadline, "{name} is {}, not {value}", self.figure(name));
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(router: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move {
        axum::serve(listener, service).await.expect("it serves");
    });
    (address, serving)
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) joined: Option<Joined>,
    /// The newest delta that it has seen.
    pub(crate) seq: Seq,
}

impl Client {
    async fn over(address: SocketAddr, stream: TcpStream) -> Self {
        let url = format!("ws://{address}/api/v1/socket");
        let opened = tokio_tungstenite::client_async(url, stream).await;
        Self { socket: opened.expect("a socket").0, joined: None, seq: Seq(0) }
    }

    pub(crate) async fn join(&mut self, token: Secret) {
        self.hello(token, None).await;
        match self.next().await {
            Some(ServerMessage::Room(RoomMessage::Joined(joined))) => {
                self.seq = joined.seq;
                self.joined = Some(joined);
            }
            other => panic!("not let in: {other:?}"),
        }
    }

    pub(crate) async fn hello(&mut self, token: Secret, resume: Option<Resume>) {
        self.send(&ClientMessage::Hello(Hello {
            version: VERSION,
            token,
            resume,
            predecessor: None,
        }))
        .await;
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.text(&serde_json::to_string(message).expect("JSON")).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.raw(Message::text(text)).await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        let sent = timeout(PATIENCE, self.socket.send(message)).await;
        sent.expect("in time").expect("it is sent");
    }

    /// Returns whether the socket still accepts messages.
    pub(crate) async fn socket_takes(&mut self, message: Message) -> bool {
        timeout(PATIENCE, self.socket.send(message)).await.expect("in time").is_ok()
    }

    /// Sends the same again and again; whether the server takes it all is its affair.
    pub(crate) async fn flood(&mut self, message: Message, times: usize) {
        let flood = async {
            for _ in 0..times {
                if self.socket.feed(message.clone()).await.is_err() {
                    return;
                }
            }
            let _ = self.socket.flush().await;
        };
        timeout(PATIENCE, flood).await.expect("the server reads on, or closes");
    }

    /// The next message; `None` when the socket has ended.
    pub(crate) async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("an answer in time") {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text).expect("a message");
                    if let ServerMessage::Room(RoomMessage::Delta { seq, .. }) = &message {
                        assert_eq!(*seq, self.seq.next(), "deltas have no gap");
                        self.seq = *seq;
                    }
                    if let ServerMessage::Room(RoomMessage::Snapshot(snapshot)) = &message {
                        self.seq = snapshot.seq;
                    }
                    return Some(message);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn next_delta(&mut self) -> Delta {
        loop {
            match self.next().await {
                Some(ServerMessage::Room(RoomMessage::Delta { delta, .. })) => return delta,
                Some(
                    ServerMessage::Control(ControlMessage::HeartbeatEcho)
                    | ServerMessage::Control(ControlMessage::ShutdownNotice { .. }),
                ) => {}
                other => panic!("not a delta: {other:?}"),
            }
        }
    }

    /// Reads up to the first message that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        loop {
            match self.next().await.expect("the socket goes on") {
                message if fits(&message) => return message,
                ServerMessage::Control(ControlMessage::Closing { refusal }) => {
                    panic!("closed: {refusal:?}")
                }
                _ => {}
            }
        }
    }

    /// The next refusal of a message; the socket goes on.
    pub(crate) async fn refusal(&mut self) -> Refusal {
        loop {
            match self.next().await.expect("the socket goes on") {
                ServerMessage::Control(ControlMessage::Refused { refusal }) => {
                    return checked(refusal);
                }
                ServerMessage::Control(ControlMessage::Closing { refusal }) => {
                    panic!("closed: {refusal:?}")
                }
                _ => {}
            }
        }
    }

    /// Takes the refusals before the end, and the closing message.
    pub(crate) async fn end(&mut self) -> (Vec<Refusal>, Refusal) {
        let mut refused = Vec::new();
        loop {
            match self.next().await.expect("last words before the end") {
                ServerMessage::Control(ControlMessage::Refused { refusal }) => {
                    refused.push(checked(refusal))
                }
                ServerMessage::Control(ControlMessage::Closing { refusal }) => {
                    assert_eq!(self.next().await, None, "these are the last");
                    return (refused, checked(refusal));
                }
                _ => {}
            }
        }
    }

    pub(crate) async fn last_words(&mut self) -> RefusalCode {
        self.end().await.1.code
    }

    /// The data with which it resumes.
    pub(crate) fn return_ticket(&self) -> Resume {
        let joined = self.joined.as_ref().expect("it has joined");
        Resume {
            participant: joined.participant,
            resume_token: joined.resume_token.clone(),
            seq: self.seq,
            position: joined.log.position,
        }
    }

    /// Says something that only a living socket answers, and reads up to the answer.
    pub(crate) async fn is_heard(&mut self) {
        self.send(&ClientMessage::Heartbeat { position: LogPosition(0) }).await;
        loop {
            match self.next().await.expect("the socket goes on") {
                ServerMessage::Control(ControlMessage::HeartbeatEcho) => return,
                ServerMessage::Room(RoomMessage::Delta { .. })
                | ServerMessage::Control(ControlMessage::ShutdownNotice { .. }) => {}
                other => panic!("not expected: {other:?}"),
            }
        }
    }
}

/// A meeting with a participant that must not be disturbed.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) room: RoomId,
    pub(crate) bystander: Client,
    muted: bool,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(SignalingConfig::default()).await
    }

    pub(crate) async fn with(config: SignalingConfig) -> Self {
        Self::of(Server::start(config).await).await
    }

    pub(crate) async fn of(server: Server) -> Self {
        let room = server.room().await;
        let bystander = server.join(&room).await;
        Self { server, room, bystander, muted: false }
    }

    pub(crate) async fn join(&self) -> Client {
        self.server.join(&self.room).await
    }

    pub(crate) async fn token(&self) -> Secret {
        self.server.token(&self.room).await
    }

    pub(crate) async fn resume(&self, resume: Resume) -> Client {
        let mut client = self.server.connect().await;
        client.seq = resume.seq;
        client.hello(self.token().await, Some(resume)).await;
        client
    }

    /// The bystander is heard, hears itself, and has missed no delta.
    pub(crate) async fn nobody_else_is_disturbed(&mut self) {
        self.muted = !self.muted;
        let track = Track { mid: "0".to_owned(), source: Source::Microphone, muted: self.muted };
        let tracks = vec![track];
        self.bystander.send(&ClientMessage::SetTracks { tracks: tracks.clone() }).await;
        loop {
            if let Delta::TracksChanged(state) = self.bystander.next_delta().await
                && state.tracks == tracks
            {
                break;
            }
        }
        self.bystander.is_heard().await;
    }
}

/// Checks that a refusal is a sentence that says what to do.
pub(crate) fn checked(refusal: Refusal) -> Refusal {
    const TO_DO: [&str; 14] = [
        "reload", "join", "wait", "try", "open", "check", "start", "allow", "close", "send",
        "brought", "tried", "ask", "build",
    ];
    let sentence = &refusal.message;
    assert!(sentence.ends_with('.') && sentence.len() > 20, "a sentence: {sentence}");
    assert!(TO_DO.iter().any(|verb| sentence.contains(verb)), "it says what to do: {sentence}");
    refusal
}
