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
const LOADS: [(&str, &str, f64, &str); 15] = [
    ("server CPU per forwarded packet", "/cpu_us_per_packet", 1.0, "µs"),
    ("the same in bare `sendto`s", "/cpu_floors_per_packet", 1.0, ""),
    ("a bare `sendto` of 1,200 B", "/floor_us", 1.0, "µs"),
    ("forwarded", "/packets_per_second", 1000.0, "k packets/s"),
    ("server CPU", "/server_cores", 0.01, "% of a core"),
    ("server memory per participant", "/memory_bytes_per_participant", 1_048_576.0, "MiB"),
    ("frame, protect to unprotect, p50", "/latency_p50_us", 1000.0, "ms"),
    ("frame, protect to unprotect, p99", "/latency_p99_us", 1000.0, "ms"),
    ("join to keys", "/keyed_ms", 1.0, "ms"),
    ("join to first remote frame", "/first_frame_ms", 1.0, "ms"),
    ("bytes added per audio frame", "/bytes_added_audio", 1.0, "B"),
    ("bytes added per video frame", "/bytes_added_video", 1.0, "B"),
    ("frames lost", "/frames_lost", 1.0, ""),
    ("frames refused", "/frames_refused", 1.0, ""),
    ("datagrams that found a full buffer", "/datagrams_overflowed", 1.0, ""),
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
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

/// Prints the table of all that was measured, and leaves it in the folder as JSON too.
pub(crate) fn print(folder: &Path, criterion: &Path) -> Result<(), BenchError> {
    let mut figures = loads(folder)?;
    figures.extend(frames(criterion)?);
    figures.extend(handshakes(folder)?);
    let mut out = std::io::stdout();
    writeln!(out, "| figure | min / median / max | command |\n|---|---|---|")?;
    let mut said = "";
    for Figure { what, spread, unit, other, command } in &figures {
        let other = other.map_or(String::new(), |us| format!(" (crate `sframe`: {us:.2})"));
        let value = format!("{spread} {unit}");
        // An empty cell is the command above.
        let cell = if said == command { String::new() } else { format!("`{command}`") };
        said = command;
        writeln!(out, "| {what} | {}{other} | {cell} |", value.trim_end())?;
    }
    Ok(std::fs::write(folder.join(TABLE), serde_json::to_vec_pretty(&figures)?)?)
}

/// Every run of every load: files `<scenario>.<run>.json`, by scenario.
fn loads(folder: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut runs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((scenario, _)) = name.strip_suffix(".json").and_then(|n| n.rsplit_once('.')) {
            let run = serde_json::from_slice(&std::fs::read(&path)?)?;
            runs.entry(scenario.to_owned()).or_default().push(run);
        }
    }
    let mut figures = Vec::new();
    for (scenario, runs) in runs {
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
    let number = |pointer| run.pointer(pointer).and_then(Value::as_u64);
    let classic = run.pointer("/scenario/classic").and_then(Value::as_bool)?;
    Some(format!(
        "orange-bench load --publishers {} --viewers {} --video-kbps {} --seconds {}{}",
        number("/scenario/publishers")?,
        number("/scenario/viewers")?,
        number("/scenario/video_kbps")?,
        number("/scenario/seconds")?,
        if classic { " --classic" } else { "" },
    ))
}

/// What criterion has left: a group for each direction and suite, in it one function for each
/// implementation.
fn frames(folder: &Path) -> Result<Vec<Figure>, BenchError> {
    let mut found: BTreeMap<(String, u64), BTreeMap<String, Spread>> = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        // Nothing was measured yet: no folder.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() && path.ends_with("new") {
                let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
                let samples: Samples = read(&path.join("sample.json"))?;
                let bytes = benchmark.value_str.parse().unwrap_or(0);
                if let Some(spread) = samples.micros() {
                    let group = found.entry((benchmark.group_id, bytes)).or_default();
                    group.insert(benchmark.function_id, spread);
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
    Ok(found.into_iter().filter_map(ours).collect())
}

/// Of criterion's `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: String,
    value_str: String,
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
    fn read(value: &Value) -> Option<Self> {
        match value.as_f64() {
            Some(number) => Some(Self::of(number)),
            None => Self::deserialize(value).ok(),
        }
    }

    /// The least, the median of the medians, and the greatest.
    fn over(readings: impl Iterator<Item = Self>) -> Option<Self> {
        let readings: Vec<Self> = readings.collect();
        let mut medians: Vec<f64> = readings.iter().map(|one| one.median).collect();
        medians.sort_by(f64::total_cmp);
        Some(Self {
            min: readings.iter().map(|one| one.min).min_by(f64::total_cmp)?,
            median: *medians.get(medians.len() / 2)?,
            max: readings.iter().map(|one| one.max).max_by(f64::total_cmp)?,
        })
    }

    fn map(self, change: impl Fn(f64) -> f64) -> Self {
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
