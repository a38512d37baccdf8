//! The figures of several runs as one Markdown table.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::BenchError;

/// A figure of a run: its name, where it stands in the report, what divides it, its unit.
const FIGURES: [(&str, &str, f64, &str); 9] = [
    ("CPU per forwarded packet", "/cpu_us_per_packet", 1.0, "µs"),
    ("in bare `sendto`s of the same run", "/cpu_floors_per_packet", 1.0, ""),
    ("forwarded", "/packets_per_second", 1000.0, "k packets/s"),
    ("frame, protect to unprotect, p50", "/latency_p50_us", 1000.0, "ms"),
    ("frame, protect to unprotect, p99", "/latency_p99_us", 1000.0, "ms"),
    ("memory per participant", "/memory_bytes_per_participant", 1_048_576.0, "MiB"),
    ("join to first remote frame", "/first_frame_ms/median", 1.0, "ms"),
    ("bytes added per audio frame", "/bytes_added_audio", 1.0, "B"),
    ("bytes added per video frame", "/bytes_added_video", 1.0, "B"),
];

/// Prints the table of all runs in a folder: files `<scenario>.<run>.json`, by scenario.
pub(crate) fn print(folder: &Path, criterion: &Path) -> Result<(), BenchError> {
    let mut out = std::io::stdout();
    writeln!(out, "| what | min / median / max |\n|---|---|")?;
    for (scenario, runs) in runs(folder)? {
        for (name, pointer, divisor, unit) in FIGURES {
            let values = runs.iter().filter_map(|run| run.pointer(pointer)?.as_f64());
            let values: Vec<f64> = values.map(|value| value / divisor).collect();
            if let Some(spread) = spread(values) {
                writeln!(out, "| {scenario}: {name} | {spread} {unit} |")?;
            }
        }
    }
    for (name, micros) in estimates(criterion)? {
        writeln!(out, "| {name} | {micros:.2} µs |")?;
    }
    Ok(())
}

fn runs(folder: &Path) -> Result<BTreeMap<String, Vec<Value>>, BenchError> {
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

fn spread(mut values: Vec<f64>) -> Option<String> {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values.first()?, values.last()?);
    let median = values.get(values.len() / 2)?;
    let digits = usize::from(*last < 100.0);
    if first == last {
        return Some(format!("{first:.0}"));
    }
    Some(format!("{first:.digits$} / {median:.digits$} / {last:.digits$}"))
}

/// Medians that criterion has left, by group, function and size, in microseconds.
fn estimates(folder: &Path) -> Result<Vec<(String, f64)>, BenchError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        // Nothing was measured yet: no folder.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() && path.ends_with("new") {
                let read = |file| {
                    Ok::<Value, BenchError>(serde_json::from_slice(&std::fs::read(
                        path.join(file),
                    )?)?)
                };
                let (id, estimates) = (read("benchmark.json")?, read("estimates.json")?);
                let name = id.pointer("/full_id").and_then(Value::as_str).unwrap_or_default();
                let nanos = estimates.pointer("/median/point_estimate").and_then(Value::as_f64);
                if let Some(nanos) = nanos {
                    found.push((name.replace('/', ", "), nanos / 1e3));
                }
            } else if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort_by(|(one, _), (two, _)| one.cmp(two));
    Ok(found)
}
