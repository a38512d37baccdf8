//! The signalling service: rooms, sockets and the delivery of MLS handshakes.
//!
//! A join, read straight through: [`http`] gives out a token, [`socket`] reads the hello,
//! [`rooms`] finds the room, [`room_task`] owns it and stores what it decides, [`room`] decides.

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
mod store;

pub use config::SignalingConfig;
pub use sfu_link::MediaPlane;

use std::sync::Arc;

use axum::Router;
use mls_delivery::storage::Storage;
use prometheus::Registry;
use signaling_protocol::media::MediaEvent;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Tokens;
use crate::http::Service;
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::sfu_link::route_media_events;
use crate::store::Store;

/// Media reports that may wait to be routed.
const MEDIA_EVENTS: usize = 1024;

/// Why the service did not start.
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
    media_events: mpsc::Sender<MediaEvent>,
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
        let (media_events, reports) = mpsc::channel(MEDIA_EVENTS);
        tasks.spawn(route_media_events(reports, rooms.clone(), stop.clone()));
        tasks.spawn(rooms.clone().forget_idle_rooms(stop.clone()));
        let tokens = Tokens::new(config.token_lifetime).map_err(StartError::Random)?;
        let service = Service::new(config, rooms.clone(), tokens, metrics, registry.clone());
        Ok(Self { service, rooms, media_events, tasks, stop })
    }

    /// The HTTP and WebSocket routes. Serve them with
    /// `into_make_service_with_connect_info::<SocketAddr>()`: limits go by address.
    pub fn router(&self) -> Router {
        self.service.clone().router()
    }

    /// Where the SFU reports to.
    #[must_use]
    pub fn media_events(&self) -> mpsc::Sender<MediaEvent> {
        self.media_events.clone()
    }

    /// Lets no meeting begin any more and waits until nobody is in one. Meetings that run go on,
    /// and whoever has dropped out of one may come back; `/readyz` says 503. How long to wait is
    /// the caller's decision: drop the future and go on with [`Self::shut_down`].
    pub async fn drain(&self) {
        self.rooms.drain();
        self.rooms.until_empty().await;
    }

    /// Tells everybody, closes every socket and waits for what is being stored.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
