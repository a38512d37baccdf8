//! A store that fails for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mls_delivery_storage::{
    AppendOutcome, Fence, MemoryStorage, NodeId, Storage, StorageError, StoredLog,
};
use signaling::SignalingConfig;
use signaling_protocol::{
    ClientMessage, Delta, LogPosition, MessageId, RefusalCode, RoomId, RoomMessage, ServerMessage,
};
use tokio::time::{Instant, timeout};

use crate::mls;
use crate::support::{PATIENCE, Scene, Server};

/// Storage whose appends and look-ups fail while it is broken.
struct Fragile {
    inner: MemoryStorage,
    broken: Arc<AtomicBool>,
}

impl Storage for Fragile {
    fn create_room(&mut self, room: &RoomId, now: u64, most: usize) -> Result<(), StorageError> {
        self.inner.create_room(room, now, most)
    }

    fn has_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StorageError::Io(std::io::Error::other("the disk is gone")));
        }
        self.inner.has_room(room)
    }

    fn touch_room(&mut self, room: &RoomId, now: u64) -> Result<(), StorageError> {
        self.inner.touch_room(room, now)
    }

    fn delete_idle(&mut self, before: u64) -> Result<Vec<RoomId>, StorageError> {
        self.inner.delete_idle(before)
    }

    fn delete_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        self.inner.delete_room(room)
    }

    fn claim_room(
        &mut self,
        room: &RoomId,
        node: &NodeId,
        ttl: Duration,
    ) -> Result<Fence, StorageError> {
        self.inner.claim_room(room, node, ttl)
    }

    fn renew(&mut self, room: &RoomId, fence: Fence, ttl: Duration) -> Result<bool, StorageError> {
        self.inner.renew(room, fence, ttl)
    }

    fn append(
        &mut self,
        room: &RoomId,
        position: LogPosition,
        fence: Fence,
        message_id: &MessageId,
        bytes: &[u8],
    ) -> Result<AppendOutcome, StorageError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StorageError::Io(std::io::Error::other("the disk is full")));
        }
        self.inner.append(room, position, fence, message_id, bytes)
    }

    fn read(&mut self, room: &RoomId) -> Result<StoredLog, StorageError> {
        self.inner.read(room)
    }

    fn compact(
        &mut self,
        room: &RoomId,
        fence: Fence,
        upto: LogPosition,
        checkpoint: &[u8],
    ) -> Result<bool, StorageError> {
        self.inner.compact(room, fence, upto, checkpoint)
    }
}

async fn scene() -> (Scene, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(false));
    let storage = Fragile { inner: MemoryStorage::new(), broken: Arc::clone(&broken) };
    let config = SignalingConfig { messages_per_second: 1_000, ..SignalingConfig::default() };
    (Scene::of(Server::over(config, Box::new(storage)).await).await, broken)
}

#[tokio::test]
async fn a_store_that_fails_refuses_the_sender_and_works_again_in_a_busy_room() {
    let (mut scene, broken) = scene().await;
    let mut client = scene.join().await;
    let participant = client.joined.as_ref().expect("it has joined").participant;
    let upload = ClientMessage::UploadKeyPackage { key_package: mls::key_package(participant.0) };
    broken.store(true, Ordering::Relaxed);
    client.send(&upload).await;
    let refusal = client.refusal().await;
    assert_eq!(refusal.code, RefusalCode::StorageUnavailable);
    assert!(refusal.retry_after_seconds.is_some());
    scene.nobody_else_is_disturbed().await;

    broken.store(false, Ordering::Relaxed);
    client.send(&upload).await;
    // A room is never quiet: somebody always says something.
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the store is not tried again");
        scene.bystander.is_heard().await;
        let heard = timeout(Duration::from_millis(20), client.next()).await;
        if let Ok(Some(ServerMessage::Room(RoomMessage::Delta {
            delta: Delta::Log { .. }, ..
        }))) = heard
        {
            break;
        }
    }
}

#[tokio::test]
async fn a_departure_is_stored_once_the_store_works_again() {
    let (mut scene, broken) = scene().await;
    let mut client = scene.join().await;
    let participant = client.joined.as_ref().expect("it has joined").participant;
    let upload = ClientMessage::UploadKeyPackage { key_package: mls::key_package(participant.0) };
    client.send(&upload).await;
    while !matches!(client.next_delta().await, Delta::Log { .. }) {}
    broken.store(true, Ordering::Relaxed);
    client.send(&ClientMessage::Leave).await;
    scene.nobody_else_is_disturbed().await;
    broken.store(false, Ordering::Relaxed);
    loop {
        if let Delta::Log { entry } = scene.bystander.next_delta().await
            && entry.event == (signaling_protocol::LogEvent::Departed { participant })
        {
            break;
        }
    }
}

#[tokio::test]
async fn one_whose_store_does_not_work_lives_but_is_not_ready() {
    let broken = Arc::new(AtomicBool::new(false));
    let storage = Fragile { inner: MemoryStorage::new(), broken: Arc::clone(&broken) };
    let server = Server::over(SignalingConfig::default(), Box::new(storage)).await;
    for (is_broken, ready) in [(false, 200), (true, 503), (false, 200)] {
        broken.store(is_broken, Ordering::Relaxed);
        assert_eq!(server.status("readyz").await, ready);
        assert_eq!(server.status("livez").await, 200);
    }
}
