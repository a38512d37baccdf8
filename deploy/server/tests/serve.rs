//! The real process: what it serves, and how it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use signaling_protocol::{Refusal, RefusalCode, RoomCreated};

struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
            .args(["serve", "--http", "127.0.0.1:0", "--media-port", "0"])
            .args(["--advertise", "127.0.0.1", "--media-workers", "2"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the built server");
        let stdout = child.stdout.take().expect("piped");
        let line = BufReader::new(stdout).lines().next().expect("a line").expect("text");
        let url = line.strip_prefix("listening on ").expect("the address").to_owned();
        Self { child, url }
    }

    /// Asks it to end, as a service manager does, and waits.
    fn terminate(&mut self) -> std::process::ExitStatus {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill").success());
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let server = Process::start(&["--in-memory"]);
    for path in ["/", "/healthz", "/metrics", "/no/such/page", "/api/v1/rooms/bad/tokens"] {
        let response = reqwest::get(format!("{}{path}", server.url)).await.expect("an answer");
        let policy = &response.headers()["content-security-policy"];
        assert!(policy.to_str().expect("text").starts_with("default-src 'none'"), "{path}");
        assert_eq!(response.headers()["cross-origin-embedder-policy"], "require-corp", "{path}");
    }
}

#[tokio::test]
async fn it_tells_its_health_and_its_figures() {
    let server = Process::start(&["--in-memory"]);
    let health = reqwest::get(format!("{}/healthz", server.url)).await.expect("an answer");
    assert!(health.status().is_success());
    let figures = reqwest::get(format!("{}/metrics", server.url)).await.expect("an answer");
    let figures = figures.text().await.expect("text");
    assert!(figures.contains("orange_rooms"), "{figures}");
    assert!(figures.contains("orange_sfu_forwarded_packets_total"), "{figures}");
}

#[tokio::test]
async fn a_room_outlives_a_restart_and_an_unknown_one_is_refused_in_words() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().join("data");
    let arguments = ["--data", folder.to_str().expect("text")];
    let client = reqwest::Client::new();

    let mut first = Process::start(&arguments);
    let made = client.post(format!("{}/api/v1/rooms", first.url)).send().await.expect("an answer");
    let room = made.json::<RoomCreated>().await.expect("a room").room;
    assert!(first.terminate().success(), "SIGTERM is an orderly end");

    let second = Process::start(&arguments);
    let token = |room: String| client.post(format!("{}/api/v1/rooms/{room}/tokens", second.url));
    let known = token(room.to_string()).send().await.expect("an answer");
    assert!(known.status().is_success(), "{known:?}");
    let unknown = token("A".repeat(22)).send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);
    let refusal = unknown.json::<Refusal>().await.expect("a refusal");
    assert_eq!(refusal.code, RefusalCode::UnknownRoom);
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
        .args(["serve", "--in-memory", "--media-port", "0", "--http", &address])
        .output()
        .expect("the built server");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(&address) && words.contains("--http"), "{words}");
}
