//! Settings and limits of the service.

use std::time::Duration;

use ipnet::IpNet;
use signaling_protocol::ReceiveSlots;

use crate::turn::TurnServer;

/// Settings and limits of the service.
#[derive(Debug, Clone)]
pub struct SignalingConfig {
    /// This node's name in the store.
    pub node: String,
    /// Rooms that the store may hold.
    pub rooms: usize,
    /// Participants in one room.
    pub participants_per_room: usize,
    /// Receiving m-lines of each participant.
    pub slots: ReceiveSlots,
    /// Time for which a join token can be used.
    pub token_lifetime: Duration,
    /// Time for which a participant without a socket may resume.
    pub resume_window: Duration,
    /// Time without a message after which a socket counts as broken and its participant as
    /// disconnected; also the time that a participant may make no progress on the log.
    pub heartbeat_timeout: Duration,
    /// Time for a socket to send its hello.
    pub hello: Duration,
    /// Messages a second from one socket, on average; bursts may be four times that.
    pub messages_per_second: u32,
    /// Bytes that may wait for one socket's reader.
    pub queue_bytes: usize,
    /// Rooms a minute from one address.
    pub rooms_per_minute: u32,
    /// Join tokens a minute from one address.
    pub tokens_per_minute: u32,
    /// Open sockets from one address.
    pub sockets_per_address: usize,
    /// Time for which a room without participants is kept.
    pub room_idle: Duration,
    /// The store keeps rooms when the process ends.
    pub rooms_persist: bool,
    /// Origins that may open sockets besides the page's own host.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted; others' is ignored.
    pub trusted_proxies: Vec<IpNet>,
    /// The TURN server that clients may use.
    pub turn_server: Option<TurnServer>,
}

impl SignalingConfig {
    /// Returns the time for which links last, in seconds, as participants are told; 0 promises nothing.
    pub(crate) fn room_kept_seconds(&self) -> u32 {
        if !self.rooms_persist {
            return 0;
        }
        u32::try_from(self.room_idle.as_secs()).unwrap_or(u32::MAX)
    }
}

impl Default for SignalingConfig {
    fn default() -> Self {
        Self {
            node: "local".to_owned(),
            rooms: 100_000,
            participants_per_room: 50,
            slots: ReceiveSlots { audio: 8, video: 16 },
            token_lifetime: Duration::from_secs(600),
            resume_window: Duration::from_secs(60),
            heartbeat_timeout: Duration::from_secs(15),
            hello: Duration::from_secs(10),
            messages_per_second: 25,
            queue_bytes: 1024 * 1024,
            rooms_per_minute: 60,
            tokens_per_minute: 1200,
            sockets_per_address: 1000,
            room_idle: Duration::from_secs(90 * 24 * 3600),
            rooms_persist: true,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            turn_server: None,
        }
    }
}
