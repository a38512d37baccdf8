//! What a run has found, as a table and as JSON.

use std::io::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::BenchError;
use crate::participant::Seen;
use crate::scenario::Scenario;

/// Minimum, median and maximum over the participants, in milliseconds.
#[derive(Debug, Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (first, last) = (values.first().copied()?, values.last().copied()?);
        Some(Self { min: first, median: values[values.len() / 2], max: last })
    }
}

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: Scenario,
    /// CPU microseconds of one bare sendto, the unit of `floors`.
    floor_us: f64,
    forwarded_packets: f64,
    packets_per_second: f64,
    /// CPU microseconds of the server per forwarded packet, and the same in floors.
    cpu_us_per_packet: Option<f64>,
    cpu_floors_per_packet: Option<f64>,
    server_cores: Option<f64>,
    bench_cores: f64,
    memory_bytes_per_participant: Option<u64>,
    /// From protect at the sender to unprotect at the receiver, video, microseconds.
    latency_p50_us: u64,
    latency_p99_us: u64,
    video_frames: u64,
    audio_frames: u64,
    frames_lost: u64,
    frames_refused: u64,
    silent_tracks: usize,
    /// Datagrams for which somebody's receive buffer had no room: a process waited too long for
    /// the CPU. Of the whole machine.
    datagrams_overflowed: Option<u64>,
    bytes_added_audio: Option<usize>,
    bytes_added_video: Option<usize>,
    /// From the start of the join (token, socket), milliseconds.
    joined_ms: Option<Spread>,
    keyed_ms: Option<Spread>,
    connected_ms: Option<Spread>,
    first_frame_ms: Option<Spread>,
}

impl Report {
    #[expect(clippy::too_many_arguments, reason = "each is one reading of the run, used once")]
    pub(crate) fn new(
        scenario: &Scenario,
        floor_us: f64,
        wall: Duration,
        forwarded: f64,
        server_cpu: Option<Duration>,
        bench_cpu: Duration,
        memory: Option<u64>,
        overflowed: Option<u64>,
        seen: &[Seen],
    ) -> Self {
        let spread = |stage: fn(&Seen) -> Option<Duration>| {
            Spread::of(seen.iter().filter_map(stage).map(|at| at.as_secs_f64() * 1e3).collect())
        };
        let mut way: Option<Histogram<u64>> = None;
        for one in seen {
            match &mut way {
                None => way = Some(one.way.clone()),
                // All are made with the same bounds, so adding cannot fail.
                Some(way) => way.add(&one.way).unwrap_or_default(),
            }
        }
        let at = |quantile| way.as_ref().map_or(0, |way| way.value_at_quantile(quantile));
        let cpu_us_per_packet =
            server_cpu.filter(|_| forwarded > 0.0).map(|cpu| cpu.as_secs_f64() * 1e6 / forwarded);
        Self {
            scenario: scenario.clone(),
            floor_us,
            forwarded_packets: forwarded,
            packets_per_second: forwarded / wall.as_secs_f64(),
            cpu_us_per_packet,
            cpu_floors_per_packet: cpu_us_per_packet.map(|us| us / floor_us),
            server_cores: server_cpu.map(|cpu| cpu.as_secs_f64() / wall.as_secs_f64()),
            bench_cores: bench_cpu.as_secs_f64() / wall.as_secs_f64(),
            memory_bytes_per_participant: memory,
            latency_p50_us: at(0.5),
            latency_p99_us: at(0.99),
            video_frames: seen.iter().map(|one| one.video_frames).sum(),
            audio_frames: seen.iter().map(|one| one.audio_frames).sum(),
            frames_lost: seen.iter().map(|one| one.lost).sum(),
            frames_refused: seen.iter().map(|one| one.refused_frames).sum(),
            datagrams_overflowed: overflowed,
            silent_tracks: seen.iter().map(|one| one.silent_tracks).sum(),
            bytes_added_audio: seen.iter().filter_map(|one| one.bytes_added_audio).max(),
            bytes_added_video: seen.iter().filter_map(|one| one.bytes_added_video).max(),
            joined_ms: spread(|one| one.joined),
            keyed_ms: spread(|one| one.keyed),
            connected_ms: spread(|one| one.connected),
            first_frame_ms: spread(|one| one.first_frame),
        }
    }

    /// A figure that cannot be right is an error; a slow one is not.
    pub(crate) fn verdict(&self) -> Result<(), BenchError> {
        let opened = self.video_frames + self.audio_frames;
        let Self { frames_lost: lost, frames_refused: refused, silent_tracks: silent, .. } = *self;
        let broken = if opened == 0 || self.forwarded_packets <= 0.0 {
            "nothing was forwarded and opened".to_owned()
        } else if silent > 0 {
            format!("{silent} tracks were never seen by somebody who should have")
        } else if refused > 0 {
            format!("{refused} frames did not authenticate")
        // What is lost where a process gets no CPU is slow, not broken.
        } else if lost * 100 > opened + lost && self.datagrams_overflowed.is_none_or(|n| n == 0) {
            format!("{lost} of {} frames were lost on loopback", opened + lost)
        } else {
            return Ok(());
        };
        Err(BenchError::Broken(broken))
    }

    /// As a table on standard output.
    pub(crate) fn print(&self) {
        let Scenario { publishers, viewers, seconds, video_kbps, classic } = &self.scenario;
        let suite = if *classic { "classic" } else { "post-quantum" };
        line(
            "scenario",
            format!(
                "{publishers} publish, {viewers} watch, {video_kbps} kbit/s, {seconds} s, {suite}"
            ),
        );
        line("forwarded", format!("{:.0} packets/s", self.packets_per_second));
        if let (Some(us), Some(floors)) = (self.cpu_us_per_packet, self.cpu_floors_per_packet) {
            let floor = self.floor_us;
            line(
                "CPU per packet",
                format!("{us:.1} µs = {floors:.2} floors (a bare sendto: {floor:.1} µs)"),
            );
        }
        let server = self.server_cores.map_or("?".into(), |cores| format!("{cores:.2}"));
        line("cores used", format!("server {server}, this bench {:.2}", self.bench_cores));
        if let Some(bytes) = self.memory_bytes_per_participant {
            line("memory", format!("{:.2} MiB a participant", bytes as f64 / f64::from(1 << 20)));
        }
        let (p50, p99) = (self.latency_p50_us as f64 / 1e3, self.latency_p99_us as f64 / 1e3);
        line("frame latency", format!("p50 {p50:.1} ms, p99 {p99:.1} ms (protect to unprotect)"));
        line(
            "frames",
            format!(
                "{} video and {} audio opened, {} lost, {} refused",
                self.video_frames, self.audio_frames, self.frames_lost, self.frames_refused
            ),
        );
        if let Some(overflowed) = self.datagrams_overflowed.filter(|&datagrams| datagrams > 0) {
            line("note", format!("{overflowed} datagrams found a full buffer: too little CPU"));
        }
        let bytes = |bytes: Option<usize>| bytes.map_or("–".into(), |bytes| bytes.to_string());
        let (audio, video) = (bytes(self.bytes_added_audio), bytes(self.bytes_added_video));
        line("bytes added", format!("audio {audio}, video {video} a frame (at most)"));
        for (name, spread) in [
            ("joined", &self.joined_ms),
            ("first keys", &self.keyed_ms),
            ("connected", &self.connected_ms),
            ("first frame", &self.first_frame_ms),
        ] {
            if let Some(Spread { min, median, max }) = spread {
                line(name, format!("{min:.0} / {median:.0} / {max:.0} ms (min, median, max)"));
            }
        }
        if self.bench_cores > 0.9 * 2.0 - self.server_cores.unwrap_or(0.0) {
            line(
                "note",
                "this bench itself was short of CPU: latencies are not the server's".into(),
            );
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
