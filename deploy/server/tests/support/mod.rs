//! The real process, for the tests.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of one's own; gone with the test.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// Serves on free loopback ports.
    pub fn start(arguments: &[&str]) -> Self {
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
