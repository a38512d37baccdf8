//! The figures of several runs as one Markdown table, and the same as JSON.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BenchError;

/// What the table is made from, and what it leaves there.
const MLS: &str = "mls.json";
const TABLE: &str = "table.json";

/// A figure of a load's report: its name, where it stands, what divides it, its unit.
const LOADS: [(&str, &str, f64, &str); 18] = [
    ("server CPU per forwarded packet", "/cpu_us_per_packet", 1.0, "µs"),
    ("the same in bare `sendto`s", "/cpu_floors_per_packet", 1.0, ""),
    ("a bare `sendto` of 1,200 B", "/floor_us", 1.0, "µs"),
    ("forwarded", "/packets_per_second", 1000.0, "k packets/s"),
    ("forwarded by a whole core", "/packets_per_core_second", 1000.0, "k packets/s"),
    ("server CPU", "/server_cores", 0.01, "% of a core"),
    ("server memory per participant", "/memory_bytes_per_participant", 1_048_576.0, "MiB"),
    ("sender to receiver, p50", "/latency_p50_us", 1000.0, "ms"),
    ("sender to receiver, p99", "/latency_p99_us", 1000.0, "ms"),
    ("inside the server, p99", "/forward_p99_us", 1000.0, "ms"),
    ("join to keys", "/keyed_ms", 1.0, "ms"),
    ("join to connection", "/connected_ms", 1.0, "ms"),
    ("join to first remote frame", "/first_frame_ms", 1.0, "ms"),
    ("pictures stood still", "/totals/frozen_ms_per_minute", 1.0, "ms a minute"),
    ("bytes added per audio frame", "/bytes_added_audio", 1.0, "B"),
    ("bytes added per video frame", "/bytes_added_video", 1.0, "B"),
    ("packets lost", "/totals/lost", 1.0, ""),
    ("dropped by full buffers of the bench", "/bench/received_dropped", 1.0, ""),
];

/// The columns of the table of rooms: some of these.
const ROOMS: [(&str, &str, f64); 10] = [
    ("packets/s", "/packets_per_second", 1.0),
    ("CPU a packet, µs", "/cpu_us_per_packet", 1.0),
    ("in bare `sendto`s", "/cpu_floors_per_packet", 1.0),
    ("in the server p99, ms", "/forward_p99_us", 1000.0),
    ("sender to receiver p50, ms", "/latency_p50_us", 1000.0),
    ("p99, ms", "/latency_p99_us", 1000.0),
    ("join to first frame, ms", "/first_frame_ms", 1.0),
    ("MiB a participant", "/memory_bytes_per_participant", 1_048_576.0),
    ("packets lost", "/totals/lost", 1.0),
    ("other work, processors", "/bench/other_cores", 1.0),
];

/// What one member's coming and going takes: its name, and as the MLS bench calls it.
const HANDSHAKES: [(&str, &str); 6] = [
    ("join, until all have the keys", "join"),
    ("remove, until all have the keys", "remove"),
    ("KeyPackage", "KeyPackage"),
    ("commit that adds one", "join: commit"),
    ("Welcome to one", "join: Welcome"),
    ("commit that removes one", "remove: commit"),
];

/// A row.
#[derive(Debug, Serialize)]
struct Figure {
    what: String,
    #[serde(flatten)]
    spread: Spread,
    unit: String,
    /// The median of another implementation.
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

/// Prints the tables of all that was measured: rooms, a row for each scenario and server, and what
/// was timed by itself. Leaves all figures in the folder as JSON too.
pub(crate) fn print(folder: &Path, criterion: &Path) -> Result<(), BenchError> {
    let mut out = std::io::stdout();
    print_rooms(&runs(folder)?, &mut out)?;
    let mut figures = timed(criterion)?;
    figures.extend(handshakes(folder)?);
    writeln!(out, "\n| figure | min / median / max | command |\n|---|---|---|")?;
    let mut said = "";
    for Figure { what, spread, unit, other, command } in &figures {
        let other = other.map_or(String::new(), |us| format!(" (crate `sframe`: {us:.2})"));
        let value = format!("{spread} {unit}");
        // An empty cell is the command above.
        let cell = if said == command { String::new() } else { format!("`{command}`") };
        said = command;
        writeln!(out, "| {what} | {}{other} | {cell} |", value.trim_end())?;
    }
    figures.extend(loads(folder)?);
    Ok(std::fs::write(folder.join(TABLE), serde_json::to_vec_pretty(&figures)?)?)
}

/// Every run of every load: files `<scenario>.<run>.json`, by scenario.
pub(crate) fn runs(folder: &Path) -> Result<BTreeMap<String, Vec<Value>>, BenchError> {
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

fn print_rooms(
    runs: &BTreeMap<String, Vec<Value>>,
    out: &mut impl std::io::Write,
) -> Result<(), BenchError> {
    let heads: Vec<&str> = ROOMS.iter().map(|(head, ..)| *head).collect();
    writeln!(out, "| scenario | {} |", heads.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(ROOMS.len()))?;
    for (name, runs) in runs {
        let cell = |(_, pointer, divisor): (&str, &str, f64)| {
            let readings = runs.iter().filter_map(|run| Spread::read(run.pointer(pointer)?));
            let spread = Spread::over(readings).map(|spread| spread.map(|value| value / divisor));
            spread.map_or("–".to_owned(), |spread| spread.to_string())
        };
        let cells: Vec<String> = ROOMS.into_iter().map(cell).collect();
        let (scenario, server) = name.split_once('@').unwrap_or((name, ""));
        let server = if server.is_empty() { String::new() } else { format!(", {server}") };
        writeln!(out, "| {scenario}{server} | {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn loads(folder: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut figures = Vec::new();
    for (scenario, runs) in runs(folder)? {
        let Some(command) = runs.first().and_then(load_command) else { continue };
        for (name, pointer, divisor, unit) in LOADS {
            let readings = runs.iter().filter_map(|run| Spread::read(run.pointer(pointer)?));
            let Some(spread) = Spread::over(readings) else { continue };
            figures.push(Figure {
                what: format!("{scenario}: {name}"),
                spread: spread.map(|value| value / divisor),
                unit: unit.to_owned(),
                other: None,
                command: command.clone(),
            });
        }
    }
    Ok(figures)
}

fn load_command(run: &Value) -> Option<String> {
    let name = run.pointer("/scenario/name").and_then(Value::as_str)?;
    let command = format!("orange-bench load benches/scenarios/{name}.toml");
    let server = run.pointer("/server").and_then(Value::as_str)?;
    Some(if server == "orange-meets" { command } else { format!("{command} --peer {server}") })
}

/// What criterion has left. Of frames: a group for each direction and suite, in it one function
/// for each implementation. Of the rest: a group for each thing that was timed.
fn timed(folder: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut frames: BTreeMap<(String, u64), BTreeMap<String, Spread>> = BTreeMap::new();
    let mut figures = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        // Nothing was measured yet: no folder.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() && path.ends_with("new") {
                let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
                let samples: Samples = read(&path.join("sample.json"))?;
                let Some(spread) = samples.micros() else { continue };
                let value = benchmark.value_str.unwrap_or_default();
                if let Some(function) = benchmark.function_id {
                    let group = (benchmark.group_id, value.parse().unwrap_or(0));
                    frames.entry(group).or_default().insert(function, spread);
                } else {
                    let packets = benchmark.throughput.and_then(|each| each.elements);
                    figures.push(Figure {
                        what: format!("{} {value}", benchmark.group_id),
                        spread: spread.map(|micros| micros / packets.unwrap_or(1.0)),
                        unit: if packets.is_some() { "µs a packet" } else { "µs" }.to_owned(),
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
        Some(Figure {
            what: format!("SFrame {group}, {bytes} B"),
            spread: *by.get("ours")?,
            unit: "µs".to_owned(),
            other: by.get("crate sframe").map(|spread| spread.median),
            command: "cargo bench -p orange-bench --bench sframe".to_owned(),
        })
    };
    figures.sort_by(|a, b| a.what.cmp(&b.what));
    figures.extend(frames.into_iter().filter_map(ours));
    Ok(figures)
}

/// Of criterion's `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

/// How much one iteration does.
#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Elements")]
    elements: Option<f64>,
}

/// Criterion's `sample.json`: nanoseconds of so many iterations.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

impl Samples {
    fn micros(&self) -> Option<Spread> {
        let each = self.iters.iter().zip(&self.times).map(|(iters, nanos)| nanos / iters / 1e3);
        Spread::over(each.map(Spread::of))
    }
}

fn handshakes(folder: &Path) -> Result<Vec<Figure>, BenchError> {
    let path = folder.join(MLS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let rows: Vec<Handshake> = read(&path)?;
    let mut figures = Vec::new();
    for (name, known_as) in HANDSHAKES {
        for row in rows.iter().filter(|row| row.what == known_as) {
            figures.push(Figure {
                what: format!("MLS {}, {} members: {name}", row.suite, row.members),
                spread: row.spread,
                unit: row.unit.clone(),
                other: None,
                command: "cargo bench -p orange-bench --bench mls".to_owned(),
            });
        }
    }
    Ok(figures)
}

/// As the MLS bench writes it.
#[derive(Deserialize)]
struct Handshake {
    suite: String,
    members: u32,
    what: String,
    unit: String,
    #[serde(flatten)]
    spread: Spread,
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, BenchError> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

impl Spread {
    fn of(value: f64) -> Self {
        Self { min: value, median: value, max: value }
    }

    /// A number of a report, or a spread over its participants.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        match value.as_f64() {
            Some(number) => Some(Self::of(number)),
            None => Self::deserialize(value).ok(),
        }
    }

    /// The least, the median of the medians, and the greatest.
    pub(crate) fn over(readings: impl Iterator<Item = Self>) -> Option<Self> {
        let readings: Vec<Self> = readings.collect();
        let mut medians: Vec<f64> = readings.iter().map(|one| one.median).collect();
        medians.sort_by(f64::total_cmp);
        Some(Self {
            min: readings.iter().map(|one| one.min).min_by(f64::total_cmp)?,
            median: *medians.get(medians.len() / 2)?,
            max: readings.iter().map(|one| one.max).max_by(f64::total_cmp)?,
        })
    }

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
        let spread = Spread::over(all.into_iter()).expect("there are runs");
        assert_eq!(spread.to_string(), "1.00 / 5.50 / 9.00");
        assert!(Spread::over(std::iter::empty()).is_none(), "nothing was measured");
    }

    #[test]
    fn whole_numbers_without_a_spread_stand_alone() {
        assert_eq!(Spread::of(14.0).to_string(), "14");
        assert_eq!(Spread { min: 0.0, median: 0.0, max: 3.0 }.to_string(), "0 / 0 / 3");
    }
}
