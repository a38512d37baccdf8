//! `orange-meets doctor` against the real process, directly and through a faulty proxy.

mod support;

use std::process::Command;

use signaling_protocol::limits;
use support::Process;
use support::https::free_address;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Runs the doctor on a URL; returns `true` if it succeeds, and its output.
async fn doctor(url: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orange-meets"));
    command.args(["doctor", "--url", url]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("the built server");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a proxy that replaces texts in requests and in responses by others of the same length;
/// returns its URL.
async fn proxy(server: &Process, in_requests: Replacements, in_responses: Replacements) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = server.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("the server");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(forward(from_client, to_server, in_requests.clone()));
            tokio::spawn(forward(from_server, to_client, in_responses.clone()));
        }
    });
    url
}

type Replacements = Vec<(String, String)>;

async fn forward(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    replacements: Replacements,
) {
    let mut buffer = vec![0; limits::MESSAGE_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = &mut buffer[..length];
        for (old, new) in &replacements {
            assert_eq!(old.len(), new.len());
            for at in 0..length.saturating_sub(old.len() - 1) {
                if bytes[at..].starts_with(old.as_bytes()) {
                    bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
                }
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// Returns the UDP ports of the server's media workers, from its log.
fn media_ports(server: &Process) -> Vec<String> {
    let log = server.log();
    let (_, rest) = log.split_once("media_ports=[").expect("the server has started");
    let (ports, _) = rest.split_once(']').expect("the end of the list");
    ports.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn all_checks_pass_and_each_advertised_address_is_called() {
    let server = Process::start(&["--in-memory", "--advertise", "127.0.0.2"]);
    let (success, output) = doctor(&server.url).await;
    assert!(success, "{output}");
    for check in ["name", "server", "clock", "socket"] {
        assert!(output.contains(&format!("ok       {check}: ")), "{check}: {output}");
    }
    for address in ["127.0.0.1:", "127.0.0.2:"] {
        assert!(output.contains(&format!("ok       media: connected to {address}")), "{output}");
    }
}

#[tokio::test]
async fn the_test_meeting_is_deleted_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    assert!(doctor(&server.url).await.0);
    let list = String::from_utf8(server.rooms(&["list"], &token).stdout).expect("text");
    assert_eq!(list.lines().count(), 1, "only the heading: {list}");
}

#[tokio::test]
async fn a_server_that_is_not_running_is_reported_with_a_fix() {
    let (success, output) = doctor(&format!("http://{}", free_address())).await;
    assert!(!success);
    assert!(
        output.contains("ERROR    server") && output.contains("fix: check that it runs"),
        "{output}"
    );
}

#[tokio::test]
async fn a_draining_server_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    assert!(server.rooms(&["drain"], &token).status.success());
    let (success, output) = doctor(&server.url).await;
    assert!(!success && output.contains("draining") && output.contains("rooms resume"), "{output}");
}

#[tokio::test]
async fn a_proxy_that_changes_the_host_header_is_reported() {
    let server = Process::start(&["--in-memory"]);
    let changed = vec![("\r\nHost: 127.0.0.1:".to_owned(), "\r\nHost: 127.0.0.2:".to_owned())];
    let (success, output) = doctor(&proxy(&server, changed, Vec::new()).await).await;
    assert!(!success, "{output}");
    assert!(output.contains("ERROR    socket") && output.contains("changes `Host`"), "{output}");
}

#[tokio::test]
async fn a_media_address_that_does_not_answer_is_reported() {
    let server = Process::start(&["--in-memory"]);
    // A socket that never answers.
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let elsewhere = silent.local_addr().expect("bound").port();
    let replacements = media_ports(&server)
        .into_iter()
        .map(|port| (format!(" {port} typ host"), format!(" {elsewhere} typ host")));
    let (success, output) = doctor(&proxy(&server, Vec::new(), replacements.collect()).await).await;
    assert!(!success, "{output}");
    let expected = format!("ERROR    media: 127.0.0.1:{elsewhere} over UDP: no answer");
    assert!(output.contains(&expected), "{output}");
    assert!(output.contains("no media connection works"), "{output}");
}

/// A coturn process on loopback, killed on drop.
struct TurnServer(std::process::Child);

impl TurnServer {
    /// Starts it with a shared secret. It may relay to the address `peer` alone.
    fn start(port: u16, secret: &str, peer: &str, folder: &std::path::Path) -> Self {
        let conf = folder.join(format!("{port}.conf"));
        std::fs::write(&conf, format!("static-auth-secret={secret}\n")).expect("written");
        let binary = std::env::var("TURNSERVER").unwrap_or("/usr/bin/turnserver".to_owned());
        let child = Command::new(binary)
            .args(["--use-auth-secret", "--realm=localhost", "--no-cli", "--no-tls", "--no-dtls"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers"])
            .args(["--denied-peer-ip=0.0.0.0-255.255.255.255", "--simple-log"])
            .arg(format!("--allowed-peer-ip={peer}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--log-file={}", folder.join(format!("{port}.log")).display()))
            .arg(format!("--pidfile={}", folder.join(format!("{port}.pid")).display()))
            .arg(format!("--userdb={}", folder.join(format!("{port}.db")).display()))
            .arg("-c")
            .arg(conf)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("coturn, which `make setup-browser` installs");
        Self(child)
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn turn_servers_that_work_pass_and_others_are_reported_with_a_fix() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "known-to-both-of-them\n").expect("written");
    let [working, wrong_secret, wrong_peer, not_running] = [(); 4].map(|()| free_address().port());
    let _turn_servers = [
        TurnServer::start(working, "known-to-both-of-them", "127.0.0.1", folder.path()),
        TurnServer::start(wrong_secret, "known-to-one", "127.0.0.1", folder.path()),
        TurnServer::start(wrong_peer, "known-to-both-of-them", "127.0.0.9", folder.path()),
    ];
    for port in [working, wrong_secret, wrong_peer] {
        let mut attempts = 0;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            attempts += 1;
            assert!(attempts < 1000, "coturn does not listen");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    let tcp = |port| format!("turn:127.0.0.1:{port}?transport=tcp");
    let urls = [
        tcp(working),
        format!("turn:127.0.0.1:{working}"),
        tcp(wrong_secret),
        tcp(wrong_peer),
        tcp(not_running),
    ];
    let server = Process::start(&[
        "--in-memory",
        "--advertise",
        "127.0.0.1",
        "--turn-urls",
        &urls.join(","),
        "--turn-secret-file",
        secret.to_str().expect("text"),
    ]);
    let (success, output) = doctor(&server.url).await;
    assert!(!success, "{output}");
    for url in &urls[..2] {
        assert!(output.contains(&format!("ok       TURN: {url} allocates 127.0.0.1:")), "{output}");
    }
    for (url, expected) in urls[2..].iter().zip([
        "the TURN server rejects the credentials",
        "the TURN server may not relay to the server: error 403",
        "no connection",
    ]) {
        assert!(
            output.contains(&format!("ERROR    TURN: {url}: {expected}")),
            "{expected}: {output}"
        );
    }
    assert!(output.contains("static-auth-secret") && output.contains("turn_peer"), "{output}");
}
