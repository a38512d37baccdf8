//! Where the rooms are: handles only, the rooms themselves belong to their tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use signaling_protocol::RoomId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth;
use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::room::SocketId;
use crate::room_task::{self, RoomInput, Surroundings};
use crate::sfu_link::MediaPlane;
use crate::store::{Store, StoreFailure};

/// Messages that may wait for one room.
const INPUTS: usize = 1024;
/// How often the rooms that nobody enters are looked for.
const IDLE_CHECK: Duration = Duration::from_secs(3600);

/// All rooms of this process.
#[derive(Clone)]
pub(crate) struct Rooms(Arc<Inner>);

struct Inner {
    handles: DashMap<RoomId, mpsc::Sender<RoomInput>>,
    next_socket: AtomicU64,
    around: Surroundings,
    tasks: TaskTracker,
}

impl Rooms {
    pub(crate) fn new(
        config: Arc<SignalingConfig>,
        store: Store,
        media: Arc<dyn MediaPlane>,
        metrics: Metrics,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let around = Surroundings { config, store, media, metrics, stop };
        let (handles, next_socket) = (DashMap::new(), AtomicU64::new(1));
        Self(Arc::new(Inner { handles, next_socket, around, tasks }))
    }

    /// Makes a room with a fresh random id.
    pub(crate) async fn create(&self) -> Result<RoomId, StoreFailure> {
        let bytes = auth::random().map_err(|_| StoreFailure::Unavailable)?;
        let room = RoomId::from_bytes(bytes);
        let around = &self.0.around;
        around.store.create_room(room.clone(), around.config.rooms).await?;
        Ok(room)
    }

    /// Whether there is such a room.
    pub(crate) async fn exists(&self, room: &RoomId) -> Result<bool, StoreFailure> {
        if self.0.handles.contains_key(room) {
            return Ok(true);
        }
        self.0.around.store.has_room(room.clone()).await
    }

    /// A number for a new socket.
    pub(crate) fn socket(&self) -> SocketId {
        SocketId(self.0.next_socket.fetch_add(1, Ordering::Relaxed))
    }

    /// The way into a room, whose task is started if it does not run.
    pub(crate) fn enter(&self, room: &RoomId) -> mpsc::Sender<RoomInput> {
        let entry = self.0.handles.entry(room.clone());
        let handle = entry.or_insert_with(|| self.start(room.clone()));
        if handle.is_closed() {
            // Its task has ended but not cleared up yet.
            drop(handle);
            let fresh = self.start(room.clone());
            self.0.handles.insert(room.clone(), fresh.clone());
            return fresh;
        }
        handle.clone()
    }

    /// Brings something to a room that runs, without waiting.
    pub(crate) fn try_send(&self, room: &RoomId, input: RoomInput) {
        let sent = self.0.handles.get(room).is_some_and(|handle| handle.try_send(input).is_ok());
        if !sent {
            self.0.around.metrics.media_reports_dropped.inc();
        }
    }

    /// Deletes, from time to time, the rooms that nobody has entered for long.
    pub(crate) async fn forget_idle_rooms(self, stop: CancellationToken) {
        let idle = self.0.around.config.room_idle;
        loop {
            match self.0.around.store.delete_idle(idle).await {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => tracing::info!(rooms = gone.len(), "idle rooms are deleted"),
                Err(failure) => tracing::warn!(?failure, "idle rooms are not deleted"),
            }
            tokio::select! {
                () = tokio::time::sleep(IDLE_CHECK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn start(&self, room: RoomId) -> mpsc::Sender<RoomInput> {
        let (handle, inputs) = mpsc::channel(INPUTS);
        let (rooms, own) = (self.clone(), handle.clone());
        self.0.tasks.spawn(async move {
            room_task::run(room.clone(), rooms.0.around.clone(), inputs).await;
            rooms.0.handles.remove_if(&room, |_, handle| handle.same_channel(&own));
        });
        handle
    }
}
