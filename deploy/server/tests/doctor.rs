//! `orange-meets doctor` against the real process, and with something in the way.

mod support;

use std::process::Command;

use signaling_protocol::limits;
use support::Process;
use support::https::free_address;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// What it says about a URL, and whether all is well.
async fn doctor(url: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orange-meets"));
    command.args(["doctor", "--url", url]);
    let done = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
    let output = done.expect("the built server");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A proxy that has some texts of each side's replaced by others of the same length.
async fn proxy(server: &Process, asked: Replaced, answered: Replaced) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = server.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("the server");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(hand_on(from_client, to_server, asked.clone()));
            tokio::spawn(hand_on(from_server, to_client, answered.clone()));
        }
    });
    url
}

type Replaced = Vec<(String, String)>;

async fn hand_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    replaced: Replaced,
) {
    let mut buffer = vec![0; limits::MESSAGE_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = &mut buffer[..length];
        for (old, new) in &replaced {
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

/// The UDP ports of a server's workers.
fn media_ports(server: &Process) -> Vec<String> {
    let log = server.logged();
    let (_, rest) = log.split_once("media_ports=[").expect("it serves");
    let (ports, _) = rest.split_once(']').expect("all of them");
    ports.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn where_all_is_well_it_says_so_after_a_call_to_each_address() {
    let server = Process::start(&["--in-memory", "--advertise", "127.0.0.2"]);
    let (well, words) = doctor(&server.url).await;
    assert!(well, "{words}");
    for good in ["good  name", "good  server", "good  clock", "good  socket"] {
        assert!(words.contains(good), "{good}: {words}");
    }
    for address in ["127.0.0.1:", "127.0.0.2:"] {
        assert!(words.contains(&format!("good  media: connected to {address}")), "{words}");
    }
}

#[tokio::test]
async fn its_own_meeting_is_gone_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    assert!(doctor(&server.url).await.0);
    let told = String::from_utf8(server.rooms(&["list"], &token).stdout).expect("text");
    assert_eq!(told.lines().count(), 1, "the heading alone: {told}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let (well, words) = doctor(&format!("http://{}", free_address())).await;
    assert!(!well);
    assert!(
        words.contains("BAD   server") && words.contains("fix: see whether it runs"),
        "{words}"
    );
}

#[tokio::test]
async fn one_that_drains_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    let server =
        Process::start(&["--in-memory", "--admin-token-file", token.to_str().expect("text")]);
    assert!(server.rooms(&["drain"], &token).status.success());
    let (well, words) = doctor(&server.url).await;
    assert!(!well && words.contains("draining") && words.contains("rooms resume"), "{words}");
}

#[tokio::test]
async fn a_proxy_that_changes_the_host_is_told() {
    let server = Process::start(&["--in-memory"]);
    let changed = vec![("\r\nHost: 127.0.0.1:".to_owned(), "\r\nHost: 127.0.0.2:".to_owned())];
    let (well, words) = doctor(&proxy(&server, changed, Vec::new()).await).await;
    assert!(!well && words.contains("BAD   socket") && words.contains("changes `Host`"), "{words}");
}

#[tokio::test]
async fn media_that_does_not_come_back_is_told_by_its_address() {
    let server = Process::start(&["--in-memory"]);
    // Who listens there says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let elsewhere = silent.local_addr().expect("bound").port();
    let replaced = media_ports(&server)
        .into_iter()
        .map(|port| (format!(" {port} typ host"), format!(" {elsewhere} typ host")));
    let (well, words) = doctor(&proxy(&server, Vec::new(), replaced.collect()).await).await;
    assert!(!well, "{words}");
    let told = format!("BAD   media: 127.0.0.1:{elsewhere} by UDP: nothing comes back");
    assert!(words.contains(&told) && words.contains("nobody here could be heard"), "{words}");
}

/// coturn on loopback, with this secret, that relays to this address alone.
struct Turn(std::process::Child);

impl Turn {
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

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_relay_that_works_is_told_and_one_that_does_not_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "known-to-both-of-them\n").expect("written");
    let [well, stranger, barred, nobody] = [(); 4].map(|()| free_address().port());
    let _turns = [
        Turn::start(well, "known-to-both-of-them", "127.0.0.1", folder.path()),
        Turn::start(stranger, "known-to-one", "127.0.0.1", folder.path()),
        Turn::start(barred, "known-to-both-of-them", "127.0.0.9", folder.path()),
    ];
    for port in [well, stranger, barred] {
        let mut tries = 0;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tries += 1;
            assert!(tries < 1000, "coturn does not listen");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    let tcp = |port| format!("turn:127.0.0.1:{port}?transport=tcp");
    let urls =
        [tcp(well), format!("turn:127.0.0.1:{well}"), tcp(stranger), tcp(barred), tcp(nobody)];
    let server = Process::start(&[
        "--in-memory",
        "--advertise",
        "127.0.0.1",
        "--turn-urls",
        &urls.join(","),
        "--turn-secret-file",
        secret.to_str().expect("text"),
    ]);
    let (all_is_well, words) = doctor(&server.url).await;
    assert!(!all_is_well, "{words}");
    for url in &urls[..2] {
        assert!(
            words.contains(&format!("good  relay: {url} lends the port 127.0.0.1:")),
            "{words}"
        );
    }
    for (url, told) in urls[2..].iter().zip([
        "it does not take the credentials",
        "it may not relay to the server: error 403",
        "no connection",
    ]) {
        assert!(words.contains(&format!("BAD   relay: {url}: {told}")), "{told}: {words}");
    }
    assert!(words.contains("static-auth-secret") && words.contains("turn_peer"), "{words}");
}
