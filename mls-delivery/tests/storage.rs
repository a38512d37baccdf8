//! One set of behaviours, run over every store.

use std::time::Duration;

use mls_delivery::storage::{
    AppendOutcome, Fence, MemoryStorage, NodeId, SqliteStorage, Storage, StorageError,
};
use signaling_protocol::{LogPosition, MessageId, RoomId};

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
        assert_eq!(store.read(&room()).expect("a log").entries.len(), 1);
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
        assert!(!store.compact(&room(), old, LogPosition(9), b"late").expect("an answer"));
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
