//! Benchmarks a handshake in the delivery service: validated by the log, stored, and applied.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mls_delivery::{Log, Submitted};
use mls_delivery_storage::{AppendOutcome, MemoryStorage, NodeId, SqliteStorage, Storage};
use signaling_protocol::{
    HandshakeCount, MessageId, Opaque, ParticipantId, RoomId, Step, Submission,
};

/// Bytes of a commit with the post-quantum cipher suite and 50 members.
const COMMIT: usize = 8_000;
const MEMBERS: u32 = 50;

/// The log of a room with its storage.
struct Room {
    log: Log,
    store: Box<dyn Storage>,
    room: RoomId,
    fence: mls_delivery_storage::Fence,
    members: Vec<ParticipantId>,
    number: u64,
}

impl Room {
    fn new(mut store: Box<dyn Storage>) -> Self {
        let room = RoomId::from_bytes([1; 16]);
        store.create_room(&room, 0, 1).expect("an empty store");
        let node = NodeId("bench".to_owned());
        let fence = store.claim_room(&room, &node, Duration::from_secs(3_600)).expect("unclaimed");
        let mut this =
            Self { log: Log::default(), store, room, fence, members: Vec::new(), number: 0 };
        let first = ParticipantId(1);
        for id in 1..=MEMBERS {
            let participant = ParticipantId(id);
            let prepared = this.log.join(participant, Opaque(vec![9; 2_700]), None).expect("new");
            this.store(&prepared);
            this.log.apply(prepared);
            if id == 1 {
                this.members.push(participant);
                this.submit(first, Step::Create);
            } else {
                this.members.push(participant);
                let welcome = Some(Opaque(vec![2; 3_000]));
                this.submit(first, Step::Commit { commit: Opaque(vec![1; COMMIT]), welcome });
            }
        }
        this
    }

    fn submit(&mut self, sender: ParticipantId, step: Step) {
        self.number += 1;
        let submission = Submission {
            message_id: MessageId(format!("m{}", self.number)),
            expected: HandshakeCount(self.log.handshakes().0),
            roster: self.members.clone(),
            step,
        };
        match self.log.submit(sender, submission).expect("a valid submission") {
            Submitted::New(prepared) => {
                self.store(&prepared);
                self.log.apply(prepared);
            }
            Submitted::Known(position) => panic!("submitted before, at {position}"),
        }
    }

    fn store(&mut self, prepared: &mls_delivery::Prepared) {
        let bytes = serde_json::to_vec(prepared.record()).expect("a record");
        let position = prepared.record().entry.position;
        let id = prepared.message_id();
        let outcome = self.store.append(&self.room, position, self.fence, &id, &bytes);
        assert_eq!(outcome.expect("the store works"), AppendOutcome::Appended);
    }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append a commit");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteStorage::open(folder.path()).expect("a new database");
    let stores: [(&str, Box<dyn Storage>); 2] =
        [("in memory", Box::new(MemoryStorage::new())), ("SQLite, synchronous", Box::new(sqlite))];
    for (name, store) in stores {
        let mut room = Room::new(store);
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let commit = Step::Commit { commit: Opaque(vec![1; COMMIT]), welcome: None };
                room.submit(ParticipantId(2), commit);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
