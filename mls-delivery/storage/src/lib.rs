//! Storage of delivery logs: ownership by fences, appends that can be repeated, and no fork
//! whatever fails. A cluster can use the same trait.

mod memory;
mod sqlite;

pub use memory::MemoryStorage;
pub use sqlite::SqliteStorage;

use std::time::Duration;

use signaling_protocol::{LogPosition, MessageId, RoomId};

/// A node of a cluster; one machine has one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeId(pub String);

/// Proof of ownership of a room: a newer owner has a higher one, and the older one's appends are
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// The outcome of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// The entry is stored; also when it was stored before and this is a repetition.
    Appended,
    /// Another entry stands at that position, or this one at another: the log has moved on.
    Conflict {
        /// The entry in the way.
        winner: MessageId,
    },
    /// Another owner has the room.
    StaleFence,
}

/// One stored room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredLog {
    /// Where the room's past was summed up, if it was.
    pub checkpoint: Option<Vec<u8>>,
    /// The entries after it, in order.
    pub entries: Vec<(LogPosition, Vec<u8>)>,
}

/// The reason why the store failed. The outcome of an append is then unknown: repeat it with the same
/// message id.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The room is not there.
    #[error("the store has no such room")]
    UnknownRoom,
    /// As many rooms as the store may hold.
    #[error("the store holds as many rooms as it may")]
    Full,
    /// Another node owns the room.
    #[error("another node owns the room")]
    Owned,
    /// The position is not the room's next one, and nothing is known to stand there.
    #[error("an entry for position {position} was handed in, the store's next one is {next}")]
    OutOfPlace {
        /// Where it was to go.
        position: LogPosition,
        /// Where the next one goes.
        next: LogPosition,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file system failed.
    #[error("file system: {0}")]
    Io(#[from] std::io::Error),
    /// A database of a newer version of this program.
    #[error("the database has schema {found}, this program knows {known}; use a newer version")]
    NewerSchema {
        /// In the file.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
}

/// Rooms and their logs. Calls block; a shell makes them from a thread of their own.
///
/// Times are seconds since the Unix epoch, given by the caller; leases go by the store's clock.
pub trait Storage: Send {
    /// Makes a room, unless there are as many as `most`.
    ///
    /// # Errors
    /// [`StorageError::Full`], or the store failed. A room that exists is left as it is.
    fn create_room(&mut self, room: &RoomId, now: u64, most: usize) -> Result<(), StorageError>;

    /// Returns whether the room exists.
    ///
    /// # Errors
    /// The store failed.
    fn has_room(&mut self, room: &RoomId) -> Result<bool, StorageError>;

    /// Notes that a room is in use.
    ///
    /// # Errors
    /// The store failed.
    fn touch_room(&mut self, room: &RoomId, now: u64) -> Result<(), StorageError>;

    /// Forgets the rooms last in use before a time; returns which.
    ///
    /// # Errors
    /// The store failed.
    fn delete_idle(&mut self, before: u64) -> Result<Vec<RoomId>, StorageError>;

    /// Deletes a room, whatever its owner, and returns whether it existed. Its owner's appends fail
    /// from then on.
    ///
    /// # Errors
    /// The store failed.
    fn delete_room(&mut self, room: &RoomId) -> Result<bool, StorageError>;

    /// Takes a room for a node: free, expired or its own already.
    ///
    /// # Errors
    /// [`StorageError::Owned`], [`StorageError::UnknownRoom`], or the store failed.
    fn claim_room(
        &mut self,
        room: &RoomId,
        node: &NodeId,
        ttl: Duration,
    ) -> Result<Fence, StorageError>;

    /// Extends a lease. `false` if the room has another owner now, or is gone.
    fn renew(&mut self, room: &RoomId, fence: Fence, ttl: Duration) -> Result<bool, StorageError>;

    /// Stores an entry at a position; a repetition is recognised by its message id.
    ///
    /// # Errors
    /// [`StorageError::OutOfPlace`] if there would be a gap before it or it lies under the
    /// checkpoint, [`StorageError::UnknownRoom`], or the store failed and the outcome is unknown.
    fn append(
        &mut self,
        room: &RoomId,
        position: LogPosition,
        fence: Fence,
        message_id: &MessageId,
        bytes: &[u8],
    ) -> Result<AppendOutcome, StorageError>;

    /// The checkpoint and all entries after it.
    ///
    /// # Errors
    /// [`StorageError::UnknownRoom`], or the store failed.
    fn read(&mut self, room: &RoomId) -> Result<StoredLog, StorageError>;

    /// Puts a checkpoint in the place of all entries up to a position: one between the last
    /// checkpoint and the last entry. `false` if the fence is stale.
    ///
    /// # Errors
    /// [`StorageError::OutOfPlace`], [`StorageError::UnknownRoom`], or the store failed.
    fn compact(
        &mut self,
        room: &RoomId,
        fence: Fence,
        upto: LogPosition,
        checkpoint: &[u8],
    ) -> Result<bool, StorageError>;
}
