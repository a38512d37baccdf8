//! Prints a report as text.

use std::io::Write as _;

use super::{Distribution, Report, payload_name};

impl Report {
    /// Prints the report to standard output.
    pub(crate) fn print(&self) {
        let scenario = &self.scenario;
        let payload = payload_name(scenario.payload);
        let Self { server, sendto_us, .. } = self;
        print_line("scenario", format!("{}: {}", scenario.name, scenario.about));
        print_line("server", format!("{server}, {} s, payload {payload}", scenario.seconds));
        let (rate, extra) = (self.packets_per_second, self.extra_packets_per_second);
        let published = self.published_packets_per_second;
        print_line(
            "forwarded",
            format!(
                "{published:.0} → {rate:.0} packets/s, plus {extra:.0} retransmissions and probes"
            ),
        );
        if let (Some(us), Some(sendtos)) = (self.cpu_us_per_packet, self.cpu_sendtos_per_packet) {
            let relative = format!("{sendtos:.2} bare sendtos of {sendto_us:.2} µs");
            let core = self.packets_per_core_second.unwrap_or(0.0);
            print_line(
                "CPU per packet",
                format!("{us:.2} µs = {relative}; {core:.0} packets/s per core"),
            );
        }
        if let Some(us) = self.media_cpu_us_per_packet {
            print_line("", format!("{us:.2} µs of it in media threads"));
        }
        let cores = self.server_cores.map_or("?".into(), |cores| format!("{cores:.3}"));
        let bench = &self.bench;
        let (busy, lag) = (bench.busiest_thread_load * 100.0, bench.timer_lag_p99_us as f64 / 1e3);
        print_line(
            "cores used",
            format!(
                "server {cores}, bench {:.3} (busy {busy:.0} %, timers {lag:.1} ms late at p99)",
                bench.cores
            ),
        );
        if let Some(bytes) = self.memory_bytes_per_participant {
            print_line(
                "memory",
                format!("{:.2} MiB per participant", bytes as f64 / f64::from(1 << 20)),
            );
        }
        let ms = |us: u64| us as f64 / 1e3;
        let (p50, p99, p999) =
            (ms(self.latency_p50_us), ms(self.latency_p99_us), ms(self.latency_p999_us));
        print_line("latency", format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms"));
        if let (Some(p50), Some(p99)) = (self.forward_p50_us, self.forward_p99_us) {
            print_line(
                "in the server",
                format!("p50 {:.2} ms, p99 {:.2} ms", p50 / 1e3, p99 / 1e3),
            );
        }
        let totals = &self.totals;
        print_line(
            "packets",
            format!(
                "{} received, {} lost, {} recovered by retransmission, {} reordered",
                totals.packets, totals.lost, totals.recovered, totals.reordered
            ),
        );
        let frozen = totals.frozen_ms_per_minute;
        print_line(
            "video",
            format!(
                "{} complete frames, {} freezes, {frozen:.0} ms per minute",
                totals.video_frames, totals.freezes
            ),
        );
        if scenario.simulcast {
            let descriptions = [
                ("received", totals.encodings.describe_received()),
                ("sent", totals.encodings.describe_published()),
            ];
            for (name, description) in descriptions {
                description.into_iter().for_each(|text| print_line(name, text));
            }
        }
        if scenario.is_end_to_end() {
            let bytes =
                |bytes: Option<usize>| bytes.map_or("–".into(), |bytes| bytes.to_string());
            let (audio, video) =
                (bytes(self.overhead_bytes_audio), bytes(self.overhead_bytes_video));
            print_line(
                "end to end",
                format!(
                    "{} frames decrypted, {} lost, {} not authentic; overhead up to {audio} B (audio), {video} B (video)",
                    totals.decrypted_frames, totals.lost_frames, totals.unauthentic
                ),
            );
        }
        for (name, spread) in [
            ("joined", &self.joined_ms),
            ("first keys", &self.first_keys_ms),
            ("connected", &self.connected_ms),
            ("first frame", &self.first_frame_ms),
        ] {
            if let Some(Distribution { min, median, p95, p99, max }) = spread {
                print_line(
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
                let over = step.overshoot_seconds.map(|s| format!("overshoot for {s:.2} s"));
                let back =
                    step.rate_recovery_seconds.map(|s| format!("rate recovered after {s:.2} s"));
                let good = step
                    .quality_recovery_seconds
                    .map(|s| format!("quality recovered after {s:.2} s"));
                let words: Vec<String> = [over, back, good].into_iter().flatten().collect();
                let what = words.join(", ");
                let what = if what.is_empty() { "not recovered".to_owned() } else { what };
                let (at, kbps) = (step.at, step.down_kbps);
                print_line("link", format!("{}: at {at:.0} s {kbps} kbit/s: {what}", link.group));
            }
        }
        if self.connections_lost > 0 {
            print_line("note", format!("{} media connections were lost", self.connections_lost));
        }
        if bench.server_dropped > 0 {
            let dropped = bench.server_dropped;
            print_line(
                "note",
                format!("{dropped} datagrams were dropped because of full buffers of the server"),
            );
        }
        if let Some(reason) = &bench.bottleneck {
            print_line("note", format!("the results are distorted: {reason}"));
        }
    }

    fn print_groups(&self) {
        for group in &self.groups {
            let totals = &group.totals;
            print_line(
                &format!("· {}", group.name),
                format!(
                    "{:.0} kbit/s, p50 {:.2} ms, p99 {:.2} ms, {} lost, {} recovered, frozen {:.0} ms per minute",
                    group.received_kbps,
                    group.latency_p50_us as f64 / 1e3,
                    group.latency_p99_us as f64 / 1e3,
                    totals.lost,
                    totals.recovered,
                    totals.frozen_ms_per_minute
                ),
            );
            let more = [totals.audio.describe(), totals.encodings.describe_received()];
            more.into_iter().flatten().for_each(|text| print_line("", text));
        }
    }
}

/// Prints the `sendto` baseline.
pub(crate) fn print_sendto(us: f64) {
    print_line(
        "sendto",
        format!("{us:.2} µs of CPU for one bare sendto of 1200 bytes on loopback"),
    );
}

fn print_line(name: &str, text: String) {
    // Fails if the reader has closed the pipe.
    let _ = writeln!(std::io::stdout(), "{name:<16}{text}");
}
