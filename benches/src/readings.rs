//! What the system tells of the server and of this bench at one moment.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::server::{Server, TICKS_PER_SECOND, cpu_of};

/// Readings of one moment.
pub(crate) struct Reading {
    pub(crate) at: Instant,
    pub(crate) server_cpu: Option<Duration>,
    /// Of it, what the threads that forward media have spent.
    pub(crate) media_cpu: Option<Duration>,
    pub(crate) bench_cpu: Duration,
    /// What all processors have worked.
    pub(crate) machine_cpu: Option<Duration>,
    /// Datagrams that found a full receive buffer, by the socket's port.
    pub(crate) dropped: HashMap<u16, u64>,
    /// How long packets take through the server: `orange_sfu_forward_seconds`.
    pub(crate) forward: Buckets,
}

impl Reading {
    pub(crate) async fn take(server: &Server) -> Result<Self, BenchError> {
        // The metrics first: fetching them costs the server something.
        let forward = Buckets::parse(&server.metrics().await?, "orange_sfu_forward_seconds");
        Ok(Self {
            at: Instant::now(),
            server_cpu: server.cpu().await?,
            media_cpu: server.media_cpu(),
            bench_cpu: cpu_of(std::process::id())?,
            machine_cpu: machine_cpu(),
            dropped: dropped(),
            forward,
        })
    }

    /// Datagrams dropped on these ports since `before`.
    pub(crate) fn dropped_since(&self, before: &Self, ports: &[u16]) -> u64 {
        let count = |reading: &Self, port| reading.dropped.get(port).copied().unwrap_or(0);
        ports.iter().map(|port| count(self, port).saturating_sub(count(before, port))).sum()
    }
}

/// The counts of a Prometheus histogram, cumulated, by upper bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Buckets(Vec<(f64, f64)>);

impl Buckets {
    fn parse(metrics: &str, name: &str) -> Self {
        let prefix = format!("{name}_bucket{{");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for line in metrics.lines().filter_map(|line| line.strip_prefix(&prefix)) {
            let Some((labels, count)) = line.rsplit_once(' ') else { continue };
            let bound = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next());
            let bound = bound.and_then(|bound| bound.replace("+Inf", "inf").parse().ok());
            let (Some(bound), Ok(count)) = (bound, count.parse::<f64>()) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((bound, count)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(buckets)
    }

    /// A quantile of what was counted since `before`, by interpolation within its bucket.
    pub(crate) fn quantile_since(&self, before: &Self, quantile: f64) -> Option<f64> {
        let earlier = |bound: f64| {
            before.0.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count)
        };
        let counts: Vec<(f64, f64)> =
            self.0.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
        let total = counts.last()?.1;
        if total <= 0.0 {
            return None;
        }
        let wanted = total * quantile;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in counts {
            if count >= wanted {
                let share = if count > below { (wanted - below) / (count - below) } else { 1.0 };
                return Some(if bound.is_finite() { low + (bound - low) * share } else { low });
            }
            (low, below) = (bound, count);
        }
        None
    }
}

/// All of the first line of `/proc/stat` but idle time, waiting for disks, and what guests have
/// had, which user time holds already.
fn machine_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let mut numbers = text.lines().next()?.strip_prefix("cpu")?.split_whitespace();
    let mut next = || numbers.next()?.parse::<u64>().ok();
    let busy = next()? + next()? + next()?;
    let (_idle, _disk) = (next()?, next()?);
    let ticks = busy + next()? + next()? + next()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// The last column of `/proc/net/udp`, by local port.
fn dropped() -> HashMap<u16, u64> {
    let mut dropped = HashMap::new();
    for file in ["/proc/net/udp", "/proc/net/udp6"] {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for line in text.lines().skip(1) {
            let mut words = line.split_whitespace();
            let port = words.nth(1).and_then(|address| address.rsplit_once(':'));
            let port = port.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            if let (Some(port), Some(Ok(count))) = (port, words.last().map(str::parse::<u64>)) {
                *dropped.entry(port).or_default() += count;
            }
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_counts_only_what_came_since() {
        let text = |counts: [u32; 3]| {
            format!(
                "# HELP x\nforward_bucket{{le=\"0.001\"}} {}\nforward_bucket{{le=\"0.002\"}} {}\n\
                 forward_bucket{{le=\"+Inf\"}} {}\nforward_sum 3\n",
                counts[0], counts[1], counts[2]
            )
        };
        let before = Buckets::parse(&text([100, 100, 100]), "forward");
        let after = Buckets::parse(&text([150, 200, 200]), "forward");
        let close = |quantile: f64, expected: f64| {
            let found = after.quantile_since(&before, quantile).expect("something came");
            assert!((found - expected).abs() < 1e-9, "{found}");
        };
        close(0.5, 0.001);
        close(0.75, 0.0015);
        close(1.0, 0.002);
        assert_eq!(before.quantile_since(&before, 0.5), None);
        assert_eq!(Buckets::parse("", "forward").quantile_since(&before, 0.5), None);
    }

    #[test]
    fn a_full_buffer_is_seen_in_its_socket() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let target = receiver.local_addr().expect("an address");
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for _ in 0..20_000 {
            sender.send_to(&[0; 1_000], target).expect("loopback takes it");
        }
        assert!(dropped().get(&target.port()).is_some_and(|count| *count > 0));
    }
}
