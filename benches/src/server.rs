//! The server under test: started here or already running; its CPU time, memory and metrics.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::BenchError;

/// Clock ticks a second in `/proc` (`USER_HZ`, 100 on every Linux that Rust runs on).
const TICKS_PER_SECOND: u64 = 100;

pub(crate) struct Server {
    pub(crate) url: String,
    pid: Option<u32>,
    child: Option<Child>,
}

impl Server {
    /// Starts a server on free loopback ports, with its log in memory.
    pub(crate) fn start(binary: &Path) -> Result<Self, BenchError> {
        let mut child = Command::new(binary)
            .args(["serve", "--http", "127.0.0.1:0", "--media-port", "0", "--in-memory"])
            .args(["--advertise", "127.0.0.1"])
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| BenchError::Server(format!("{}: {error}", binary.display())))?;
        let stdout =
            child.stdout.take().ok_or_else(|| BenchError::Server("it has no output".into()))?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some(url) = line.split("listening on ").nth(1) {
                let url = url.trim().to_owned();
                let pid = Some(child.id());
                return Ok(Self { url, pid, child: Some(child) });
            }
        }
        let status = child.wait()?;
        Err(BenchError::Server(format!("it ended with {status} before it listened")))
    }

    /// A server that somebody else started.
    pub(crate) fn running(url: String, pid: Option<u32>) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), pid, child: None }
    }

    /// CPU time spent so far, where its process can be seen.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>, BenchError> {
        self.pid.map(cpu_of).transpose()
    }

    /// Resident memory in bytes, where its process can be seen.
    pub(crate) fn memory(&self) -> Result<Option<u64>, BenchError> {
        let Some(pid) = self.pid else { return Ok(None) };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok());
        Ok(kib.map(|kib| kib * 1024))
    }

    /// The sum of a metric over those of its label sets that contain all the given parts.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, BenchError> {
        let text = reqwest::get(format!("{}/metrics", self.url)).await?.text().await?;
        let mut sum = 0.0;
        let mut seen = false;
        for line in text.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (metric, set) = series.split_once('{').unwrap_or((series, ""));
            if metric == name && labels.iter().all(|label| set.contains(label)) {
                sum += value.parse::<f64>().unwrap_or(0.0);
                seen = true;
            }
        }
        if seen { Ok(sum) } else { Err(BenchError::Broken(format!("/metrics has no {name}"))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; there is nothing more to do then.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Datagrams that found a full receive buffer, on the whole machine since it started (RFC 4113
/// `udpInErrors`, of which Linux counts these apart). None where there is no such count.
pub(crate) fn overflowed_datagrams() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/net/snmp").ok()?;
    let mut udp = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (udp.next()?, udp.next()?);
    let at = names.split_whitespace().position(|name| name == "RcvbufErrors")?;
    values.split_whitespace().nth(at)?.parse().ok()
}

/// User and system time of a process (proc(5): `/proc/pid/stat`, fields 14 and 15).
pub(crate) fn cpu_of(pid: u32) -> Result<Duration, BenchError> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command name may hold spaces; it ends with the last parenthesis.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}
