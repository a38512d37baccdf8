//! The secrets of the real process: their files, and their absence from the log.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use signaling_protocol::{RoomCreated, TokenIssued};
use support::Process;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("there").trim().to_owned()
}

#[tokio::test]
async fn secrets_are_created_at_the_first_start_stored_and_never_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let data_text = data.to_str().expect("text");
    let arguments = ["--data", data_text, "--turn-urls", "turn:meet.example:3478"];
    // With all log levels enabled.
    let mut first = Process::start_with_log_filter(&arguments, "trace");
    let client = reqwest::Client::new();
    let post =
        async |path: String| client.post(format!("{}/api/v1/{path}", first.url)).send().await;
    let created = post("rooms".to_owned()).await.expect("an answer");
    let created = created.json::<RoomCreated>().await.expect("a room");
    let issued = post(format!("rooms/{}/tokens", created.room)).await.expect("an answer");
    let issued = issued.json::<TokenIssued>().await.expect("a token");
    let admin_token = read(&data.join("admin-token"));
    let rooms = client.get(format!("{}/api/admin/v1/rooms", first.admin)).bearer_auth(&admin_token);
    assert!(rooms.send().await.expect("an answer").status().is_success());

    let turn_secret = read(&data.join("turn-secret"));
    for name in ["admin-token", "turn-secret"] {
        let mode = std::fs::metadata(data.join(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(first.terminate().success());
    let log = first.log();
    assert!(log.contains("serving"), "the log works: {log}");
    let turn_server = &issued.ice_servers[0];
    for secret in [
        &admin_token,
        &turn_secret,
        &created.host_key.0,
        &issued.token.0,
        &turn_server.credential.0,
    ] {
        assert!(!log.contains(secret.as_str()), "{secret} in {log}");
    }

    let _second = Process::start(&arguments);
    assert_eq!(read(&data.join("admin-token")), admin_token);
    assert_eq!(read(&data.join("turn-secret")), turn_secret);
}

#[test]
fn a_secret_in_an_existing_file_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "written-by-another-program\n").expect("written");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", path.to_str().expect("text")]);
    let output = server.rooms(&["list"], &path);
    assert!(output.status.success(), "{output:?}");
}
