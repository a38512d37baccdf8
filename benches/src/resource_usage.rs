//! CPU time, dropped datagrams and forwarding delays, sampled before and after a measurement.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::server::{Server, TICKS_PER_SECOND, cpu_of};

/// The counters at one moment.
pub(crate) struct ResourceUsage {
    pub(crate) at: Instant,
    /// CPU time of the server process.
    pub(crate) server_cpu: Option<Duration>,
    /// CPU time of the server's media threads.
    pub(crate) media_cpu: Option<Duration>,
    /// CPU time of this process.
    pub(crate) bench_cpu: Duration,
    /// CPU time of the whole machine.
    pub(crate) machine_cpu: Option<Duration>,
    /// Datagrams dropped because of a full receive buffer, by local port.
    pub(crate) dropped: HashMap<u16, u64>,
    /// The server's forwarding delays, from its metric `orange_sfu_forward_seconds`.
    pub(crate) forward: HistogramBuckets,
}

impl ResourceUsage {
    /// Reads all counters.
    pub(crate) async fn sample(server: &Server) -> Result<Self, BenchError> {
        // The metrics come first, as fetching them uses the server's CPU.
        let forward =
            HistogramBuckets::parse(&server.metrics().await?, "orange_sfu_forward_seconds");
        Ok(Self {
            at: Instant::now(),
            server_cpu: server.cpu().await?,
            media_cpu: server.media_cpu(),
            bench_cpu: cpu_of(std::process::id())?,
            machine_cpu: machine_cpu(),
            dropped: dropped_datagrams(),
            forward,
        })
    }

    /// Returns the number of datagrams dropped on these ports since `before`.
    pub(crate) fn dropped_since(&self, before: &Self, ports: &[u16]) -> u64 {
        let count = |usage: &Self, port| usage.dropped.get(port).copied().unwrap_or(0);
        ports.iter().map(|port| count(self, port).saturating_sub(count(before, port))).sum()
    }
}

/// The cumulative counts of a Prometheus histogram, by upper bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HistogramBuckets(Vec<(f64, f64)>);

impl HistogramBuckets {
    /// Parses the histogram `name`, summed over all label values.
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

    /// Returns a quantile of the values counted since `before`, interpolated within its bucket.
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
        let rank = total * quantile;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in counts {
            if count >= rank {
                let share = if count > below { (rank - below) / (count - below) } else { 1.0 };
                return Some(if bound.is_finite() { low + (bound - low) * share } else { low });
            }
            (low, below) = (bound, count);
        }
        None
    }
}

/// Returns the busy time of all processors: the first line of `/proc/stat` without idle time, I/O
/// wait, and guest time, which is part of user time.
fn machine_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let mut numbers = text.lines().next()?.strip_prefix("cpu")?.split_whitespace();
    let mut next = || numbers.next()?.parse::<u64>().ok();
    let busy = next()? + next()? + next()?;
    let (_idle, _disk) = (next()?, next()?);
    let ticks = busy + next()? + next()? + next()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// Returns the last column of `/proc/net/udp`, by local port.
fn dropped_datagrams() -> HashMap<u16, u64> {
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
    fn a_quantile_covers_only_values_since_the_first_sample() {
        let text = |counts: [u32; 3]| {
            format!(
                "# HELP x\nforward_bucket{{le=\"0.001\"}} {}\nforward_bucket{{le=\"0.002\"}} {}\n\
                 forward_bucket{{le=\"+Inf\"}} {}\nforward_sum 3\n",
                counts[0], counts[1], counts[2]
            )
        };
        let before = HistogramBuckets::parse(&text([100, 100, 100]), "forward");
        let after = HistogramBuckets::parse(&text([150, 200, 200]), "forward");
        let assert_quantile = |quantile: f64, expected: f64| {
            let found = after.quantile_since(&before, quantile).expect("values");
            assert!((found - expected).abs() < 1e-9, "{found}");
        };
        assert_quantile(0.5, 0.001);
        assert_quantile(0.75, 0.0015);
        assert_quantile(1.0, 0.002);
        assert_eq!(before.quantile_since(&before, 0.5), None);
        assert_eq!(HistogramBuckets::parse("", "forward").quantile_since(&before, 0.5), None);
    }

    #[test]
    fn datagrams_dropped_by_a_full_buffer_are_counted() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let target = receiver.local_addr().expect("an address");
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for _ in 0..20_000 {
            sender.send_to(&[0; 1_000], target).expect("loopback accepts it");
        }
        assert!(dropped_datagrams().get(&target.port()).is_some_and(|count| *count > 0));
    }
}
