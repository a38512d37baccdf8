//! The storage thread: blocking calls, made where only their caller waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mls_delivery_storage::{AppendOutcome, Fence, NodeId, Storage, StorageError, StoredLog};
use signaling_protocol::{LogPosition, MessageId, RoomId};
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for the storage thread.
const CALLS: usize = 256;
/// A node that says nothing for so long loses its rooms (in a cluster).
const LEASE: Duration = Duration::from_secs(10);

type Call = Box<dyn FnOnce(&mut dyn Storage) + Send>;

/// The store did not do it; what went wrong is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreFailure {
    /// As many rooms as there may be.
    Full,
    /// No such room.
    UnknownRoom,
    /// Anything else: try again later.
    Unavailable,
}

/// A handle to the storage thread.
#[derive(Clone)]
pub(crate) struct Store {
    calls: mpsc::Sender<Call>,
}

impl Store {
    /// Starts the thread. It ends with the last handle.
    pub(crate) fn start(mut storage: Box<dyn Storage>) -> Result<Self, std::io::Error> {
        let (calls, mut waiting) = mpsc::channel::<Call>(CALLS);
        std::thread::Builder::new().name("storage".to_owned()).spawn(move || {
            while let Some(call) = waiting.blocking_recv() {
                call(&mut *storage);
            }
        })?;
        Ok(Self { calls })
    }

    pub(crate) async fn create_room(&self, room: RoomId, most: usize) -> Result<(), StoreFailure> {
        self.call(move |storage| storage.create_room(&room, unix_seconds(), most)).await
    }

    pub(crate) async fn has_room(&self, room: RoomId) -> Result<bool, StoreFailure> {
        self.call(move |storage| storage.has_room(&room)).await
    }

    /// Takes a room and reads its log.
    pub(crate) async fn open(
        &self,
        room: RoomId,
        node: NodeId,
    ) -> Result<(Fence, StoredLog), StoreFailure> {
        self.call(move |storage| {
            let fence = storage.claim_room(&room, &node, LEASE)?;
            storage.touch_room(&room, unix_seconds())?;
            Ok((fence, storage.read(&room)?))
        })
        .await
    }

    pub(crate) async fn touch_room(&self, room: RoomId) -> Result<(), StoreFailure> {
        self.call(move |storage| storage.touch_room(&room, unix_seconds())).await
    }

    pub(crate) async fn append(
        &self,
        room: RoomId,
        position: LogPosition,
        fence: Fence,
        message_id: MessageId,
        bytes: Vec<u8>,
    ) -> Result<AppendOutcome, StoreFailure> {
        self.call(move |storage| storage.append(&room, position, fence, &message_id, &bytes)).await
    }

    pub(crate) async fn compact(
        &self,
        room: RoomId,
        fence: Fence,
        upto: LogPosition,
        checkpoint: Vec<u8>,
    ) -> Result<bool, StoreFailure> {
        self.call(move |storage| storage.compact(&room, fence, upto, &checkpoint)).await
    }

    /// Forgets a room; whether there was one.
    pub(crate) async fn delete_room(&self, room: RoomId) -> Result<bool, StoreFailure> {
        self.call(move |storage| storage.delete_room(&room)).await
    }

    pub(crate) async fn delete_idle(&self, idle: Duration) -> Result<Vec<RoomId>, StoreFailure> {
        let before = unix_seconds().saturating_sub(idle.as_secs());
        self.call(move |storage| storage.delete_idle(before)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Storage) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |storage| {
            // Nobody waits any more: the caller's room has ended.
            let _ = answer.send(call(storage));
        });
        self.calls.send(call).await.map_err(|_| StoreFailure::Unavailable)?;
        answered.await.map_err(|_| StoreFailure::Unavailable)?.map_err(|error| match error {
            StorageError::Full => StoreFailure::Full,
            StorageError::UnknownRoom => StoreFailure::UnknownRoom,
            StorageError::Owned
            | StorageError::OutOfPlace { .. }
            | StorageError::Database(_)
            | StorageError::Io(_)
            | StorageError::NewerSchema { .. } => {
                tracing::error!(%error, "the store failed");
                StoreFailure::Unavailable
            }
        })
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
