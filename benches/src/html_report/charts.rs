//! Charts as SVG: bars with their spread, and lines over time.

use std::fmt::Write as _;

use crate::tables::Spread;

const WIDTH: f64 = 960.0;
const LABEL: f64 = 210.0;
const ROW: f64 = 26.0;
/// The width reserved for the value after the longest bar.
const VALUE: f64 = 130.0;
const HEIGHT: f64 = 260.0;
const COLOURS: [&str; 3] = ["var(--soft)", "var(--own)", "var(--third)"];

/// A bar of a bar chart.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) spread: Spread,
    /// The bar of this project's server.
    pub(super) own: bool,
}

/// Renders a bar chart; returns an empty string without positive values.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let highest = bars.iter().map(|bar| bar.spread.max).fold(0.0, f64::max);
    if highest <= 0.0 {
        return String::new();
    }
    let height = ROW * bars.len() as f64 + 8.0;
    let mut svg = open(title, height);
    for (at, bar) in bars.iter().enumerate() {
        let y = ROW * at as f64 + 4.0;
        let length = |value: f64| value / highest * (WIDTH - LABEL - VALUE);
        let Spread { min, median, max } = bar.spread;
        let colour = if bar.own { "var(--own)" } else { "var(--peer)" };
        let (middle, text) = (y + ROW / 2.0, y + ROW / 2.0 + 4.0);
        let _ = write!(
            svg,
            "<text x=0 y={text}>{}</text>\
             <rect x={LABEL} y={} width={:.1} height={} fill=\"{colour}\" rx=2 />\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"var(--ink)\" stroke-width=2 />\
             <text x={:.1} y={text}>{}</text>",
            escape(&bar.name),
            y + 4.0,
            length(median),
            ROW - 8.0,
            LABEL + length(min),
            LABEL + length(max),
            LABEL + length(max) + 8.0,
            bar.spread,
        );
    }
    svg.push_str("</svg></figure>");
    svg
}

/// Renders a line chart of several series, whose values are `each` seconds apart.
pub(super) fn lines(title: &str, each: f64, series: &[(&str, Vec<f64>)]) -> String {
    let highest = series.iter().flat_map(|(_, values)| values).copied().fold(0.0, f64::max);
    let longest = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    if highest <= 0.0 || longest < 2 {
        return String::new();
    }
    let (left, bottom) = (60.0, HEIGHT - 40.0);
    let x = |at: usize| left + at as f64 / (longest - 1) as f64 * (WIDTH - left - 10.0);
    let y = |value: f64| bottom - value / highest * (bottom - 10.0);
    let mut svg = open(title, HEIGHT);
    for quarter in 0..=4 {
        let value = highest * f64::from(quarter) / 4.0;
        let _ = write!(
            svg,
            "<path d=\"M{left} {0:.1}H{WIDTH}\" stroke=\"var(--line)\" />\
             <text class=soft x={1} y={2:.1} text-anchor=end>{value:.0}</text>",
            y(value),
            left - 6.0,
            y(value) + 4.0,
        );
    }
    let last = (longest - 1) as f64 * each;
    let _ = write!(
        svg,
        "<text class=soft x={left} y={0}>0 s</text>\
         <text class=soft x={WIDTH} y={0} text-anchor=end>{last:.0} s</text>",
        bottom + 16.0
    );
    for (at, (name, values)) in series.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| format!("{:.1},{:.1}", x(at), y(*value)))
            .collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=none stroke=\"{colour}\" stroke-width=2 />\
             <text x={} y={} fill=\"{colour}\" style=\"fill:{colour}\">{}</text>",
            points.join(" "),
            left + at as f64 * 200.0 + 60.0,
            bottom + 32.0,
            escape(name)
        );
    }
    svg.push_str("</svg></figure>");
    svg
}

fn open(title: &str, height: f64) -> String {
    let title = escape(title);
    format!(
        "<figure><figcaption>{title}</figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {height}\" role=img aria-label=\"{title}\">"
    )
}

/// Escapes text for HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
