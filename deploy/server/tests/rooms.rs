//! `orange-meets rooms` against the real process.

mod support;

use std::path::{Path, PathBuf};

use signaling_protocol::RoomCreated;
use support::Process;
use support::person::join;

fn token(folder: &Path) -> PathBuf {
    let path = folder.join("token");
    std::fs::write(&path, "only-whoever-runs-it-knows\n").expect("written");
    path
}

#[tokio::test]
async fn whoever_runs_it_sees_the_meetings_ends_one_and_lets_none_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = token(folder.path());
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    let (_socket, room) = join(&server).await;

    let told = |arguments: &[&str]| {
        let output = server.rooms(arguments, &token);
        let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.success(), words)
    };
    let (done, words) = told(&["list"]);
    assert!(done, "{words}");
    let row: Vec<_> = words.lines().nth(1).expect("a room").split_whitespace().collect();
    assert_eq!(row[..2], [room.as_str(), "1"]);

    assert_eq!(told(&["close", room.as_str()]), (true, format!("closed {room}\n")));
    let (done, words) = told(&["close", room.as_str()]);
    assert!(!done && words.contains("no such room"), "{words}");
    let (done, words) = told(&["close", "here"]);
    assert!(!done && words.contains("no room id"), "{words}");
    assert_eq!(told(&["list"]).1.lines().count(), 1, "the heading alone");

    let begin = async || {
        let client = reqwest::Client::new();
        client.post(format!("{}/api/v1/rooms", server.url)).send().await.expect("an answer")
    };
    assert!(told(&["drain", "--minutes", "10"]).0);
    assert_eq!(begin().await.status(), 503);
    assert!(told(&["list"]).1.starts_with("draining"));
    assert!(told(&["resume"]).0);
    assert!(begin().await.json::<RoomCreated>().await.is_ok());
}

#[test]
fn what_stands_in_the_way_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = token(folder.path());
    let server = Process::start(&["--in-memory"]);
    let words = text(&server.rooms(&["list"], &token).stderr);
    assert!(words.contains("--admin-token-file"), "{words}");

    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    std::fs::write(&token, "changed-since-the-start").expect("written");
    let words = text(&server.rooms(&["list"], &token).stderr);
    assert!(words.contains("does not take this token"), "{words}");
    let words = text(&server.rooms(&["list"], &folder.path().join("nowhere")).stderr);
    assert!(words.contains("nowhere"), "{words}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
