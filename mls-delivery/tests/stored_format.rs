//! Logs that an earlier version stored are read by this one: the stored bytes are part of the
//! interface, whatever the Rust names become.

use mls_delivery::{Checkpoint, Log, Record};
use signaling_protocol::{LogPosition, Opaque, ParticipantId};

/// Entries as version 3 of the protocol stored them.
const RECORDS: [&str; 4] = [
    r#"{"entry":{"position":1,"event":{"kind":"joined","participant":1,"key_package":"a3Ax","replaces":null}}}"#,
    r#"{"entry":{"position":2,"event":{"kind":"handshake","count":1,"sender":1,"message_id":"oKGio6Slpqeoqaqrrq-wsQ","roster":[1],"step":{"step":"create"}}}}"#,
    r#"{"entry":{"position":3,"event":{"kind":"joined","participant":2,"key_package":"a3Ay","replaces":1}}}"#,
    r#"{"entry":{"position":4,"event":{"kind":"handshake","count":2,"sender":1,"message_id":"sbKztLW2t7i5uru8vb6_wA","roster":[1,2],"step":{"step":"commit","commit":"Y29tbWl0","welcome":"d2VsY29tZQ=="}}}}"#,
];

/// The sum of the entries above, as version 3 stored it.
const CHECKPOINT: &str = r#"{"position":4,"handshakes":2,"created":1,"last_participant":2,"roster":[1,2],"joined":{"1":"a3Ax","2":"a3Ay"},"departed":[1],"replaced":{"2":1}}"#;

#[test]
fn records_of_version_3_are_read_and_written_unchanged() {
    for stored in RECORDS {
        let record: Record = serde_json::from_str(stored).expect("a record");
        assert_eq!(serde_json::to_string(&record).expect("JSON"), stored);
    }
}

#[test]
fn a_checkpoint_of_version_3_is_read_and_written_unchanged() {
    let checkpoint: Checkpoint = serde_json::from_str(CHECKPOINT).expect("a checkpoint");
    assert_eq!(checkpoint.position(), LogPosition(4));
    assert_eq!(serde_json::to_string(&checkpoint).expect("JSON"), CHECKPOINT);
}

#[test]
fn a_log_of_version_3_opens_with_its_members() {
    let mut log = Log::restore(Checkpoint::default());
    for stored in RECORDS {
        log.replay_record(serde_json::from_str(stored).expect("a record")).expect("the next one");
    }
    let snapshot = log.snapshot();
    assert_eq!(snapshot.roster, [ParticipantId(1), ParticipantId(2)]);
    assert_eq!(snapshot.joined[1].key_package, Opaque(b"kp2".to_vec()));
    assert_eq!(snapshot.departed, [ParticipantId(1)]);
}

#[test]
fn fields_of_older_versions_are_ignored_and_missing_ones_are_filled() {
    let joined = r#"{"kind":"joined","participant":1,"key_package":"AAEABQ=="}"#;
    let text = format!(r#"{{"entry":{{"position":1,"event":{joined}}},"group_info":null}}"#);
    let record = serde_json::from_str(&text).expect("a record");
    let mut log = Log::default();
    log.replay_record(record).expect("the first entry");
    let mut checkpoint = serde_json::to_value(log.base()).expect("JSON");
    let fields = checkpoint.as_object_mut().expect("an object");
    fields.remove("replaced").expect("younger than the others");
    fields.insert("group_info".to_owned(), "AAEABA==".into());
    assert_eq!(
        Log::restore(serde_json::from_value(checkpoint).expect("a checkpoint")),
        Log::default()
    );
    assert_eq!(log.last_participant(), ParticipantId(1));
}
