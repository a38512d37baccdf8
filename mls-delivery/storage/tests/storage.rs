//! One set of behaviours, run over every store.

use std::time::Duration;

use mls_delivery::{Log, Prepared, Record};
use mls_delivery_storage::{
    AppendOutcome, Fence, MemoryStorage, NodeId, SqliteStorage, Storage, StorageError, StoredLog,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use signaling_protocol::{LogPosition, MessageId, Opaque, ParticipantId, RoomId};

const TTL: Duration = Duration::from_secs(10);

fn room() -> RoomId {
    RoomId::from_bytes([3; 16])
}

fn node(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

fn id(text: &str) -> MessageId {
    MessageId(text.to_owned())
}

/// Runs a story over each store, with a room in it.
fn over_every_store(story: impl Fn(&mut dyn Storage)) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sqlite = SqliteStorage::open(&folder.path().join("data")).expect("a store");
    let stores: [&mut dyn Storage; 2] = [&mut MemoryStorage::new(), &mut sqlite];
    for store in stores {
        store.create_room(&room(), 100, 10).expect("a room");
        story(store);
    }
}

fn claim(store: &mut dyn Storage) -> Fence {
    store.claim_room(&room(), &node("one"), TTL).expect("ours")
}

fn append(store: &mut dyn Storage, n: u64, fence: Fence, name: &str) -> AppendOutcome {
    store.append(&room(), LogPosition(n), fence, &id(name), name.as_bytes()).expect("an outcome")
}

#[test]
fn what_was_appended_is_read_in_order() {
    over_every_store(|store| {
        let fence = claim(store);
        for n in 1..=3 {
            assert_eq!(append(store, n, fence, &format!("m{n}")), AppendOutcome::Appended);
        }
        let entries = store.read(&room()).expect("a log").entries;
        let names: Vec<_> = entries.iter().map(|(n, bytes)| (n.0, bytes.as_slice())).collect();
        assert_eq!(names, [(1, b"m1".as_slice()), (2, b"m2"), (3, b"m3")]);
    });
}

#[test]
fn a_repeated_append_is_recognised_and_another_one_in_its_place_conflicts() {
    over_every_store(|store| {
        let fence = claim(store);
        assert_eq!(append(store, 1, fence, "a"), AppendOutcome::Appended);
        assert_eq!(append(store, 1, fence, "a"), AppendOutcome::Appended);
        assert_eq!(append(store, 1, fence, "b"), AppendOutcome::Conflict { winner: id("a") });
        assert_eq!(append(store, 2, fence, "a"), AppendOutcome::Conflict { winner: id("a") });
        assert_eq!(store.read(&room()).expect("a log").entries.len(), 1);
    });
}

#[test]
fn entries_follow_one_another_without_a_gap_and_never_under_the_checkpoint() {
    over_every_store(|store| {
        let fence = claim(store);
        let gap = store.append(&room(), LogPosition(2), fence, &id("b"), b"b");
        assert!(matches!(gap, Err(StorageError::OutOfPlace { next: LogPosition(1), .. })));
        append(store, 1, fence, "a");
        assert!(store.compact(&room(), fence, LogPosition(1), b"sum").expect("an answer"));
        let late = store.append(&room(), LogPosition(1), fence, &id("a"), b"a");
        assert!(matches!(late, Err(StorageError::OutOfPlace { next: LogPosition(2), .. })));
        assert_eq!(append(store, 2, fence, "b"), AppendOutcome::Appended);
        for wrong in [0, 3] {
            let answer = store.compact(&room(), fence, LogPosition(wrong), b"wrong");
            assert!(matches!(answer, Err(StorageError::OutOfPlace { .. })), "{wrong}");
        }
    });
}

#[test]
fn the_owner_of_yesterday_is_fenced_off() {
    over_every_store(|store| {
        let old = claim(store);
        let new = claim(store);
        assert!(new > old);
        assert_eq!(append(store, 1, old, "late"), AppendOutcome::StaleFence);
        assert!(!store.renew(&room(), old, TTL).expect("an answer"));
        assert!(!store.compact(&room(), old, LogPosition(0), b"late").expect("an answer"));
        assert_eq!(append(store, 1, new, "now"), AppendOutcome::Appended);
        assert!(store.renew(&room(), new, TTL).expect("an answer"));
    });
}

#[test]
fn another_node_does_not_get_a_room_that_is_leased() {
    over_every_store(|store| {
        claim(store);
        let refused = store.claim_room(&room(), &node("two"), TTL);
        assert!(matches!(refused, Err(StorageError::Owned)), "{refused:?}");
    });
}

#[test]
fn a_lease_that_has_run_out_frees_the_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = SqliteStorage::open(folder.path()).expect("a store");
    store.create_room(&room(), 1, 10).expect("a room");
    let old = store.claim_room(&room(), &node("one"), Duration::ZERO).expect("ours");
    let taken = loop {
        // The store's own clock has to tick once.
        match store.claim_room(&room(), &node("two"), TTL) {
            Ok(fence) => break fence,
            Err(StorageError::Owned) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(taken > old);
}

#[test]
fn a_checkpoint_takes_the_place_of_the_entries_before_it() {
    over_every_store(|store| {
        let fence = claim(store);
        for n in 1..=5 {
            append(store, n, fence, &format!("m{n}"));
        }
        assert!(store.compact(&room(), fence, LogPosition(4), b"sum").expect("an answer"));
        let log = store.read(&room()).expect("a log");
        assert_eq!(log.checkpoint.as_deref(), Some(b"sum".as_slice()));
        assert_eq!(log.entries.iter().map(|(n, _)| n.0).collect::<Vec<_>>(), [5]);
    });
}

#[test]
fn rooms_are_bounded_and_idle_ones_go() {
    over_every_store(|store| {
        let other = RoomId::from_bytes([4; 16]);
        store.create_room(&other, 200, 2).expect("the second room");
        let third = RoomId::from_bytes([5; 16]);
        assert!(matches!(store.create_room(&third, 200, 2), Err(StorageError::Full)));
        store.create_room(&other, 200, 2).expect("it exists already");
        assert_eq!(store.delete_idle(150).expect("an answer"), [room()]);
        assert!(!store.has_room(&room()).expect("an answer"));
        store.touch_room(&other, 900).expect("an answer");
        assert_eq!(store.delete_idle(800).expect("an answer"), []);
    });
}

#[test]
fn a_deleted_room_is_gone_for_its_owner_too() {
    over_every_store(|store| {
        let fence = claim(store);
        assert_eq!(append(store, 1, fence, "one"), AppendOutcome::Appended);
        assert!(store.delete_room(&room()).expect("an answer"));
        assert!(!store.delete_room(&room()).expect("an answer"), "it was gone");
        assert!(!store.has_room(&room()).expect("an answer"));
        let late = store.append(&room(), LogPosition(2), fence, &id("two"), b"two");
        assert!(
            matches!(late, Err(StorageError::UnknownRoom) | Ok(AppendOutcome::StaleFence)),
            "{late:?}"
        );
        store.create_room(&room(), 200, 10).expect("the id is free");
        assert_eq!(store.read(&room()).expect("a log"), StoredLog::default());
    });
}

#[test]
fn a_room_that_is_not_there_is_named_so() {
    over_every_store(|store| {
        let nowhere = RoomId::from_bytes([9; 16]);
        assert!(matches!(store.read(&nowhere), Err(StorageError::UnknownRoom)));
        assert!(matches!(
            store.claim_room(&nowhere, &node("one"), TTL),
            Err(StorageError::UnknownRoom)
        ));
    });
}

#[test]
fn sqlite_keeps_everything_over_a_restart_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    {
        let mut store = SqliteStorage::open(&data).expect("a store");
        store.create_room(&room(), 100, 10).expect("a room");
        let fence = claim(&mut store);
        append(&mut store, 1, fence, "kept");
    }
    let mut store = SqliteStorage::open(&data).expect("the same store");
    assert_eq!(store.read(&room()).expect("a log").entries.len(), 1);
    let mode = |path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(data.clone()), 0o700);
    assert_eq!(mode(data.join("orange-meets.sqlite")), 0o600);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteStorage::open(folder.path()).expect("a store"));
    let file = folder.path().join("orange-meets.sqlite");
    let connection = rusqlite::Connection::open(file).expect("a database");
    connection.pragma_update(None, "user_version", 99).expect("written");
    drop(connection);
    let refused = SqliteStorage::open(folder.path());
    assert!(matches!(refused, Err(StorageError::NewerSchema { found: 99, .. })));
}

fn store_entry(store: &mut dyn Storage, fence: Fence, prepared: &Prepared) -> AppendOutcome {
    let record = prepared.record();
    let bytes = serde_json::to_vec(record).expect("JSON");
    store
        .append(&room(), record.entry.position, fence, &prepared.message_id(), &bytes)
        .expect("an outcome")
}

fn restored(stored: &StoredLog) -> Log {
    let mut log = match &stored.checkpoint {
        Some(bytes) => Log::restore(serde_json::from_slice(bytes).expect("a checkpoint")),
        None => Log::default(),
    };
    for (_, bytes) in &stored.entries {
        let record: Record = serde_json::from_slice(bytes).expect("a record");
        log.replay_record(record).expect("no gap");
    }
    log
}

#[test]
fn a_log_comes_back_whole_from_every_store_and_gives_no_id_twice() {
    over_every_store(|store| {
        let mut log = Log::default();
        let fence = claim(store);
        for n in 1..=400 {
            let joined = log.join(ParticipantId(n), Opaque(vec![7; 50]), None).expect("new");
            assert_eq!(store_entry(store, fence, &joined), AppendOutcome::Appended);
            log.apply(joined);
            let departed = log.depart(ParticipantId(n)).expect("known");
            assert_eq!(store_entry(store, fence, &departed), AppendOutcome::Appended);
            log.apply(departed);
            if n % 90 == 0 {
                let sum = serde_json::to_vec(&log.base()).expect("JSON");
                store.compact(&room(), fence, log.base_position(), &sum).expect("an answer");
            }
        }
        let stored = store.read(&room()).expect("a log");
        assert!(stored.entries.len() < 700, "{} entries are kept", stored.entries.len());
        let back = restored(&stored);
        assert_eq!(back, log);
        assert_eq!(back.last_participant(), ParticipantId(400));
    });
}

#[test]
fn after_a_crash_between_store_and_apply_the_entry_is_there_once() {
    over_every_store(|store| {
        let fence = claim(store);
        let prepared = Log::default().join(ParticipantId(1), Opaque(vec![1]), None).expect("new");
        store_entry(store, fence, &prepared);
        // The process dies here; the next owner reads and the old one's retry comes late.
        let next = claim(store);
        let log = restored(&store.read(&room()).expect("a log"));
        assert_eq!(log.position(), LogPosition(1));
        assert_eq!(store_entry(store, fence, &prepared), AppendOutcome::StaleFence);
        assert_eq!(store_entry(store, next, &prepared), AppendOutcome::Appended);
        assert_eq!(store.read(&room()).expect("a log").entries.len(), 1);
    });
}

#[derive(Debug, Clone)]
enum Call {
    Claim(u8),
    /// Relative to the newest fence and the last position: stale and misplaced ones too.
    Append {
        back: u64,
        ahead: u64,
        name: u8,
    },
    Retry,
    Renew {
        back: u64,
    },
    Compact {
        back: u64,
        ahead: u64,
    },
    Read,
    Reopen,
    Touch(u64),
    DeleteIdle(u64),
    Create,
}

fn call() -> impl Strategy<Value = Call> {
    let back = || prop_oneof![4 => Just(0u64), 1 => Just(1u64)];
    prop_oneof![
        2 => (0..2u8).prop_map(Call::Claim),
        12 => (back(), 0..4u64, any::<u8>())
            .prop_map(|(back, ahead, name)| Call::Append { back, ahead, name }),
        3 => Just(Call::Retry),
        1 => back().prop_map(|back| Call::Renew { back }),
        2 => (back(), 0..5u64).prop_map(|(back, ahead)| Call::Compact { back, ahead }),
        2 => Just(Call::Read),
        2 => Just(Call::Reopen),
        1 => (0..50u64).prop_map(Call::Touch),
        1 => (0..20u64).prop_map(Call::DeleteIdle),
        1 => Just(Call::Create),
    ]
}

/// The caller's knowledge, and the appends that it may repeat.
#[derive(Debug, Default, Clone)]
struct Caller {
    fence: u64,
    last: u64,
    tried: Option<(u64, u64, String)>,
}

impl Caller {
    /// Makes one call and says what came of it, errors too.
    fn call(&mut self, store: &mut dyn Storage, call: &Call) -> String {
        let fence = |back: u64| Fence(self.fence.saturating_sub(back));
        match call {
            Call::Claim(node) => {
                let outcome = store.claim_room(&room(), &NodeId(node.to_string()), TTL);
                if let Ok(Fence(fence)) = outcome {
                    self.fence = fence;
                }
                format!("{outcome:?}")
            }
            Call::Append { back, ahead, name } => {
                // 1 is the right one.
                let position = (self.last + ahead).saturating_sub(u64::from(*ahead > 1));
                self.tried = Some((position, fence(*back).0, format!("m{name}")));
                self.append(store)
            }
            Call::Retry => self.append(store),
            Call::Renew { back } => format!("{:?}", store.renew(&room(), fence(*back), TTL)),
            Call::Compact { back, ahead } => {
                let upto = LogPosition((self.last + ahead).saturating_sub(3));
                let outcome = store.compact(&room(), fence(*back), upto, &upto.0.to_be_bytes());
                format!("{outcome:?}")
            }
            Call::Read => format!("{:?}", store.read(&room())),
            Call::Reopen => String::new(),
            Call::Touch(now) => format!("{:?}", store.touch_room(&room(), *now)),
            Call::DeleteIdle(before) => {
                let deleted = store.delete_idle(*before);
                if deleted.as_ref().is_ok_and(|rooms| !rooms.is_empty()) {
                    *self = Self::default();
                }
                format!("{deleted:?}")
            }
            Call::Create => format!("{:?}", store.create_room(&room(), 5, 3)),
        }
    }

    fn append(&mut self, store: &mut dyn Storage) -> String {
        let Some((position, fence, name)) = self.tried.clone() else { return String::new() };
        let position = LogPosition(position);
        let outcome = store.append(&room(), position, Fence(fence), &id(&name), name.as_bytes());
        if matches!(outcome, Ok(AppendOutcome::Appended)) {
            self.last = self.last.max(position.0);
        }
        format!("{outcome:?}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Stale fences, retries, gaps, checkpoints and restarts: SQLite does what memory does, and
    /// what was acknowledged is still there at the end, in order and without a gap.
    #[test]
    fn every_store_answers_alike(calls in prop::collection::vec(call(), 0..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut memory = MemoryStorage::new();
        let mut sqlite = SqliteStorage::open(folder.path()).expect("a store");
        let mut callers = [Caller::default(), Caller::default()];
        let mut acknowledged = Vec::new();
        for call in [&[Call::Create, Call::Claim(0)], calls.as_slice(), &[Call::Read]].concat() {
            if matches!(call, Call::Reopen) {
                drop(sqlite);
                sqlite = SqliteStorage::open(folder.path()).expect("the same store");
            }
            let before = callers[0].last;
            let [one, two] = &mut callers;
            let answers = [one.call(&mut memory, &call), two.call(&mut sqlite, &call)];
            prop_assert_eq!(&answers[0], &answers[1], "{:?}", call);
            if callers[0].last > before {
                acknowledged.push(callers[0].last);
            } else if callers[0].last < before {
                acknowledged.clear();
            }
        }
        if let Ok(stored) = sqlite.read(&room()) {
            let kept: Vec<_> = stored.entries.iter().map(|(position, _)| position.0).collect();
            let covered = acknowledged.len() - kept.len();
            prop_assert_eq!(&kept, &acknowledged[covered..]);
            prop_assert_eq!(acknowledged, (1..=covered as u64 + kept.len() as u64).collect::<Vec<_>>());
        }
    }
}
