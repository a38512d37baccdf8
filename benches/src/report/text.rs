//! A report as lines on a terminal.

use std::io::Write as _;

use super::{Report, Spread, payload_name};

impl Report {
    /// On standard output.
    pub(crate) fn print(&self) {
        let scenario = &self.scenario;
        let payload = payload_name(scenario.payload);
        let Self { server, floor_us, .. } = self;
        line("scenario", format!("{}: {}", scenario.name, scenario.about));
        line("server", format!("{server}, {} s, payload {payload}", scenario.seconds));
        let (rate, extra) = (self.packets_per_second, self.extra_packets_per_second);
        let published = self.published_packets_per_second;
        line(
            "forwarded",
            format!("{published:.0} → {rate:.0} packets/s, and {extra:.0} resent or probing"),
        );
        if let (Some(us), Some(floors)) = (self.cpu_us_per_packet, self.cpu_floors_per_packet) {
            let floor = format!("{floors:.2} floors (a bare sendto: {floor_us:.2} µs)");
            let core = self.packets_per_core_second.unwrap_or(0.0);
            line("CPU per packet", format!("{us:.2} µs = {floor}; {core:.0} packets/s a core"));
        }
        if let Some(us) = self.media_us_per_packet {
            line("", format!("{us:.2} µs of it in the threads that forward media"));
        }
        let cores = self.server_cores.map_or("?".into(), |cores| format!("{cores:.3}"));
        let bench = &self.bench;
        let (busy, late) = (bench.busiest_thread * 100.0, bench.late_p99_us as f64 / 1e3);
        line(
            "cores used",
            format!(
                "server {cores}, bench {:.3} (busy {busy:.0} %, timers {late:.1} ms late at p99)",
                bench.cores
            ),
        );
        if let Some(bytes) = self.memory_bytes_per_participant {
            line("memory", format!("{:.2} MiB a participant", bytes as f64 / f64::from(1 << 20)));
        }
        let ms = |us: u64| us as f64 / 1e3;
        let (p50, p99, p999) =
            (ms(self.latency_p50_us), ms(self.latency_p99_us), ms(self.latency_p999_us));
        line("latency", format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms"));
        if let (Some(p50), Some(p99)) = (self.forward_p50_us, self.forward_p99_us) {
            line("in the server", format!("p50 {:.2} ms, p99 {:.2} ms", p50 / 1e3, p99 / 1e3));
        }
        let totals = &self.totals;
        line(
            "packets",
            format!(
                "{} came, {} lost, {} asked for again and resent, {} overtaken",
                totals.packets, totals.lost, totals.recovered, totals.overtaken
            ),
        );
        let frozen = totals.frozen_ms_per_minute;
        line(
            "pictures",
            format!(
                "{} whole frames, {} freezes, {frozen:.0} ms a minute",
                totals.video_frames, totals.freezes
            ),
        );
        if scenario.simulcast {
            let words = [("seen", totals.encodings.seen()), ("sent", totals.encodings.published())];
            for (name, words) in words {
                words.into_iter().for_each(|words| line(name, words));
            }
        }
        if scenario.is_end_to_end() {
            let bytes =
                |bytes: Option<usize>| bytes.map_or("–".into(), |bytes| bytes.to_string());
            let (audio, video) = (bytes(self.bytes_added_audio), bytes(self.bytes_added_video));
            line(
                "end to end",
                format!(
                    "{} frames opened, {} lost, {} refused; at most {audio} B added to audio, {video} to video",
                    totals.opened_frames, totals.lost_frames, totals.refused
                ),
            );
        }
        for (name, spread) in [
            ("joined", &self.joined_ms),
            ("first keys", &self.keyed_ms),
            ("connected", &self.connected_ms),
            ("first frame", &self.first_frame_ms),
        ] {
            if let Some(Spread { min, median, p95, p99, max }) = spread {
                line(
                    name,
                    format!(
                        "{min:.0} / {median:.0} / {p95:.0} / {p99:.0} / {max:.0} ms (min, median, p95, \
                         p99, max)"
                    ),
                );
            }
        }
        if self.groups.len() > 1 {
            self.print_groups();
        }
        for link in &self.links {
            for step in &link.steps {
                let over = step.overshoot_seconds.map(|s| format!("too much for {s:.2} s"));
                let back = step.recovery_seconds.map(|s| format!("as much again after {s:.2} s"));
                let good = step.quality_seconds.map(|s| format!("as good again after {s:.2} s"));
                let words: Vec<String> = [over, back, good].into_iter().flatten().collect();
                let what = words.join(", ");
                let what = if what.is_empty() { "not recovered".to_owned() } else { what };
                let (at, kbps) = (step.at, step.down_kbps);
                line("link", format!("{}: at {at:.0} s {kbps} kbit/s: {what}", link.group));
            }
        }
        if self.connections_lost > 0 {
            line("note", format!("{} media connections were lost", self.connections_lost));
        }
        if bench.server_dropped > 0 {
            let dropped = bench.server_dropped;
            line("note", format!("{dropped} datagrams found the server's buffers full"));
        }
        if let Some(reason) = &bench.bottleneck {
            line("note", format!("not the server's alone: {reason}"));
        }
    }

    fn print_groups(&self) {
        for group in &self.groups {
            let totals = &group.totals;
            line(
                &format!("· {}", group.name),
                format!(
                    "{:.0} kbit/s, p50 {:.2} ms, p99 {:.2} ms, {} lost, {} resent, frozen {:.0} ms a minute",
                    group.received_kbps,
                    group.latency_p50_us as f64 / 1e3,
                    group.latency_p99_us as f64 / 1e3,
                    totals.lost,
                    totals.recovered,
                    totals.frozen_ms_per_minute
                ),
            );
            let more = [totals.sound.words(), totals.encodings.seen()];
            more.into_iter().flatten().for_each(|words| line("", words));
        }
    }
}

/// The floor alone.
pub(crate) fn print_floor(us: f64) {
    line("floor", format!("{us:.2} µs of CPU for one bare sendto of 1200 bytes on loopback"));
}

fn line(name: &str, text: String) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(std::io::stdout(), "{name:<16}{text}");
}
