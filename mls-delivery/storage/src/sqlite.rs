//! Storage in one SQLite file: write-ahead log, every commit on disk before it is acknowledged.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use signaling_protocol::{LogPosition, MessageId, RoomId};

use crate::{AppendOutcome, Fence, NodeId, Storage, StorageError, StoredLog};

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

const SCHEMA: i64 = 1;

const CREATE: &str = "
CREATE TABLE room (
  id TEXT PRIMARY KEY,
  used INTEGER NOT NULL,
  owner TEXT,
  fence INTEGER NOT NULL DEFAULT 0,
  lease_ends REAL NOT NULL DEFAULT 0,
  covered INTEGER NOT NULL DEFAULT 0,
  checkpoint BLOB
) STRICT;
CREATE TABLE entry (
  room TEXT NOT NULL REFERENCES room (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (room, n),
  UNIQUE (room, message_id)
) STRICT, WITHOUT ROWID;
";

/// Storage in one SQLite file.
#[derive(Debug)]
pub struct SqliteStorage {
    connection: Connection,
}

impl SqliteStorage {
    /// Opens the store in a folder, making folder (mode 0700) and file (mode 0600) if needed.
    ///
    /// # Errors
    /// The folder or the file cannot be used, or the file is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, StorageError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join("orange-meets.sqlite");
        // SQLite gives its side files the mode of the main one, so that one is made here.
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            0 => {
                connection.execute_batch(&format!(
                    "BEGIN; {CREATE} PRAGMA user_version = {SCHEMA}; COMMIT;"
                ))?;
            }
            SCHEMA => {}
            _ => return Err(StorageError::NewerSchema { found, known: SCHEMA }),
        }
        Ok(Self { connection })
    }
}

impl Storage for SqliteStorage {
    fn create_room(&mut self, room: &RoomId, now: u64, most: usize) -> Result<(), StorageError> {
        let changed = self.connection.execute(
            "INSERT INTO room (id, used)
             SELECT ?1, ?2 WHERE (SELECT count(*) FROM room) < ?3
             ON CONFLICT DO NOTHING",
            params![room.as_str(), integer(now), integer(most as u64)],
        )?;
        if changed == 0 && !self.has_room(room)? {
            return Err(StorageError::Full);
        }
        Ok(())
    }

    fn has_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM room WHERE id = ?1")?
            .exists([room.as_str()])?)
    }

    fn touch_room(&mut self, room: &RoomId, now: u64) -> Result<(), StorageError> {
        self.connection.execute(
            "UPDATE room SET used = max(used, ?2) WHERE id = ?1",
            params![room.as_str(), integer(now)],
        )?;
        Ok(())
    }

    fn delete_idle(&mut self, before: u64) -> Result<Vec<RoomId>, StorageError> {
        let mut statement =
            self.connection.prepare_cached("DELETE FROM room WHERE used < ?1 RETURNING id")?;
        let ids = statement.query_map([integer(before)], |row| row.get::<_, String>(0))?;
        // Only ids that parse were ever stored.
        Ok(ids.collect::<Result<Vec<_>, _>>()?.iter().filter_map(|id| id.parse().ok()).collect())
    }

    fn delete_room(&mut self, room: &RoomId) -> Result<bool, StorageError> {
        let gone = self.connection.execute("DELETE FROM room WHERE id = ?1", [room.as_str()])?;
        Ok(gone > 0)
    }

    fn claim_room(
        &mut self,
        room: &RoomId,
        node: &NodeId,
        ttl: Duration,
    ) -> Result<Fence, StorageError> {
        let fence = self
            .connection
            .prepare_cached(
                "UPDATE room SET owner = ?2, fence = fence + 1,
                        lease_ends = unixepoch('subsec') + ?3
                 WHERE id = ?1 AND (owner IS NULL OR owner = ?2
                                    OR lease_ends < unixepoch('subsec'))
                 RETURNING fence",
            )?
            .query_row(params![room.as_str(), node.0, ttl.as_secs_f64()], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        match fence {
            Some(fence) => Ok(Fence(fence.unsigned_abs())),
            None if self.has_room(room)? => Err(StorageError::Owned),
            None => Err(StorageError::UnknownRoom),
        }
    }

    fn renew(&mut self, room: &RoomId, fence: Fence, ttl: Duration) -> Result<bool, StorageError> {
        let changed = self.connection.execute(
            "UPDATE room SET lease_ends = unixepoch('subsec') + ?3 WHERE id = ?1 AND fence = ?2",
            params![room.as_str(), integer(fence.0), ttl.as_secs_f64()],
        )?;
        Ok(changed == 1)
    }

    fn append(
        &mut self,
        room: &RoomId,
        position: LogPosition,
        fence: Fence,
        message_id: &MessageId,
        bytes: &[u8],
    ) -> Result<AppendOutcome, StorageError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let bounds = Bounds::read(&transaction, room)?;
        if bounds.fence != fence.0 {
            return Ok(AppendOutcome::StaleFence);
        }
        // The same id at another position, or else whatever stands at this one.
        let known = transaction
            .prepare_cached(
                "SELECT n, message_id FROM entry WHERE room = ?1 AND (n = ?2 OR message_id = ?3)
                 ORDER BY message_id = ?3 DESC LIMIT 1",
            )?
            .query_row(params![room.as_str(), integer(position.0), message_id.0], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, String>(1)?))
            })
            .optional()?;
        if let Some((n, id)) = known {
            return Ok(if n == position.0 && id == message_id.0 {
                AppendOutcome::Appended
            } else {
                AppendOutcome::Conflict { winner: MessageId(id) }
            });
        }
        let next = LogPosition(bounds.last + 1);
        if position != next {
            return Err(StorageError::OutOfPlace { position, next });
        }
        transaction
            .prepare_cached(
                "INSERT INTO entry (room, n, message_id, bytes) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![room.as_str(), integer(position.0), message_id.0, bytes])?;
        transaction.commit()?;
        Ok(AppendOutcome::Appended)
    }

    fn read(&mut self, room: &RoomId) -> Result<StoredLog, StorageError> {
        let checkpoint = self
            .connection
            .prepare_cached("SELECT checkpoint FROM room WHERE id = ?1")?
            .query_row([room.as_str()], |row| row.get::<_, Option<Vec<u8>>>(0))
            .optional()?
            .ok_or(StorageError::UnknownRoom)?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT n, bytes FROM entry WHERE room = ?1 ORDER BY n")?;
        let entries = statement.query_map([room.as_str()], |row| {
            Ok((LogPosition(row.get::<_, i64>(0)?.unsigned_abs()), row.get::<_, Vec<u8>>(1)?))
        })?;
        Ok(StoredLog { checkpoint, entries: entries.collect::<Result<_, _>>()? })
    }

    fn compact(
        &mut self,
        room: &RoomId,
        fence: Fence,
        upto: LogPosition,
        checkpoint: &[u8],
    ) -> Result<bool, StorageError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let bounds = Bounds::read(&transaction, room)?;
        if bounds.fence != fence.0 {
            return Ok(false);
        }
        if upto.0 < bounds.covered || upto.0 > bounds.last {
            let next = LogPosition(bounds.last + 1);
            return Err(StorageError::OutOfPlace { position: upto, next });
        }
        transaction.execute(
            "UPDATE room SET checkpoint = ?2, covered = ?3 WHERE id = ?1",
            params![room.as_str(), checkpoint, integer(upto.0)],
        )?;
        transaction.execute(
            "DELETE FROM entry WHERE room = ?1 AND n <= ?2",
            params![room.as_str(), integer(upto.0)],
        )?;
        transaction.commit()?;
        Ok(true)
    }
}

/// The fence of a room, and the bounds of its entries.
struct Bounds {
    fence: u64,
    /// The last position that the checkpoint covers.
    covered: u64,
    /// The last position that is taken.
    last: u64,
}

impl Bounds {
    fn read(connection: &Connection, room: &RoomId) -> Result<Self, StorageError> {
        let mut statement = connection.prepare_cached(
            "SELECT fence, covered, coalesce((SELECT max(n) FROM entry WHERE room = id), covered)
             FROM room WHERE id = ?1",
        )?;
        let bounds = statement.query_row([room.as_str()], |row| {
            let [fence, covered, last] =
                [row.get(0)?, row.get(1)?, row.get(2)?].map(i64::unsigned_abs);
            Ok(Self { fence, covered, last })
        });
        bounds.optional()?.ok_or(StorageError::UnknownRoom)
    }
}

/// SQLite's integers are signed; ours never reach the sign.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
