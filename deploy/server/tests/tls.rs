//! HTTPS of the real process with a certificate from files.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use support::Process;
use support::https::{free_address, get};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(30);

/// Creates a self-signed certificate, and writes it and its key into the folder.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let created = rcgen::generate_simple_self_signed(["meet.example".to_owned()]).expect("created");
    std::fs::write(folder.join("chain.pem"), created.cert.pem()).expect("written");
    std::fs::write(folder.join("key.pem"), created.signing_key.serialize_pem()).expect("written");
    created.cert.into()
}

fn start_server(folder: &Path) -> (Process, SocketAddr) {
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
async fn the_server_answers_over_https_and_still_over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = write_certificate(folder.path());
    let (server, address) = start_server(folder.path());
    let answer = get(address, "/readyz", &trusted).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let plain = reqwest::get(format!("{}/readyz", server.url)).await.expect("an answer");
    assert!(plain.status().is_success());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = write_certificate(folder.path());
    let (_server, address) = start_server(folder.path());
    assert!(get(address, "/livez", &first).await.is_ok());

    std::fs::write(folder.path().join("chain.pem"), "no certificate").expect("written");
    // Longer than two checks of the files; there is no event to wait for.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(get(address, "/livez", &first).await.is_ok(), "the last valid certificate");

    let second = write_certificate(folder.path());
    let deadline = Instant::now() + DEADLINE;
    while get(address, "/livez", &second).await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(get(address, "/livez", &first).await.is_err(), "the old certificate is not used");
}

#[tokio::test]
async fn silent_connections_do_not_delay_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = write_certificate(folder.path());
    let (_server, address) = start_server(folder.path());
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let answer = tokio::time::timeout(Duration::from_secs(5), get(address, "/livez", &trusted));
    let answer = answer.await.expect("before the silent connections time out");
    assert!(answer.expect("an answer").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_key_of_another_certificate_fails_the_start_with_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    write_certificate(folder.path());
    let chain = std::fs::read(folder.path().join("chain.pem")).expect("written");
    write_certificate(folder.path());
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot be used together"), "{stderr}");
}
