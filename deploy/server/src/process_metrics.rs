//! Metrics of the process itself, under the names that Prometheus' own client libraries use. The
//! collector of the `prometheus` crate reports CPU time in whole seconds, too coarse to measure by.

use std::fs;
use std::sync::Mutex;
use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge};

/// Clock ticks per second in `/proc` (`USER_HZ`, 100 on every Linux that Rust runs on).
const TICKS_PER_SECOND: f64 = 100.0;

/// Collects CPU time, memory and open files at every scrape. A value that the system does not
/// report stays at zero.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    cpu: Counter,
    memory: IntGauge,
    open_files: IntGauge,
    start_time: Gauge,
    /// Serializes updates: the CPU counter grows by the difference to its last value.
    updating: Mutex<()>,
}

impl ProcessMetrics {
    /// Creates the metrics; the process counts as started now.
    ///
    /// # Errors
    /// A metric's name is invalid.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let start_time = Gauge::new(
            "process_start_time_seconds",
            "Start time of the process in seconds since the Unix epoch.",
        )?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        start_time.set(now.as_secs_f64());
        Ok(Self {
            cpu: Counter::new(
                "process_cpu_seconds_total",
                "User and system CPU time of the process in seconds.",
            )?,
            memory: IntGauge::new(
                "process_resident_memory_bytes",
                "Resident memory of the process in bytes.",
            )?,
            open_files: IntGauge::new(
                "process_open_fds",
                "Open file descriptors of the process, including sockets.",
            )?,
            start_time,
            updating: Mutex::new(()),
        })
    }

    fn update(&self) {
        // The lock protects no data, so a poisoned one is as good.
        let _guard = self.updating.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(seconds) = cpu_seconds() {
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        self.memory.set(resident_bytes().unwrap_or(0));
        let open_files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_files.set(i64::try_from(open_files).unwrap_or(i64::MAX));
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.cpu.desc(), self.memory.desc(), self.open_files.desc(), self.start_time.desc()]
            .concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.update();
        let metrics =
            [&self.cpu as &dyn Collector, &self.memory, &self.open_files, &self.start_time];
        metrics.into_iter().flat_map(Collector::collect).collect()
    }
}

/// Returns user plus system time (proc(5): `/proc/self/stat`, fields 14 and 15).
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command name may contain spaces; it ends with the last parenthesis.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// Returns the resident set size (proc(5): `VmRSS` of `/proc/self/status`, in KiB there).
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_counted_in_fractions_of_a_second() {
        let metrics = ProcessMetrics::new().expect("valid names");
        metrics.update();
        let before = metrics.cpu.get();
        // A tick is ten milliseconds; the loop ends once three of them were used.
        let mut sum = 0_u64;
        while cpu_seconds().is_some_and(|now| now < before + 0.03) {
            sum = (0..100_000).fold(sum, |sum: u64, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        metrics.update();
        let used = metrics.cpu.get() - before;
        assert!(used >= 0.03 - 1e-9, "{used} ({sum})");
        assert!(metrics.memory.get() > 1_000_000 && metrics.open_files.get() > 2);
        assert_eq!(metrics.collect().len(), metrics.desc().len());
    }
}
