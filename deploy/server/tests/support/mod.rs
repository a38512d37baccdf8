//! Runs the real process in tests.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod acme_server;
pub mod https;
pub mod participant;
pub mod tls_alpn;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A server process, killed on drop.
pub struct Process {
    child: Child,
    pub url: String,
    /// The URL of the administration API.
    pub admin: String,
    log: tempfile::NamedTempFile,
}

impl Process {
    /// Starts the server on free loopback ports.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with_log_filter(arguments, "info")
    }

    /// Starts the server with this value of `RUST_LOG`.
    pub fn start_with_log_filter(arguments: &[&str], filter: &str) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_orange-meets"))
            .args(["serve", "--http", "127.0.0.1:0", "--media-port", "0"])
            .args(["--advertise", "127.0.0.1", "--media-workers", "2", "--admin", "127.0.0.1:0"])
            .args(arguments)
            .env("RUST_LOG", filter)
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("a file"))
            .spawn()
            .expect("the built server");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let mut announced = |what: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(what).expect("the address").to_owned()
        };
        let admin = announced("administration on ");
        let url = announced("listening on ");
        Self { child, url, admin, log }
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).expect("text")
    }

    /// Runs `orange-meets rooms` against the server.
    pub fn rooms(&self, arguments: &[&str], token: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_orange-meets"))
            .args(["rooms", "--admin", self.admin.trim_start_matches("http://")])
            .arg("--admin-token-file")
            .arg(token)
            .args(arguments)
            .output()
            .expect("the built server")
    }

    /// Sends a signal, for example `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// Sends SIGTERM, and waits until the process ends.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until the process ends, for up to thirty seconds, as the machine may be busy.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
