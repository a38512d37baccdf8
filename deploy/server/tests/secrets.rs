//! What the real process keeps secret, and for whom.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use signaling_protocol::{RoomCreated, TokenIssued};
use support::Process;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("there").trim().to_owned()
}

#[tokio::test]
async fn secrets_are_made_at_the_first_start_kept_and_never_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let data_text = data.to_str().expect("text");
    let arguments = ["--data", data_text, "--turn-urls", "turn:meet.example:3478"];
    // With everything that can be logged.
    let mut first = Process::start_logging(&arguments, "trace");
    let client = reqwest::Client::new();
    let post =
        async |path: String| client.post(format!("{}/api/v1/{path}", first.url)).send().await;
    let made = post("rooms".to_owned()).await.expect("an answer");
    let made = made.json::<RoomCreated>().await.expect("a room");
    let issued = post(format!("rooms/{}/tokens", made.room)).await.expect("an answer");
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
    let logged = first.logged();
    assert!(logged.contains("serving"), "the log itself works: {logged}");
    let relay = &issued.ice_servers[0];
    for secret in
        [&admin_token, &turn_secret, &made.host_key.0, &issued.token.0, &relay.credential.0]
    {
        assert!(!logged.contains(secret.as_str()), "{secret} in {logged}");
    }

    let _second = Process::start(&arguments);
    assert_eq!(read(&data.join("admin-token")), admin_token);
    assert_eq!(read(&data.join("turn-secret")), turn_secret);
}

#[test]
fn a_secret_that_somebody_else_keeps_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "kept-by-somebody-else\n").expect("written");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", path.to_str().expect("text")]);
    let asked = server.rooms(&["list"], &path);
    assert!(asked.status.success(), "{asked:?}");
}
