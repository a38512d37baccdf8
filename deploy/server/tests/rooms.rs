//! `orange-meets rooms` against the real process.

mod support;

use std::path::{Path, PathBuf};

use signaling_protocol::RoomCreated;
use support::Process;
use support::participant::join;

fn token(folder: &Path) -> PathBuf {
    let path = folder.join("token");
    std::fs::write(&path, "the-administration-token\n").expect("written");
    path
}

#[tokio::test]
async fn meetings_are_listed_and_closed_and_the_server_is_drained() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = token(folder.path());
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    let (_socket, room) = join(&server).await;

    let run = |arguments: &[&str]| {
        let output = server.rooms(arguments, &token);
        let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.success(), printed)
    };
    let (success, printed) = run(&["list"]);
    assert!(success, "{printed}");
    let row: Vec<_> = printed.lines().nth(1).expect("a room").split_whitespace().collect();
    assert_eq!(row[..2], [room.as_str(), "1"]);

    assert_eq!(run(&["close", room.as_str()]), (true, format!("closed {room}\n")));
    let (success, printed) = run(&["close", room.as_str()]);
    assert!(!success && printed.contains("no such room"), "{printed}");
    let (success, printed) = run(&["close", "here"]);
    assert!(!success && printed.contains("not a room id"), "{printed}");
    assert_eq!(run(&["list"]).1.lines().count(), 1, "only the heading");

    let create_room = async || {
        let client = reqwest::Client::new();
        client.post(format!("{}/api/v1/rooms", server.url)).send().await.expect("an answer")
    };
    assert!(run(&["drain", "--minutes", "10"]).0);
    assert_eq!(create_room().await.status(), 503);
    assert!(run(&["list"]).1.starts_with("draining"));
    assert!(run(&["resume"]).0);
    assert!(create_room().await.json::<RoomCreated>().await.is_ok());
}

#[test]
fn a_failure_names_its_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = token(folder.path());
    let server = Process::start(&["--in-memory"]);
    let printed = text(&server.rooms(&["list"], &token).stderr);
    assert!(printed.contains("--admin-token-file"), "{printed}");

    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    std::fs::write(&token, "changed-since-the-start").expect("written");
    let printed = text(&server.rooms(&["list"], &token).stderr);
    assert!(printed.contains("rejects the token"), "{printed}");
    let printed = text(&server.rooms(&["list"], &folder.path().join("missing")).stderr);
    assert!(printed.contains("missing"), "{printed}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
