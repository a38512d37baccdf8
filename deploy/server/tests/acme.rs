//! ACME certificates of the real process, from a test ACME server.

mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::Process;
use support::acme_server::AcmeServer;
use support::https::{free_address, get};
use support::tls_alpn::challenge_digest;

const DEADLINE: Duration = Duration::from_secs(30);

struct Scene {
    folder: tempfile::TempDir,
    address: SocketAddr,
    acme: AcmeServer,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let root = folder.path().join("root.pem");
        let acme = AcmeServer::start("meet.example", address, &root).await;
        Self { folder, address, acme }
    }

    fn server(&self) -> Process {
        self.server_at(self.address)
    }

    fn server_at(&self, https: SocketAddr) -> Process {
        let path = |name: &str| self.folder.path().join(name).to_str().expect("text").to_owned();
        let (https, data, root) = (https.to_string(), path("data"), path("root.pem"));
        let own = ["--acme", "--https", &https, "--domain", "meet.example", "--data", &data];
        let directory = ["--acme-directory", &self.acme.url, "--acme-root-file", root.as_str()];
        Process::start(&[&own[..], &directory[..]].concat())
    }

    /// Waits until the server answers over HTTPS with a certificate of the ACME server.
    async fn wait_until_served(&self, server: &Process) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match get(self.address, "/livez", &self.acme.root).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => return,
                Ok(answer) => panic!("{answer}"),
                Err(error) => assert!(Instant::now() < deadline, "{error}: {}", server.log()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn expiry(server: &Process) -> i64 {
    let metrics = reqwest::get(format!("{}/metrics", server.admin)).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("orange_certificate_expiry_seconds "));
    line.expect("the metric").parse::<f64>().expect("a number") as i64
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found
}

#[tokio::test]
async fn the_server_obtains_a_certificate_and_stores_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let scene = Scene::new().await;
    let mut first = scene.server();
    scene.wait_until_served(&first).await;
    assert_eq!(scene.acme.orders(), 1);
    let in_ninety_days = std::time::SystemTime::now() + Duration::from_secs(90 * 24 * 3600);
    let in_ninety_days = in_ninety_days.duration_since(std::time::UNIX_EPOCH).expect("later");
    let off = expiry(&first).await - in_ninety_days.as_secs() as i64;
    assert!(off.abs() < 120, "{off}");
    for file in files(&scene.folder.path().join("data/acme")) {
        let mode = std::fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    // After the validation, the challenge certificate is no longer served.
    assert!(challenge_digest(scene.address, "meet.example").await.is_err());

    assert!(first.terminate().success());
    let second = scene.server();
    scene.wait_until_served(&second).await;
    assert_eq!(scene.acme.orders(), 1, "the stored certificate is used");
}

#[tokio::test]
async fn a_certificate_is_renewed_after_two_thirds_of_its_validity() {
    let scene = Scene::new().await;
    scene.acme.set_validity(8);
    let server = scene.server();
    scene.wait_until_served(&server).await;
    let first = expiry(&server).await;
    scene.acme.set_validity(90 * 24 * 3600);
    let deadline = Instant::now() + DEADLINE;
    while expiry(&server).await == first {
        assert!(Instant::now() < deadline, "it is not renewed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    scene.wait_until_served(&server).await;
    assert_eq!(scene.acme.orders(), 2);
}

#[tokio::test]
async fn without_a_certificate_the_reason_is_logged_and_http_is_served() {
    let scene = Scene::new().await;
    // Nothing listens where the ACME server expects the domain's port 443.
    let server = scene.server_at(free_address());
    let deadline = Instant::now() + DEADLINE;
    while !server.log().contains("could not validate the domain") {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(server.log().contains("wrong certificate"), "{}", server.log());
    let plain = reqwest::get(format!("{}/readyz", server.url)).await.expect("an answer");
    assert!(plain.status().is_success());
}

#[tokio::test]
async fn plain_http_requests_are_redirected_to_the_domain_whatever_their_host() {
    let address = free_address();
    let _server = Process::start(&[
        "--in-memory",
        "--redirect",
        &address.to_string(),
        "--domain",
        "meet.example",
    ]);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client");
    let request = client.get(format!("http://{address}/a-room?x=1")).header("host", "evil.example");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 308);
    assert_eq!(answer.headers()["location"], "https://meet.example/a-room?x=1");
}
