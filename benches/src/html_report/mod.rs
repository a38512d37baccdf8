//! Writes the results of all runs in a folder as one self-contained HTML page, without scripts, fonts
//! or requests.

mod charts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::BenchError;
use crate::tables::{Spread, read_runs};
use charts::{Bar, bars, escape, lines};

/// The columns of the table: title, JSON pointer and divisor.
const COLUMNS: [(&str, &str, f64); 13] = [
    ("packets/s", "/packets_per_second", 1.0),
    ("CPU per packet, µs", "/cpu_us_per_packet", 1.0),
    ("in bare sendtos", "/cpu_sendtos_per_packet", 1.0),
    ("thousand packets/s per core", "/packets_per_core_second", 1e3),
    ("MiB per participant", "/memory_bytes_per_participant", 1_048_576.0),
    ("in the server, p99, ms", "/forward_p99_us", 1e3),
    ("end to end, p50, ms", "/latency_p50_us", 1e3),
    ("end to end, p99, ms", "/latency_p99_us", 1e3),
    ("join to first frame, ms", "/first_frame_ms", 1.0),
    ("lost packets", "/totals/lost", 1.0),
    ("frozen video, ms per minute", "/totals/frozen_ms_per_minute", 1.0),
    ("bench, processors", "/bench/cores", 1.0),
    ("other processes, processors", "/bench/other_cores", 1.0),
];

/// The bar charts: title, JSON pointer and divisor.
const CHARTS: [(&str, &str, f64); 3] = [
    (
        "Server CPU per forwarded packet, in bare sendtos of 1,200 bytes",
        "/cpu_sendtos_per_packet",
        1.0,
    ),
    ("From sender to receiver, p99, ms", "/latency_p99_us", 1e3),
    ("Server memory per participant, MiB", "/memory_bytes_per_participant", 1_048_576.0),
];

/// Writes the page.
///
/// # Errors
/// The folder contains no reports.
pub(crate) fn write(folder: &Path, file: &Path) -> Result<(), BenchError> {
    let runs = read_runs(folder)?;
    if runs.is_empty() {
        return Err(BenchError::Failed(format!("no reports in {}", folder.display())));
    }
    Ok(std::fs::write(file, render_page(&runs))?)
}

fn render_page(runs: &BTreeMap<String, Vec<Value>>) -> String {
    let mut html = String::from(HEAD);
    let _ = write!(html, "<p>{}</p>", escape(&machine()));
    write_table(&mut html, runs);
    for (title, pointer, divisor) in CHARTS {
        let bar = |(name, runs): (&String, &Vec<Value>)| {
            let spread = spread(runs, pointer)?.map(|value| value / divisor);
            let own = text(runs, "/server") == "orange-meets";
            Some(Bar { name: name.clone(), spread, own })
        };
        html.push_str(&bars(title, &runs.iter().filter_map(bar).collect::<Vec<_>>()));
    }
    for (name, runs) in runs {
        let links = runs.first().and_then(|run| run.pointer("/links")?.as_array());
        for link in links.into_iter().flatten() {
            let series = |key: &str| {
                let values = link.pointer(&format!("/trace/{key}")).and_then(Value::as_array);
                let values = values.into_iter().flatten();
                values.map(|kbps| kbps.as_f64().unwrap_or(0.0)).collect::<Vec<f64>>()
            };
            let each =
                link.pointer("/trace/interval_seconds").and_then(Value::as_f64).unwrap_or(1.0);
            let group = link.pointer("/group").and_then(Value::as_str).unwrap_or_default();
            let title = format!("{name}, {group}: kbit/s over seconds");
            let series = [
                ("capacity of the link", series("capacity_kbps")),
                ("sent by the server", series("sent_kbps")),
                ("delivered", series("delivered_kbps")),
            ];
            html.push_str(&lines(&title, each, &series));
        }
    }
    html.push_str("</main></body></html>\n");
    html
}

fn write_table(html: &mut String, runs: &BTreeMap<String, Vec<Value>>) {
    html.push_str("<div class=wide><table><thead><tr><th>scenario<th>server<th>runs");
    for (head, ..) in COLUMNS {
        let _ = write!(html, "<th>{}", escape(head));
    }
    html.push_str("</thead><tbody>");
    for (name, runs) in runs {
        let about = text(runs, "/scenario/about");
        let (name, server) = (name.split('@').next().unwrap_or(name), text(runs, "/server"));
        let _ = write!(
            html,
            "<tr><th title=\"{}\">{}<td>{}<td>{}",
            escape(about),
            escape(name),
            escape(server),
            runs.len()
        );
        for (_, pointer, divisor) in COLUMNS {
            let spread = spread(runs, pointer).map(|spread| spread.map(|v| v / divisor));
            let _ = write!(html, "<td>{}", spread.map_or("–".into(), |s| s.to_string()));
        }
        let notes = runs.iter().filter_map(|run| run.pointer("/bench/bottleneck")?.as_str());
        if let Some(note) = notes.max() {
            let span = COLUMNS.len() + 3;
            let note = escape(note);
            let _ =
                write!(html, "<tr class=note><td colspan={span}>The results are distorted: {note}");
        }
    }
    html.push_str("</tbody></table></div>");
}

fn spread(runs: &[Value], pointer: &str) -> Option<Spread> {
    Spread::over(runs.iter().filter_map(|run| Spread::parse(run.pointer(pointer)?)))
}

fn text<'a>(runs: &'a [Value], pointer: &str) -> &'a str {
    runs.first().and_then(|run| run.pointer(pointer)?.as_str()).unwrap_or_default()
}

/// Describes the machine: number and model of its processors.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} processors, {model}. Minimum / median / maximum over the runs.")
}

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8>\
<meta name=viewport content=\"width=device-width\"><title>Orange Meets: load test</title><style>\
:root{color-scheme:light dark;--ink:#222;--soft:#777;--line:#ddd;--own:#c2510c;--peer:#5b7083;--third:#2c7a4b;--paper:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#eee;--soft:#aaa;--line:#444;--own:#ff8c42;--peer:#8fa9bf;--third:#63c28b;--paper:#16181b}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}\
main{max-width:75rem;margin:auto;padding:1.5rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}\
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:bottom}\
tbody td,tbody th{white-space:nowrap}tbody th,thead th:first-child,td:nth-child(2){text-align:left}\
.note td{color:var(--soft);text-align:left;white-space:normal}\
figure{margin:2rem 0}figcaption{font-weight:600;margin-bottom:.4rem}svg{width:100%;height:auto}\
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}\
</style></head><body><main><h1>Orange Meets: load test</h1>";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_contains_every_run_and_no_external_resource() {
        let run = |server: &str, sendtos: f64| {
            json!({
                "server": server,
                "scenario": { "name": "a<b", "about": "\"quoted\"" },
                "cpu_sendtos_per_packet": sendtos,
                "links": [{ "group": "narrow", "trace": {
                    "interval_seconds": 0.25, "sent_kbps": [1.0, 2.0], "delivered_kbps": [1.0, 1.0],
                    "capacity_kbps": [4.0, null],
                }}],
                "bench": { "bottleneck": "busy" },
            })
        };
        let runs = BTreeMap::from([
            ("a<b".to_owned(), vec![run("orange-meets", 1.5), run("orange-meets", 2.5)]),
            ("a<b@janus".to_owned(), vec![run("janus", 14.0)]),
        ]);
        let page = render_page(&runs);
        assert!(page.contains("1.50 / 2.50 / 2.50"), "the spread over two runs");
        assert!(page.contains("a&lt;b") && !page.contains("a<b"));
        assert!(page.contains("&quot;quoted&quot;") && page.contains("busy"));
        assert_eq!(page.matches("<svg").count(), 3, "one bar chart, and two links");
        for outside in ["http:", "https:", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
