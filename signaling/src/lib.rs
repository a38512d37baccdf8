//! The signalling service: rooms, sockets and the delivery of MLS handshakes.
//!
//! A join, read straight through: `http` gives out a token, `socket` reads the hello,
//! `rooms` finds the room, `room_task` owns it and stores what it decides, `room` decides.

mod admin;
mod auth;
mod client_address;
mod config;
mod http;
mod metrics;
mod probes;
mod queue;
mod room;
mod room_task;
mod rooms;
mod sfu_link;
mod socket;
pub mod spans;
mod store;
mod turn;

pub use admin::{Draining, RunningRoom, RunningRooms};
pub use config::SignalingConfig;
pub use sfu_link::{MediaPlane, MediaReports};
pub use turn::TurnServer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mls_delivery_storage::Storage;
use prometheus::Registry;
use signaling_protocol::Secret;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, field, info_span};

use crate::auth::Tokens;
use crate::http::Service;
use crate::metrics::Metrics;
use crate::room::ShutdownNotice;
use crate::rooms::Rooms;
use crate::store::Store;

/// The reason why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// A thread could not be started.
    #[error("the storage thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A running service.
pub struct Signaling {
    service: Service,
    rooms: Rooms,
    registry: Registry,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Signaling {
    /// Starts the service over a store and an SFU. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// The system gives no random bytes or no thread, or the registry has these metrics already.
    pub fn start(
        config: SignalingConfig,
        storage: Box<dyn Storage>,
        media: Arc<dyn MediaPlane>,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let metrics = Metrics::register(registry)?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let store = Store::start(storage)?;
        let rooms = Rooms::new(
            Arc::clone(&config),
            store,
            media,
            metrics.clone(),
            tasks.clone(),
            stop.clone(),
        );
        tasks.spawn(rooms.clone().forget_idle_rooms(stop.clone()));
        let tokens = Tokens::new(config.token_lifetime).map_err(StartError::Random)?;
        let service = Service::new(config, rooms.clone(), tokens, metrics);
        let registry = registry.clone();
        Ok(Self { service, rooms, registry, tasks, stop })
    }

    /// The HTTP and WebSocket routes. Serve them with
    /// `into_make_service_with_connect_info::<SocketAddr>()`: limits go by address.
    pub fn router(&self) -> Router {
        self.service.clone().router()
    }

    /// Returns the operator's routes, for an address that only the operator can reach: metrics,
    /// probes, and, with the token, the running rooms. Without a token the rooms are not served.
    pub fn admin_router(&self, token: Option<Secret>) -> Router {
        admin::router(self.rooms.clone(), self.registry.clone(), token)
    }

    /// Has the rooms receive the reports of the SFU.
    pub fn receive_reports(&self, reports: &MediaReports) {
        reports.connect(self.rooms.clone());
    }

    /// Starts no new meeting, tells participants when the server will restart, and waits for
    /// `patience`, or until no participant is left. Running meetings go on, and disconnected
    /// participants may resume; `/readyz` answers 503. Call [`Self::shut_down`] next.
    pub async fn drain(&self, patience: Duration) {
        let end = Instant::now() + patience;
        self.rooms.announce_shutdown(ShutdownNotice::Planned { at: Some(end) });
        // Late is as good as empty.
        let drained = timeout_at(end, self.rooms.until_empty());
        let seconds = patience.as_secs();
        let span = info_span!(target: spans::TARGET, "drain", seconds, outcome = field::Empty);
        let outcome = drained.instrument(span.clone()).await;
        span.record("outcome", if outcome.is_ok() { "empty" } else { "late" });
    }

    /// Notifies all participants, closes every socket, and waits until pending entries are stored.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
