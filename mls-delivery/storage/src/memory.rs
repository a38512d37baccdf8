//! Storage that ends with the process.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use signaling_protocol::{LogPosition, MessageId, RoomId};

use crate::{AppendOutcome, Fence, NodeId, Storage, StorageError, StoredLog};

/// Storage that ends with the process. It has one owner, so leases never run out.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    rooms: HashMap<RoomId, Room>,
}

#[derive(Debug, Default)]
struct Room {
    used: u64,
    owner: Option<NodeId>,
    fence: u64,
    /// The last position that the checkpoint covers.
    covered: u64,
    checkpoint: Option<Vec<u8>>,
    entries: BTreeMap<LogPosition, (MessageId, Vec<u8>)>,
}

impl Room {
    fn last(&self) -> u64 {
        self.entries.last_key_value().map_or(self.covered, |(last, _)| last.0)
    }
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn room(&mut self, room: &RoomId) -> Result<&mut Room, StorageError> {
        self.rooms.get_mut(room).ok_or(StorageError::UnknownRoom)
    }
}

impl Storage for MemoryStorage {
    fn create_room(&mut self, room: &RoomId, now: u64, most: usize) -> Result<(), StorageError> {
        if !self.rooms.contains_key(room) {
            if self.rooms.len() >= most {
                return Err(StorageError::Full);
            }
            self.rooms.insert(room.clone(), Room { used: now, ..Room::default() });
        }
        Ok(())
    }

    fn has_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        Ok(self.rooms.contains_key(room))
    }

    fn touch_room(&mut self, room: &RoomId, now: u64) -> Result<(), StorageError> {
        if let Some(room) = self.rooms.get_mut(room) {
            room.used = room.used.max(now);
        }
        Ok(())
    }

    fn delete_idle(&mut self, before: u64) -> Result<Vec<RoomId>, StorageError> {
        let idle = self.rooms.extract_if(|_, room| room.used < before);
        Ok(idle.map(|(id, _)| id).collect())
    }

    fn delete_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        Ok(self.rooms.remove(room).is_some())
    }

    fn claim_room(
        &mut self,
        room: &RoomId,
        node: &NodeId,
        _ttl: Duration,
    ) -> Result<Fence, StorageError> {
        let room = self.room(room)?;
        if room.owner.as_ref().is_some_and(|owner| owner != node) {
            return Err(StorageError::Owned);
        }
        room.owner = Some(node.clone());
        room.fence += 1;
        Ok(Fence(room.fence))
    }

    fn renew(&mut self, room: &RoomId, fence: Fence, _ttl: Duration) -> Result<bool, StorageError> {
        Ok(self.rooms.get(room).is_some_and(|room| room.fence == fence.0))
    }

    fn append(
        &mut self,
        room: &RoomId,
        position: LogPosition,
        fence: Fence,
        message_id: &MessageId,
        bytes: &[u8],
    ) -> Result<AppendOutcome, StorageError> {
        let room = self.room(room)?;
        if room.fence != fence.0 {
            return Ok(AppendOutcome::StaleFence);
        }
        // The same id at another position, or else whatever stands at this one.
        let known = room.entries.iter().find(|(_, (id, _))| id == message_id);
        if let Some((&found, _)) = known {
            return Ok(if found == position {
                AppendOutcome::Appended
            } else {
                AppendOutcome::Conflict { winner: message_id.clone() }
            });
        }
        if let Some((winner, _)) = room.entries.get(&position) {
            return Ok(AppendOutcome::Conflict { winner: winner.clone() });
        }
        let next = LogPosition(room.last() + 1);
        if position != next {
            return Err(StorageError::OutOfPlace { position, next });
        }
        room.entries.insert(position, (message_id.clone(), bytes.to_vec()));
        Ok(AppendOutcome::Appended)
    }

    fn read(&mut self, room: &RoomId) -> Result<StoredLog, StorageError> {
        let room = self.room(room)?;
        let entries = room.entries.iter();
        Ok(StoredLog {
            checkpoint: room.checkpoint.clone(),
            entries: entries.map(|(&position, (_, bytes))| (position, bytes.clone())).collect(),
        })
    }

    fn compact(
        &mut self,
        room: &RoomId,
        fence: Fence,
        upto: LogPosition,
        checkpoint: &[u8],
    ) -> Result<bool, StorageError> {
        let room = self.room(room)?;
        if room.fence != fence.0 {
            return Ok(false);
        }
        if upto.0 < room.covered || upto.0 > room.last() {
            let next = LogPosition(room.last() + 1);
            return Err(StorageError::OutOfPlace { position: upto, next });
        }
        room.covered = upto.0;
        room.checkpoint = Some(checkpoint.to_vec());
        room.entries.retain(|&position, _| position > upto);
        Ok(true)
    }
}
