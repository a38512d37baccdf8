//! Where the rooms are: handles only, the rooms themselves belong to their tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use signaling_protocol::{Refusal, RoomId, Secret};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::auth;
use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::room::{ShutdownNotice, SocketId};
use crate::room_task::{self, RoomContext, RoomInput, shutting_down};
use crate::sfu_link::MediaPlane;
use crate::store::{Store, StoreFailure};

/// Messages that may wait for one room.
const INPUTS: usize = 1024;
/// Interval of the search for idle rooms.
const IDLE_CHECK: Duration = Duration::from_secs(3600);
/// Interval at which a draining service checks whether all rooms are empty.
const EMPTY_CHECK: Duration = Duration::from_millis(100);

/// All rooms of this process.
#[derive(Clone)]
pub(crate) struct Rooms(Arc<Inner>);

struct Inner {
    handles: DashMap<RoomId, mpsc::Sender<RoomInput>>,
    next_socket: AtomicU64,
    context: RoomContext,
    tasks: TaskTracker,
    shutdown_notice: watch::Sender<ShutdownNotice<Instant>>,
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
        let (shutdown_notice, shutdown_notices) = watch::channel(ShutdownNotice::None);
        let context =
            RoomContext { config, store, media, metrics, shutdown_notice: shutdown_notices, stop };
        let (handles, next_socket) = (DashMap::new(), AtomicU64::new(1));
        Self(Arc::new(Inner { handles, next_socket, context, tasks, shutdown_notice }))
    }

    /// Makes a room with a fresh host key.
    pub(crate) async fn create(&self) -> Result<(RoomId, Secret), StoreFailure> {
        let (host_key, room) = auth::host_key().map_err(|_| StoreFailure::Unavailable)?;
        let context = &self.0.context;
        context.store.create_room(room.clone(), context.config.rooms).await?;
        Ok((room, host_key))
    }

    /// Returns whether the room exists.
    pub(crate) async fn exists(&self, room: &RoomId) -> Result<bool, StoreFailure> {
        if self.0.handles.contains_key(room) {
            return Ok(true);
        }
        self.0.context.store.has_room(room.clone()).await
    }

    /// Announces a planned or cancelled shutdown in every room. Until it happens no meeting starts, and
    /// running ones go on.
    pub(crate) fn announce_shutdown(&self, shutdown_notice: ShutdownNotice<Instant>) {
        self.0.shutdown_notice.send_replace(shutdown_notice);
        self.0.context.metrics.draining.set(self.is_draining().into());
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.shutdown_notice.borrow() != ShutdownNotice::None
    }

    /// The rooms that run, each with how many are in it and for how long it has run.
    pub(crate) async fn running(&self) -> Vec<(RoomId, usize, Duration)> {
        let handles: Vec<_> =
            self.0.handles.iter().map(|one| (one.key().clone(), one.value().clone())).collect();
        let mut running = Vec::with_capacity(handles.len());
        for (room, handle) in handles {
            let (answer, answered) = oneshot::channel();
            // One that ends meanwhile runs no more.
            if handle.send(RoomInput::Describe { answer }).await.is_ok()
                && let Ok((participants, since)) = answered.await
            {
                running.push((room, participants, since));
            }
        }
        running
    }

    /// Ends a room's meeting with a refusal, and deletes the room, so that its link stops working. Returns
    /// whether the room existed.
    pub(crate) async fn close(
        &self,
        room: &RoomId,
        refusal: Refusal,
    ) -> Result<bool, StoreFailure> {
        let existed = self.0.context.store.delete_room(room.clone()).await?;
        let handle = self.0.handles.get(room).map(|handle| handle.value().clone());
        if let Some(handle) = handle {
            // One that has ended by itself needs no telling.
            let _ = handle.send(RoomInput::End { refusal }).await;
            handle.closed().await;
            self.0.handles.remove_if(room, |_, handle| handle.is_closed());
        }
        Ok(existed)
    }

    /// Checks that a room may be joined, or a room created (`None`): a draining service starts none.
    pub(crate) fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal> {
        let runs = room.is_some_and(|room| self.0.handles.contains_key(room));
        if self.is_draining() && !runs { Err(shutting_down()) } else { Ok(()) }
    }

    /// Checks that the SFU has capacity for another participant of a room, or for a new room (`None`).
    pub(crate) fn carries(&self, room: Option<&RoomId>) -> Result<(), Refusal> {
        self.0.context.media.admits(room)
    }

    /// Waits until all rooms are empty.
    pub(crate) async fn until_empty(&self) {
        while self.0.context.metrics.participants.get() > 0 {
            tokio::time::sleep(EMPTY_CHECK).await;
        }
    }

    /// Asks the store something that costs it little, to see whether it works.
    pub(crate) async fn reach_store(&self) -> Result<(), StoreFailure> {
        self.0.context.store.has_room(RoomId::from_bytes([0; 16])).await.map(drop)
    }

    /// Waits until the service is stopped.
    pub(crate) async fn stopping(&self) {
        self.0.context.stop.cancelled().await;
    }

    /// While this is held, the service has not ended.
    pub(crate) fn hold(&self) -> TaskTrackerToken {
        self.0.tasks.token()
    }

    /// A number for a new socket.
    pub(crate) fn socket(&self) -> SocketId {
        SocketId(self.0.next_socket.fetch_add(1, Ordering::Relaxed))
    }

    /// The way into a room, whose task is started if it does not run.
    pub(crate) fn enter(&self, room: &RoomId) -> mpsc::Sender<RoomInput> {
        let entry = self.0.handles.entry(room.clone());
        let mut handle = entry.or_insert_with(|| self.start(room.clone()));
        if handle.is_closed() {
            // Its task has ended but not cleared up yet. The entry stays locked meanwhile: two
            // who come at once must find one room.
            *handle = self.start(room.clone());
        }
        handle.clone()
    }

    /// Brings something to a room that runs, without waiting.
    pub(crate) fn try_send(&self, room: &RoomId, input: RoomInput) {
        let sent = self.0.handles.get(room).is_some_and(|handle| handle.try_send(input).is_ok());
        if !sent {
            self.0.context.metrics.media_reports_dropped.inc();
        }
    }

    /// Deletes idle rooms from time to time.
    pub(crate) async fn forget_idle_rooms(self, stop: CancellationToken) {
        let idle = self.0.context.config.room_idle;
        loop {
            match self.delete_idle_rooms(idle).await {
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

    /// A room that runs is in use, however long ago it was opened.
    async fn delete_idle_rooms(&self, idle: Duration) -> Result<Vec<RoomId>, StoreFailure> {
        let store = &self.0.context.store;
        let running: Vec<_> = self.0.handles.iter().map(|handle| handle.key().clone()).collect();
        for room in running {
            store.touch_room(room).await?;
        }
        store.delete_idle(idle).await
    }

    fn start(&self, room: RoomId) -> mpsc::Sender<RoomInput> {
        let (handle, inputs) = mpsc::channel(INPUTS);
        let (rooms, own) = (self.clone(), handle.clone());
        self.0.tasks.spawn(async move {
            room_task::run(room.clone(), rooms.0.context.clone(), inputs).await;
            rooms.0.handles.remove_if(&room, |_, handle| handle.same_channel(&own));
        });
        handle
    }
}

#[cfg(test)]
mod tests {
    use mls_delivery_storage::{MemoryStorage, Storage as _};
    use prometheus::Registry;
    use sfu_core::MediaCommand;
    use signaling_protocol::Refusal;

    use super::*;

    struct NoMedia;

    impl MediaPlane for NoMedia {
        fn send(&self, _: MediaCommand) -> Result<(), Refusal> {
            Ok(())
        }
        fn admits(&self, _: Option<&RoomId>) -> Result<(), Refusal> {
            Ok(())
        }
    }

    fn rooms(storage: MemoryStorage) -> Rooms {
        let store = Store::start(Box::new(storage));
        Rooms::new(
            Arc::new(SignalingConfig::default()),
            store.expect("a thread"),
            Arc::new(NoMedia),
            Metrics::register(&Registry::new()).expect("fresh"),
            TaskTracker::new(),
            CancellationToken::new(),
        )
    }

    #[tokio::test]
    async fn a_running_room_is_not_deleted_as_idle() {
        let mut storage = MemoryStorage::new();
        let [running, unused] = [[1; 16], [2; 16]].map(RoomId::from_bytes);
        for room in [&running, &unused] {
            storage.create_room(room, 0, 2).expect("a room last used in 1970");
        }
        let rooms = rooms(storage);
        let (handle, _inputs) = mpsc::channel(1);
        rooms.0.handles.insert(running.clone(), handle);
        let deleted = rooms.delete_idle_rooms(Duration::from_secs(3600)).await;
        assert_eq!(deleted, Ok(vec![unused]));
        assert_eq!(rooms.exists(&running).await, Ok(true));
    }

    #[tokio::test]
    async fn entering_a_room_whose_task_has_ended_starts_one_new_task() {
        let rooms = rooms(MemoryStorage::new());
        let (room, _) = rooms.create().await.expect("room");
        let (ended, _) = mpsc::channel(1);
        rooms.0.handles.insert(room.clone(), ended.clone());
        assert!(ended.is_closed());
        let first = rooms.enter(&room);
        assert!(!first.is_closed());
        assert!(first.same_channel(&rooms.enter(&room)));
    }
}
