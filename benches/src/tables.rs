//! Prints the results of several runs as Markdown tables, and writes them as JSON.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BenchError;

/// The input file with the results of the MLS bench.
const MLS: &str = "mls.json";
/// The output file.
const TABLE: &str = "table.json";

/// The results of a load report: name, JSON pointer, divisor and unit.
const LOAD_RESULTS: [(&str, &str, f64, &str); 18] = [
    ("server CPU per forwarded packet", "/cpu_us_per_packet", 1.0, "µs"),
    ("the same in bare `sendto`s", "/cpu_sendtos_per_packet", 1.0, ""),
    ("bare `sendto` of 1,200 B", "/sendto_us", 1.0, "µs"),
    ("forwarded", "/packets_per_second", 1000.0, "k packets/s"),
    ("forwarded per core", "/packets_per_core_second", 1000.0, "k packets/s"),
    ("server CPU", "/server_cores", 0.01, "% of a core"),
    ("server memory per participant", "/memory_bytes_per_participant", 1_048_576.0, "MiB"),
    ("sender to receiver, p50", "/latency_p50_us", 1000.0, "ms"),
    ("sender to receiver, p99", "/latency_p99_us", 1000.0, "ms"),
    ("inside the server, p99", "/forward_p99_us", 1000.0, "ms"),
    ("join to keys", "/first_keys_ms", 1.0, "ms"),
    ("join to connection", "/connected_ms", 1.0, "ms"),
    ("join to first remote frame", "/first_frame_ms", 1.0, "ms"),
    ("frozen video", "/totals/frozen_ms_per_minute", 1.0, "ms per minute"),
    ("overhead per audio frame", "/overhead_bytes_audio", 1.0, "B"),
    ("overhead per video frame", "/overhead_bytes_video", 1.0, "B"),
    ("packets lost", "/totals/lost", 1.0, ""),
    ("dropped because of full buffers of the bench", "/bench/received_dropped", 1.0, ""),
];

/// The columns of the table of scenarios: title, JSON pointer and divisor.
const SCENARIO_COLUMNS: [(&str, &str, f64); 10] = [
    ("packets/s", "/packets_per_second", 1.0),
    ("CPU per packet, µs", "/cpu_us_per_packet", 1.0),
    ("in bare `sendto`s", "/cpu_sendtos_per_packet", 1.0),
    ("in the server p99, ms", "/forward_p99_us", 1000.0),
    ("sender to receiver p50, ms", "/latency_p50_us", 1000.0),
    ("p99, ms", "/latency_p99_us", 1000.0),
    ("join to first frame, ms", "/first_frame_ms", 1.0),
    ("MiB per participant", "/memory_bytes_per_participant", 1_048_576.0),
    ("packets lost", "/totals/lost", 1.0),
    ("other processes, processors", "/bench/other_cores", 1.0),
];

/// The results of the MLS bench: name in the table, and name in its file.
const MLS_RESULTS: [(&str, &str); 6] = [
    ("join, until all have the keys", "join"),
    ("remove, until all have the keys", "remove"),
    ("KeyPackage", "KeyPackage"),
    ("commit that adds one", "join: commit"),
    ("Welcome to one", "join: Welcome"),
    ("commit that removes one", "remove: commit"),
];

/// A row of the table.
#[derive(Debug, Serialize)]
struct ResultRow {
    what: String,
    #[serde(flatten)]
    spread: Spread,
    unit: String,
    /// The median of another implementation, in the same unit.
    other: Option<f64>,
    command: String,
}

/// Minimum, median and maximum over runs, rounds or samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// Prints two tables: one with a row per scenario and server, and one with the micro benchmarks. Also
/// writes all results to a JSON file in the folder.
pub(crate) fn print(folder: &Path, criterion: &Path) -> Result<(), BenchError> {
    let mut out = std::io::stdout();
    print_scenarios(&read_runs(folder)?, &mut out)?;
    let mut rows = criterion_results(criterion)?;
    rows.extend(mls_results(folder)?);
    writeln!(out, "\n| result | min / median / max | command |\n|---|---|---|")?;
    let mut last_command = "";
    for ResultRow { what, spread, unit, other, command } in &rows {
        let other = other.map_or(String::new(), |us| format!(" (crate `sframe`: {us:.2})"));
        let value = format!("{spread} {unit}");
        // An empty cell repeats the command above.
        let cell = if last_command == command { String::new() } else { format!("`{command}`") };
        last_command = command;
        writeln!(out, "| {what} | {}{other} | {cell} |", value.trim_end())?;
    }
    rows.extend(load_results(folder)?);
    Ok(std::fs::write(folder.join(TABLE), serde_json::to_vec_pretty(&rows)?)?)
}

/// Reads all reports `<scenario>.<run>.json` in a folder, by scenario.
pub(crate) fn read_runs(folder: &Path) -> Result<BTreeMap<String, Vec<Value>>, BenchError> {
    let mut runs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((scenario, _)) = name.strip_suffix(".json").and_then(|n| n.rsplit_once('.')) {
            let run = serde_json::from_slice(&std::fs::read(&path)?)?;
            runs.entry(scenario.to_owned()).or_default().push(run);
        }
    }
    Ok(runs)
}

fn print_scenarios(
    runs: &BTreeMap<String, Vec<Value>>,
    out: &mut impl std::io::Write,
) -> Result<(), BenchError> {
    let titles: Vec<&str> = SCENARIO_COLUMNS.iter().map(|(title, ..)| *title).collect();
    writeln!(out, "| scenario | {} |", titles.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(SCENARIO_COLUMNS.len()))?;
    for (name, runs) in runs {
        let cell = |(_, pointer, divisor): (&str, &str, f64)| {
            let spreads = runs.iter().filter_map(|run| Spread::parse(run.pointer(pointer)?));
            let spread = Spread::over(spreads).map(|spread| spread.map(|value| value / divisor));
            spread.map_or("–".to_owned(), |spread| spread.to_string())
        };
        let cells: Vec<String> = SCENARIO_COLUMNS.into_iter().map(cell).collect();
        let (scenario, server) = name.split_once('@').unwrap_or((name, ""));
        let server = if server.is_empty() { String::new() } else { format!(", {server}") };
        writeln!(out, "| {scenario}{server} | {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn load_results(folder: &Path) -> Result<Vec<ResultRow>, BenchError> {
    let mut rows = Vec::new();
    for (scenario, runs) in read_runs(folder)? {
        let Some(command) = runs.first().and_then(load_command) else { continue };
        for (name, pointer, divisor, unit) in LOAD_RESULTS {
            let spreads = runs.iter().filter_map(|run| Spread::parse(run.pointer(pointer)?));
            let Some(spread) = Spread::over(spreads) else { continue };
            rows.push(ResultRow {
                what: format!("{scenario}: {name}"),
                spread: spread.map(|value| value / divisor),
                unit: unit.to_owned(),
                other: None,
                command: command.clone(),
            });
        }
    }
    Ok(rows)
}

/// Returns the command that repeats a run.
fn load_command(run: &Value) -> Option<String> {
    let name = run.pointer("/scenario/name").and_then(Value::as_str)?;
    let command = format!("orange-bench load benches/scenarios/{name}.toml");
    let server = run.pointer("/server").and_then(Value::as_str)?;
    Some(if server == "orange-meets" { command } else { format!("{command} --peer {server}") })
}

/// Reads the results of criterion. The SFrame bench has a group per direction and cipher suite, with a
/// function per implementation; the other benches have groups only.
fn criterion_results(folder: &Path) -> Result<Vec<ResultRow>, BenchError> {
    let mut frames: BTreeMap<(String, u64), BTreeMap<String, Spread>> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        // Without measurements there is no folder.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() && path.ends_with("new") {
                let benchmark: Benchmark = read_json(&path.join("benchmark.json"))?;
                let samples: Samples = read_json(&path.join("sample.json"))?;
                let Some(spread) = samples.micros() else { continue };
                let value = benchmark.value_str.unwrap_or_default();
                if let Some(function) = benchmark.function_id {
                    let group = (benchmark.group_id, value.parse().unwrap_or(0));
                    frames.entry(group).or_default().insert(function, spread);
                } else {
                    let packets = benchmark.throughput.and_then(|throughput| throughput.elements);
                    rows.push(ResultRow {
                        what: format!("{} {value}", benchmark.group_id),
                        spread: spread.map(|micros| micros / packets.unwrap_or(1.0)),
                        unit: if packets.is_some() { "µs per packet" } else { "µs" }.to_owned(),
                        other: None,
                        command: "cargo bench -p orange-bench".to_owned(),
                    });
                }
            } else if path.is_dir() {
                open.push(path);
            }
        }
    }
    let ours = |((group, bytes), by): ((String, u64), BTreeMap<String, Spread>)| {
        Some(ResultRow {
            what: format!("SFrame {group}, {bytes} B"),
            spread: *by.get("ours")?,
            unit: "µs".to_owned(),
            other: by.get("crate sframe").map(|spread| spread.median),
            command: "cargo bench -p orange-bench --bench sframe".to_owned(),
        })
    };
    rows.sort_by(|a, b| a.what.cmp(&b.what));
    rows.extend(frames.into_iter().filter_map(ours));
    Ok(rows)
}

/// Fields of criterion's `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

/// The work of one iteration.
#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Elements")]
    elements: Option<f64>,
}

/// Criterion's `sample.json`: samples of `iters` iterations that take `times` nanoseconds.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

impl Samples {
    /// Returns the spread of microseconds per iteration.
    fn micros(&self) -> Option<Spread> {
        let each = self.iters.iter().zip(&self.times).map(|(iters, nanos)| nanos / iters / 1e3);
        Spread::over(each.map(Spread::of))
    }
}

fn mls_results(folder: &Path) -> Result<Vec<ResultRow>, BenchError> {
    let path = folder.join(MLS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let measured: Vec<MlsResult> = read_json(&path)?;
    let mut rows = Vec::new();
    for (name, name_in_file) in MLS_RESULTS {
        for row in measured.iter().filter(|row| row.what == name_in_file) {
            rows.push(ResultRow {
                what: format!("MLS {}, {} members: {name}", row.suite, row.members),
                spread: row.spread,
                unit: row.unit.clone(),
                other: None,
                command: "cargo bench -p orange-bench --bench mls".to_owned(),
            });
        }
    }
    Ok(rows)
}

/// A result in the file of the MLS bench.
#[derive(Deserialize)]
struct MlsResult {
    suite: String,
    members: u32,
    what: String,
    unit: String,
    #[serde(flatten)]
    spread: Spread,
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, BenchError> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

impl Spread {
    fn of(value: f64) -> Self {
        Self { min: value, median: value, max: value }
    }

    /// Parses a number of a report, or a spread over its participants.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        match value.as_f64() {
            Some(number) => Some(Self::of(number)),
            None => Self::deserialize(value).ok(),
        }
    }

    /// Combines spreads: the minimum, the median of the medians, and the maximum.
    pub(crate) fn over(spreads: impl Iterator<Item = Self>) -> Option<Self> {
        let spreads: Vec<Self> = spreads.collect();
        let mut medians: Vec<f64> = spreads.iter().map(|spread| spread.median).collect();
        medians.sort_by(f64::total_cmp);
        Some(Self {
            min: spreads.iter().map(|spread| spread.min).min_by(f64::total_cmp)?,
            median: *medians.get(medians.len() / 2)?,
            max: spreads.iter().map(|spread| spread.max).max_by(f64::total_cmp)?,
        })
    }

    /// Applies a function to all three values.
    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { min: change(self.min), median: change(self.median), max: change(self.max) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { min, median, max } = self;
        let whole = [min, median, max].into_iter().all(|value| value.fract() == 0.0);
        if min == max && whole {
            return write!(f, "{median:.0}");
        }
        let digits = match *max {
            _ if whole => 0,
            max if max < 10.0 => 2,
            max if max < 100.0 => 1,
            _ => 0,
        };
        if min == max {
            return write!(f, "{median:.digits$}");
        }
        write!(f, "{min:.digits$} / {median:.digits$} / {max:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_over_runs_keeps_both_ends_and_the_median_of_the_medians() {
        let run = |min, median, max| Spread { min, median, max };
        let all = [run(2.0, 5.5, 9.0), run(1.0, 7.0, 8.0), run(3.0, 4.0, 5.0)];
        let spread = Spread::over(all.into_iter()).expect("runs");
        assert_eq!(spread.to_string(), "1.00 / 5.50 / 9.00");
        assert!(Spread::over(std::iter::empty()).is_none(), "no measurements");
    }

    #[test]
    fn a_whole_number_without_a_spread_is_printed_alone() {
        assert_eq!(Spread::of(14.0).to_string(), "14");
        assert_eq!(Spread { min: 0.0, median: 0.0, max: 3.0 }.to_string(), "0 / 0 / 3");
    }
}
