//! What the process itself takes, by the names that Prometheus' own clients give it. The collector
//! of the crate `prometheus` tells whole seconds of processor time, too coarse to measure by.

use std::fs;
use std::sync::Mutex;
use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge};

/// Clock ticks a second in `/proc` (`USER_HZ`, 100 on every Linux that Rust runs on).
const TICKS_PER_SECOND: f64 = 100.0;

/// Read anew whenever somebody asks. What the system does not tell stays at zero.
#[derive(Debug)]
pub(crate) struct ProcessFigures {
    cpu: Counter,
    memory: IntGauge,
    files: IntGauge,
    started: Gauge,
    /// One reading at a time: the counter grows by the difference.
    reading: Mutex<()>,
}

impl ProcessFigures {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let cpu = "Processor time of the server, user and system.";
        let started = Gauge::new("process_start_time_seconds", "When it began, since 1970.")?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        started.set(since.as_secs_f64());
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", cpu)?,
            memory: IntGauge::new("process_resident_memory_bytes", "Memory of the server.")?,
            files: IntGauge::new("process_open_fds", "Open files and sockets of the server.")?,
            started,
            reading: Mutex::new(()),
        })
    }

    fn read(&self) {
        // Nothing is left half done under it.
        let _alone = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(seconds) = cpu_seconds() {
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        self.memory.set(resident_bytes().unwrap_or(0));
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.files.set(i64::try_from(files).unwrap_or(i64::MAX));
    }
}

impl Collector for ProcessFigures {
    fn desc(&self) -> Vec<&Desc> {
        [self.cpu.desc(), self.memory.desc(), self.files.desc(), self.started.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        let all = [&self.cpu as &dyn Collector, &self.memory, &self.files, &self.started];
        all.into_iter().flat_map(Collector::collect).collect()
    }
}

/// User and system time (proc(5): `/proc/self/stat`, fields 14 and 15).
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command name may hold spaces; it ends with the last parenthesis.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

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
    fn what_was_worked_is_counted_finer_than_by_seconds() {
        let figures = ProcessFigures::new().expect("well-named");
        figures.read();
        let before = figures.cpu.get();
        // A tick is ten milliseconds; this ends once some were worked.
        let mut sum = 0_u64;
        while cpu_seconds().is_some_and(|now| now < before + 0.03) {
            sum = (0..100_000).fold(sum, |sum: u64, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        figures.read();
        let worked = figures.cpu.get() - before;
        assert!(worked >= 0.03 - 1e-9, "{worked} ({sum})");
        assert!(figures.memory.get() > 1_000_000 && figures.files.get() > 2);
        assert_eq!(figures.collect().len(), figures.desc().len());
    }
}
