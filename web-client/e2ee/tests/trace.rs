//! Real rooms, held against the specification in `tla/`: real endpoints over the real delivery log
//! tell their steps, and the checker looks whether that is a behaviour of the specification.
//!
//! These need the checker, which `make model` installs; it runs them.

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};

use e2ee::Suite;
use signaling_protocol::RoomId;

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

const NAMES: [&str; 6] = [
    "Ada Lovelace",
    "Bela Bartok",
    "Chien-Shiung Wu",
    "Dorothy Hodgkin",
    "Emmy Noether",
    "Fe del Mundo",
];

fn endpoint_node(meeting: &Meeting<EndpointNode>, name: &str) -> EndpointNode {
    let mut endpoint_node = Person::new(name, Suite::Classic).new_node(meeting.now_ms);
    endpoint_node.endpoint.start_trace();
    endpoint_node
}

/// A meeting with joins at once, a broken socket, a commit that comes twice, a page that is loaded
/// anew, a committer that is killed and members that are frozen.
fn meeting() -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 7);
    for name in &NAMES[..3] {
        let endpoint_node = endpoint_node(&meeting, name);
        meeting.join(endpoint_node);
    }
    meeting.run(5_000);
    meeting.assert_one_call();

    meeting.disconnect(1);
    let newcomer = endpoint_node(&meeting, NAMES[3]);
    commits_for(&mut meeting, newcomer, 0);
    let twice = meeting.clients[0].outbox.clone();
    meeting.clients[0].outbox.extend(twice);
    meeting.run(1_000);
    meeting.reconnect(1);
    meeting.run(5_000);
    meeting.assert_one_call();

    let again = endpoint_node(&meeting, NAMES[0]);
    meeting.reload(0, again);
    meeting.run(3_000);
    meeting.assert_one_call();

    // The second one commits, and crashes before any member has voted.
    let newcomer = endpoint_node(&meeting, NAMES[4]);
    commits_for(&mut meeting, newcomer, 1);
    while meeting.serve(1) {}
    meeting.crash(1);
    meeting.run(5_000);
    meeting.assert_one_call();

    // All but the designated committer are frozen, and the service has not noticed that yet.
    let frozen = [3, 4, 5];
    for client in frozen {
        meeting.clients[client].frozen = true;
    }
    let newcomer = endpoint_node(&meeting, NAMES[5]);
    meeting.join(newcomer);
    meeting.run(5_000);
    for client in frozen {
        meeting.crash(client);
    }
    meeting.run(5_000);
    meeting.assert_one_call();
    meeting
}

/// Adds a participant, up to the commit that adds it, which is under way.
fn commits_for(meeting: &mut Meeting<EndpointNode>, newcomer: EndpointNode, committer: usize) {
    let newcomer = meeting.join(newcomer);
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(committer) {}
}

/// All lines: the service's, and each client's in its own order.
fn trace(meeting: &Meeting<EndpointNode>) -> Vec<String> {
    let service = meeting.trace.iter().map(|step| serde_json::to_string(step).expect("JSON"));
    let clients = meeting.clients.iter().flat_map(|client| client.node.trace.iter().cloned());
    service.chain(clients).collect()
}

fn check(name: &str, lines: &[String]) -> Output {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let file = root.join(format!("target/{name}.jsonl"));
    std::fs::write(&file, lines.join("\n")).expect("a file below target");
    Command::new("node").arg(root.join("tla/check_trace.mjs")).arg(file).output().expect("Node.js")
}

fn vote(output: &Output) -> String {
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    said(&output.stdout) + &said(&output.stderr)
}

#[test]
#[ignore = "needs the checker: make model"]
fn a_real_meeting_is_a_behaviour_of_the_specification() {
    let lines = trace(&meeting());
    let output = check("trace-meeting", &lines);
    assert!(output.status.success(), "{}", vote(&output));
    assert!(vote(&output).starts_with(&format!("accepted: {} steps", lines.len())));
}

#[test]
#[ignore = "needs the checker: make model"]
fn a_trace_with_one_word_changed_is_refused() {
    let lines = trace(&meeting());
    let with = |from: &str, to: &str| -> Vec<String> {
        let at = lines.iter().position(|line| line.contains(from)).expect(from);
        let mut doctored = lines.clone();
        doctored[at] = doctored[at].replacen(from, to, 1);
        doctored
    };
    let without = |what: &str| -> Vec<String> {
        let at = lines.iter().position(|line| line.contains(what)).expect(what);
        [&lines[..at], &lines[at + 1..]].concat()
    };
    for (name, doctored) in [
        ("one more member", with(r#""members":[1,2,3]"#, r#""members":[1,2,3,4]"#)),
        ("another vote", with(r#""vote":"ack""#, r#""vote":"nack""#)),
        ("a commit taken twice", with(r#""outcome":"known""#, r#""outcome":"commit_pending""#)),
        ("no successor", with(r#""replaces":1"#, r#""replaces":null"#)),
        ("an entry not read", without(r#""step":"read_entry""#)),
        ("a vote missing", without(r#""step":"voted""#)),
        ("a departure missing", without(r#""step":"departed""#)),
        ("a time limit missing", without(r#""step":"timed_out""#)),
    ] {
        let output = check("trace-doctored", &doctored);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", vote(&output));
    }
}

/// Returns `true` for a message id: 22 base64url characters, as random as the hash they encode.
fn is_message_id(text: &str) -> bool {
    let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.len() == 22 && text.chars().all(base64url)
}

#[test]
fn a_trace_has_numbers_ids_and_step_names_and_no_secret() {
    let lines = trace(&meeting()).join("\n");
    assert!(lines.contains(r#""step":"voted""#), "the trace records the steps");
    // Every second piece is inside of quotation marks. Ids may contain any short name by chance.
    let strings: Vec<_> = lines.split('"').skip(1).step_by(2).collect();
    assert!(strings.iter().any(|text| is_message_id(text)));
    for text in strings.into_iter().filter(|text| !is_message_id(text)) {
        let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(is_name, "only field names, step names and codes: {text:?}");
        for name in NAMES.iter().flat_map(|name| name.split(' ')).filter(|name| name.len() > 2) {
            assert!(text != name.to_lowercase(), "{text:?}");
        }
    }
}
