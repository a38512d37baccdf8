//! The real process, for the tests.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

pub mod directory;
pub mod https;
pub mod person;
pub mod proof;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A server of one's own; gone with the test.
pub struct Process {
    child: Child,
    pub url: String,
    /// Where whoever runs it comes in.
    pub admin: String,
    log: tempfile::NamedTempFile,
}

impl Process {
    /// Serves on free loopback ports.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_logging(arguments, "info")
    }

    /// The same, and logs by this filter.
    pub fn start_logging(arguments: &[&str], filter: &str) -> Self {
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

    /// All that it has logged so far.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log.path()).expect("text")
    }

    /// What `orange-meets rooms` says about it.
    pub fn rooms(&self, arguments: &[&str], token: &Path) -> Output {
        Command::new(env!("CARGO_BIN_EXE_orange-meets"))
            .args(["rooms", "--admin", self.admin.trim_start_matches("http://")])
            .arg("--admin-token-file")
            .arg(token)
            .args(arguments)
            .output()
            .expect("the built server")
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(told.expect("kill").success());
    }

    /// Asks it to end, as a service manager does, and waits.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for its end, for thirty seconds: the machine may be busy.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
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
