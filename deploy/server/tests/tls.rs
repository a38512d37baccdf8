//! HTTPS by the real process.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use support::Process;
use support::https::{free_address, get};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// A self-signed certificate, written where the server finds it.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["meet.example".to_owned()]).expect("made");
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    made.cert.into()
}

fn server(folder: &Path) -> (Process, SocketAddr) {
    let address = free_address();
    let path = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let server = Process::start(&[
        "--in-memory",
        "--https",
        &address.to_string(),
        "--tls-certificate-file",
        &path("chain.pem"),
        "--tls-key-file",
        &path("key.pem"),
    ]);
    (server, address)
}

#[tokio::test]
async fn the_page_s_origin_is_served_over_https_and_the_probes_go_on_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = certificate(folder.path());
    let (server, address) = server(folder.path());
    let answer = get(address, "/readyz", &trusted).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let plain = reqwest::get(format!("{}/readyz", server.url)).await.expect("an answer");
    assert!(plain.status().is_success());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = certificate(folder.path());
    let (_server, address) = server(folder.path());
    assert!(get(address, "/livez", &first).await.is_ok());

    std::fs::write(folder.path().join("chain.pem"), "no certificate").expect("written");
    // Longer than it takes to look at the files twice: that nothing happens cannot be awaited.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(get(address, "/livez", &first).await.is_ok(), "the last good one");

    let second = certificate(folder.path());
    let deadline = Instant::now() + PATIENCE;
    while get(address, "/livez", &second).await.is_err() {
        assert!(Instant::now() < deadline, "the new one is not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(get(address, "/livez", &first).await.is_err(), "the old one is not");
}

#[tokio::test]
async fn one_who_says_nothing_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = certificate(folder.path());
    let (_server, address) = server(folder.path());
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let answer = tokio::time::timeout(Duration::from_secs(5), get(address, "/livez", &trusted));
    let answer = answer.await.expect("long before the silent ones are given up");
    assert!(answer.expect("an answer").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_key_of_another_certificate_ends_the_start_with_a_word_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path());
    let chain = std::fs::read(folder.path().join("chain.pem")).expect("written");
    certificate(folder.path());
    std::fs::write(folder.path().join("chain.pem"), chain).expect("written");
    let path = |name: &str| folder.path().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
        .args(["serve", "--in-memory", "--media-port", "0", "--http", "127.0.0.1:0"])
        .args(["--https", "127.0.0.1:0", "--tls-certificate-file"])
        .arg(path("chain.pem"))
        .arg("--tls-key-file")
        .arg(path("key.pem"))
        .output()
        .expect("the built server");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("cannot be used together"), "{words}");
}
