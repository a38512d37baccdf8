//! The server under test, started here or already running, with its CPU time, memory and metrics.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::BenchError;
use crate::janus::Janus;

/// Clock ticks per second in `/proc` (`USER_HZ`, 100 on every Linux that Rust runs on).
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// The prefix of the names of the server's media threads.
const MEDIA_THREAD_PREFIX: &str = "sfu-";

/// A server under test; a started one is killed on drop.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) url: String,
    /// The URL of its administration address, for metrics.
    admin: Option<String>,
    pid: Option<u32>,
    child: Option<Child>,
    /// Keeps the process running.
    _janus: Option<Janus>,
}

/// The signalling protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OrangeMeets,
    Janus,
}

/// Another SFU to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// Janus with one thread per connection, its default.
    Janus,
    /// Janus with two event loops.
    JanusLoops,
}

impl Server {
    /// Starts this project's server on free loopback ports, in memory, with up to 1,000 participants
    /// per room.
    pub(crate) fn start(binary: &Path) -> Result<Self, BenchError> {
        let mut child = Command::new(binary)
            .args(["serve", "--http", "127.0.0.1:0", "--media-port", "0", "--in-memory"])
            .args(["--advertise", "127.0.0.1", "--admin", "127.0.0.1:0"])
            .args(["--trusted-proxies", "127.0.0.1/32", "--participants-per-room", "1000"])
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| BenchError::Server(format!("{}: {error}", binary.display())))?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| BenchError::Server("the server has no standard output".into()))?;
        let mut admin = None;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let after = |words| line.split(words).nth(1).map(|url| url.trim().to_owned());
            admin = admin.or_else(|| after("administration on "));
            if let (Some(url), Some(admin)) = (after("listening on "), &admin) {
                let mut server = Self::running(&url, Some(admin), Some(child.id()));
                server.child = Some(child);
                return Ok(server);
            }
        }
        let status = child.wait()?;
        Err(BenchError::Server(format!("it ended with {status} before it was listening")))
    }

    /// Returns an already running server.
    pub(crate) fn running(url: &str, admin: Option<&str>, pid: Option<u32>) -> Self {
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        let (name, kind, url, admin) =
            ("orange-meets", Kind::OrangeMeets, trimmed(url), admin.map(trimmed));
        Self { name, kind, url, admin, pid, child: None, _janus: None }
    }

    /// Starts another SFU.
    pub(crate) fn start_peer(peer: Peer) -> Result<Self, BenchError> {
        let (name, loops) = match peer {
            Peer::Janus => ("janus", None),
            Peer::JanusLoops => ("janus-loops", Some(2)),
        };
        let janus = Janus::start(loops)?;
        let (url, pid) = (janus.url.clone(), Some(janus.pid()));
        Ok(Self {
            name,
            kind: Kind::Janus,
            url,
            admin: None,
            pid,
            child: None,
            _janus: Some(janus),
        })
    }

    /// Returns the CPU time used so far, from the process or its metrics, if available.
    pub(crate) async fn cpu(&self) -> Result<Option<Duration>, BenchError> {
        match self.pid {
            Some(pid) => cpu_of(pid).map(Some),
            None => {
                let seconds = self.metric("process_cpu_seconds_total").await?;
                Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
            }
        }
    }

    /// Returns the CPU time of the media threads, if the process is on this machine.
    pub(crate) fn media_cpu(&self) -> Option<Duration> {
        if self.kind == Kind::Janus {
            return None;
        }
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid?)).ok()?;
        let cpu_of_task = |task: std::fs::DirEntry| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let nanos = times.split(' ').next()?.parse().ok()?;
            name.starts_with(MEDIA_THREAD_PREFIX).then(|| Duration::from_nanos(nanos))
        };
        Some(tasks.flatten().filter_map(cpu_of_task).sum())
    }

    /// Returns the resident memory in bytes, from the process or its metrics, if available.
    pub(crate) async fn memory(&self) -> Result<Option<u64>, BenchError> {
        match self.pid {
            Some(pid) => memory_of(pid),
            None => {
                let bytes = self.metric("process_resident_memory_bytes").await?;
                Ok(bytes.map(|bytes| bytes as u64))
            }
        }
    }

    /// Returns all metrics in Prometheus' text format; empty without an administration address.
    pub(crate) async fn metrics(&self) -> Result<String, BenchError> {
        let Some(admin) = &self.admin else { return Ok(String::new()) };
        Ok(reqwest::get(format!("{admin}/metrics")).await?.text().await?)
    }

    async fn metric(&self, name: &str) -> Result<Option<f64>, BenchError> {
        let text = self.metrics().await?;
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(found.and_then(|value| value.trim().parse().ok()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails if it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns the resident memory of a process in bytes.
pub(crate) fn memory_of(pid: u32) -> Result<Option<u64>, BenchError> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    Ok(kib.map(|kib| kib * 1024))
}

/// Returns the user plus system time of a process (proc(5): `/proc/pid/stat`, fields 14 and 15).
pub(crate) fn cpu_of(pid: u32) -> Result<Duration, BenchError> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command name may contain spaces; it ends with the last parenthesis.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}
