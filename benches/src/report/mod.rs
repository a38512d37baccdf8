//! The report of one run.

mod audio;
mod encodings;
pub(crate) mod links;
mod text;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::BenchError;
use crate::client::StreamStats;
use crate::media::{ClientReport, RECEIVING_OFFSET, ThreadReport};
use crate::participant::JoinTimings;
use crate::run::{BenchOptions, RunMeasurements};
use crate::scenario::{Group, Payload, Scenario};
use audio::AudioDelivery;
use encodings::Encodings;
use links::LinkReport;

pub(crate) use text::print_sendto;

/// A media thread with a higher load distorts the results.
const MAX_THREAD_LOAD: f64 = 0.85;
/// More processors used by other processes distort the results.
const MAX_OTHER_CORES: f64 = 0.25;
/// A higher timer lag distorts the results.
const MAX_TIMER_LAG: Duration = Duration::from_millis(20);

/// Minimum, median, 95th and 99th percentile, and maximum.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Distribution {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Distribution {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at =
            |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len() - 1));
        let (first, last) = (values.first().copied()?, values.last().copied()?);
        let (median, p95, p99) = (*at(0.5)?, *at(0.95)?, *at(0.99)?);
        Some(Self { min: first, median, p95, p99, max: last })
    }
}

/// The report of one run, as written to JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The name of the server: this project's or another one.
    pub(crate) server: String,
    pub(crate) scenario: Scenario,
    /// CPU microseconds of one bare `sendto`.
    pub(crate) sendto_us: f64,
    /// Media packets that reached a receiver's socket, without retransmissions and probes.
    pub(crate) forwarded_packets: u64,
    pub(crate) packets_per_second: f64,
    /// Media packets that participants sent.
    pub(crate) published_packets_per_second: f64,
    /// Retransmissions and bandwidth probes, not included above.
    pub(crate) extra_packets_per_second: f64,
    /// CPU microseconds of the server per forwarded packet.
    pub(crate) cpu_us_per_packet: Option<f64>,
    /// The same in units of a bare `sendto`.
    pub(crate) cpu_sendtos_per_packet: Option<f64>,
    /// CPU microseconds of the server's media threads per forwarded packet, without signalling,
    /// metrics and other work of the process.
    pub(crate) media_cpu_us_per_packet: Option<f64>,
    pub(crate) packets_per_core_second: Option<f64>,
    pub(crate) server_cores: Option<f64>,
    pub(crate) memory_bytes_per_participant: Option<u64>,
    /// Microseconds from sender to receiver: of packets, or with end-to-end encryption of complete
    /// frames. Includes up to half a millisecond of the bench's own tick.
    pub(crate) latency_p50_us: u64,
    pub(crate) latency_p99_us: u64,
    pub(crate) latency_p999_us: u64,
    /// Microseconds from reading a batch to having forwarded it, from the server's metrics.
    pub(crate) forward_p50_us: Option<f64>,
    pub(crate) forward_p99_us: Option<f64>,
    pub(crate) totals: Totals,
    pub(crate) groups: Vec<GroupReport>,
    pub(crate) links: Vec<LinkReport>,
    /// Expected tracks of which a participant received nothing.
    pub(crate) missing_tracks: u64,
    /// Media connections that the server ended.
    pub(crate) connections_lost: usize,
    pub(crate) overhead_bytes_audio: Option<usize>,
    pub(crate) overhead_bytes_video: Option<usize>,
    /// Milliseconds from the start of the join (the token request).
    pub(crate) joined_ms: Option<Distribution>,
    pub(crate) first_keys_ms: Option<Distribution>,
    pub(crate) connected_ms: Option<Distribution>,
    pub(crate) first_frame_ms: Option<Distribution>,
    pub(crate) bench: BenchReport,
}

/// Sums over streams.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    /// Not received in time.
    pub(crate) lost: u64,
    /// Retransmitted on request and received in time.
    pub(crate) recovered: u64,
    /// Received after a later packet.
    pub(crate) reordered: u64,
    pub(crate) nacks: u64,
    pub(crate) plis: u64,
    /// Complete video frames.
    pub(crate) video_frames: u64,
    pub(crate) freezes: u64,
    /// Milliseconds of frozen video per minute of video.
    pub(crate) frozen_ms_per_minute: f64,
    pub(crate) encodings: Encodings,
    pub(crate) audio: AudioDelivery,
    /// Frames decrypted end to end.
    pub(crate) decrypted_frames: u64,
    pub(crate) lost_frames: u64,
    /// Packets or frames that did not authenticate.
    pub(crate) unauthentic: u64,
    /// Packets on SSRCs that were not announced.
    pub(crate) unknown_ssrc: u64,
}

/// The sums for one group of participants.
#[derive(Debug, Serialize)]
pub(crate) struct GroupReport {
    pub(crate) name: String,
    /// The average per participant.
    pub(crate) received_kbps: f64,
    pub(crate) latency_p50_us: u64,
    pub(crate) latency_p99_us: u64,
    #[serde(flatten)]
    pub(crate) totals: Totals,
}

/// The load of the bench itself, and whether it distorted the results.
#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    pub(crate) cores: f64,
    /// Processors used by processes other than the server and the bench.
    pub(crate) other_cores: Option<f64>,
    /// The share of time that the busiest media thread did not sleep.
    pub(crate) busiest_thread_load: f64,
    pub(crate) timer_lag_p99_us: u64,
    pub(crate) received_dropped: u64,
    pub(crate) unsent: u64,
    /// Datagrams dropped because of full receive buffers of the server.
    pub(crate) server_dropped: u64,
    /// UDP GRO was enabled on the bench's sockets.
    pub(crate) gro: bool,
    /// Why the results are distorted; `None` if they are not.
    pub(crate) bottleneck: Option<String>,
}

impl Report {
    /// Computes the report of a run.
    pub(crate) fn new(
        scenario: &Scenario,
        server: &str,
        options: BenchOptions,
        measurements: &RunMeasurements,
    ) -> Self {
        let RunMeasurements { sendto_us, before, after, thread_reports, timings, .. } =
            measurements;
        let wall = (after.at - before.at).as_secs_f64();
        let clients: Vec<&ClientReport> =
            thread_reports.iter().flat_map(|report| &report.clients).collect();
        let forwarded: u64 = clients.iter().map(|client| client.media_packets).sum();
        let sent: u64 = clients.iter().map(|client| client.sent_packets).sum();
        let extra: u64 = clients.iter().map(|client| client.extra_packets).sum();
        let server_cpu = before.server_cpu.zip(after.server_cpu);
        let server_cpu = server_cpu.map(|(before, after)| (after - before).as_secs_f64());
        let per_packet = server_cpu.filter(|_| forwarded > 0).map(|s| s * 1e6 / forwarded as f64);
        let media_cpu = before.media_cpu.zip(after.media_cpu).filter(|_| forwarded > 0);
        let media_us = media_cpu.map(|(before, after)| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / forwarded as f64
        });
        let memory = measurements.memory_before.zip(measurements.memory_after);
        let memory = memory.map(|(before, after)| {
            after.saturating_sub(before) / u64::from(scenario.count().max(1))
        });
        let latencies = Latencies::of(&clients);
        let forward = |q| after.forward.quantile_since(&before.forward, q).map(|s| s * 1e6);
        let max_overhead =
            |pick: fn(&ClientReport) -> usize| clients.iter().map(|client| pick(client)).max();
        let max_overhead = |pick| max_overhead(pick).filter(|_| scenario.is_end_to_end());
        let distribution = |stage: fn(&JoinTimings) -> Option<Duration>| {
            Distribution::of(
                timings.iter().filter_map(stage).map(|at| at.as_secs_f64() * 1e3).collect(),
            )
        };
        Self {
            server: server.to_owned(),
            scenario: scenario.clone(),
            sendto_us: *sendto_us,
            forwarded_packets: forwarded,
            packets_per_second: forwarded as f64 / wall,
            published_packets_per_second: sent as f64 / wall,
            extra_packets_per_second: extra as f64 / wall,
            cpu_us_per_packet: per_packet,
            cpu_sendtos_per_packet: per_packet.map(|us| us / sendto_us),
            media_cpu_us_per_packet: media_us,
            packets_per_core_second: per_packet.map(|us| 1e6 / us),
            server_cores: server_cpu.map(|seconds| seconds / wall),
            memory_bytes_per_participant: memory,
            latency_p50_us: latencies.at(0.5),
            latency_p99_us: latencies.at(0.99),
            latency_p999_us: latencies.at(0.999),
            forward_p50_us: forward(0.5),
            forward_p99_us: forward(0.99),
            totals: Totals::of(&clients, wall),
            groups: group_reports(scenario, &clients, wall),
            links: LinkReport::of(scenario, &clients),
            missing_tracks: missing_tracks(scenario, &clients),
            connections_lost: timings.iter().filter(|timings| timings.media_lost).count(),
            overhead_bytes_audio: max_overhead(|client| client.overhead_bytes.0),
            overhead_bytes_video: max_overhead(|client| client.overhead_bytes.1),
            joined_ms: distribution(|timings| timings.joined),
            first_keys_ms: distribution(|timings| timings.first_keys),
            connected_ms: distribution(|timings| timings.connected),
            first_frame_ms: distribution(|timings| timings.first_frame),
            bench: BenchReport::of(options, measurements, wall, server_cpu.unwrap_or(0.0) / wall),
        }
    }

    /// Returns an error if a result cannot be right; slow results are no error.
    pub(crate) fn check_plausibility(&self) -> Result<(), BenchError> {
        let Totals { packets, lost, unauthentic, unknown_ssrc, .. } = self.totals;
        let no_links = self.links.is_empty()
            && self.scenario.participants.iter().all(|group| group.link.is_none());
        let dropped = self.bench.received_dropped + self.bench.server_dropped;
        let failure = if self.forwarded_packets == 0 {
            "nothing was forwarded".to_owned()
        } else if self.connections_lost > 0 && dropped == 0 {
            format!("{} media connections were lost on loopback", self.connections_lost)
        } else if self.missing_tracks > 0 {
            let missing = self.missing_tracks;
            format!("{missing} expected tracks were not received")
        } else if unauthentic > 0 && no_links {
            format!("{unauthentic} packets or frames did not authenticate")
        } else if unknown_ssrc > 0 {
            format!(
                "{unknown_ssrc} packets were received on SSRCs that the answer does not announce"
            )
        } else if self.scenario.is_end_to_end() && self.totals.decrypted_frames == 0 {
            "no frame was decrypted".to_owned()
        // Losses because of full buffers mean a slow machine, not an error.
        } else if no_links && lost * 100 > packets + lost && dropped == 0 {
            format!("{lost} of {} packets were lost on loopback", packets + lost)
        } else {
            return Ok(());
        };
        Err(BenchError::Failed(failure))
    }
}

/// The latencies of several clients.
struct Latencies(Option<Histogram<u32>>);

impl Latencies {
    fn of(clients: &[&ClientReport]) -> Self {
        let mut sum: Option<Histogram<u32>> = None;
        for client in clients {
            match &mut sum {
                None => sum = Some(client.received.latency.clone()),
                // All histograms have the same bounds, so adding cannot fail.
                Some(sum) => sum.add(&client.received.latency).unwrap_or_default(),
            }
        }
        Self(sum)
    }

    fn at(&self, quantile: f64) -> u64 {
        self.0.as_ref().map_or(0, |latency| latency.value_at_quantile(quantile))
    }
}

impl Totals {
    fn of(clients: &[&ClientReport], wall: f64) -> Self {
        let (encodings, audio) = (Encodings::of(clients, wall), AudioDelivery::of(clients));
        let mut totals = Self { encodings, audio, ..Self::default() };
        let mut frozen = Duration::ZERO;
        let mut video_streams = 0usize;
        for client in clients {
            totals.nacks += client.received.nacks;
            totals.plis += client.received.plis;
            totals.decrypted_frames += client.received.video_frames + client.received.audio_frames;
            totals.lost_frames += client.received.frames_lost;
            totals.unauthentic += client.received.unauthentic;
            totals.unknown_ssrc += client.received.unknown_ssrc;
            for stream in &client.streams {
                let StreamStats { packets, lost, recovered, reordered, .. } = *stream;
                totals.packets += packets;
                totals.lost += lost;
                totals.recovered += recovered;
                totals.reordered += reordered;
                if stream.audio {
                    continue;
                }
                video_streams += 1;
                totals.video_frames += stream.frames;
                totals.freezes += stream.freezes;
                frozen += stream.frozen;
            }
        }
        let minutes = video_streams as f64 * wall / 60.0;
        totals.frozen_ms_per_minute = frozen.as_secs_f64() * 1e3 / minutes.max(1e-9);
        totals
    }
}

/// Returns the clients of the group with index `at`. Participants are numbered group by group;
/// replacements have higher numbers and belong to no group.
fn clients_of_group<'a>(
    scenario: &Scenario,
    at: usize,
    clients: &[&'a ClientReport],
) -> Vec<&'a ClientReport> {
    let before: u32 = scenario.participants[..at].iter().map(|group| group.count).sum();
    let range = before..before + scenario.participants[at].count;
    let belongs = |client: &&&ClientReport| range.contains(&(client.number % RECEIVING_OFFSET));
    clients.iter().filter(belongs).copied().collect()
}

fn group_reports(scenario: &Scenario, clients: &[&ClientReport], wall: f64) -> Vec<GroupReport> {
    let group = |(at, group): (usize, &Group)| {
        let clients = clients_of_group(scenario, at, clients);
        let latencies = Latencies::of(&clients);
        let bytes: u64 = clients.iter().map(|client| client.received.bytes).sum();
        GroupReport {
            name: group.name.clone(),
            received_kbps: bytes as f64 * 0.008 / wall / f64::from(group.count.max(1)),
            latency_p50_us: latencies.at(0.5),
            latency_p99_us: latencies.at(0.99),
            totals: Totals::of(&clients, wall),
        }
    };
    scenario.participants.iter().enumerate().map(group).collect()
}

/// Counts the tracks that a participant should have received, given its slots, and did not. Only
/// participants that were connected for the whole measurement count.
fn missing_tracks(scenario: &Scenario, clients: &[&ClientReport]) -> u64 {
    let stays = |group: &&Group| group.stay_seconds.is_none();
    let of_kind = |group: &Group, audio| {
        group.publishes.iter().filter(|source| source.is_audio() == audio).count() as u64
    };
    let of_all = |audio| {
        let stay = scenario.participants.iter().filter(stays);
        stay.map(|group| u64::from(group.count) * of_kind(group, audio)).sum::<u64>()
    };
    let mut missing = 0;
    for (at, group) in scenario.participants.iter().enumerate() {
        for client in clients_of_group(scenario, at, clients)
            .iter()
            .filter(|client| client.present_throughout)
        {
            for (audio, slots) in [(true, client.slots.audio), (false, client.slots.video)] {
                let own = if stays(&group) { of_kind(group, audio) } else { 0 };
                let expected = (of_all(audio) - own).min(slots.into());
                let received = client.received.tracks.keys().filter(|(_, s)| s.is_audio() == audio);
                missing += expected.saturating_sub(received.count() as u64);
            }
        }
    }
    missing
}

impl BenchReport {
    fn of(
        options: BenchOptions,
        measurements: &RunMeasurements,
        wall: f64,
        server_cores: f64,
    ) -> Self {
        let RunMeasurements { before, after, thread_reports, .. } = measurements;
        let ports = |pick: fn(&ThreadReport) -> &Vec<u16>| {
            thread_reports.iter().flat_map(pick).copied().collect::<Vec<u16>>()
        };
        let mut server_ports = ports(|harvest| &harvest.server_ports);
        server_ports.sort_unstable();
        server_ports.dedup();
        let busiest =
            thread_reports.iter().map(|h| h.busy.as_secs_f64() / wall).fold(0.0, f64::max);
        let timer_lag = thread_reports.iter().map(|h| h.timer_lag.value_at_quantile(0.99)).max();
        let cores = (after.bench_cpu - before.bench_cpu).as_secs_f64() / wall;
        let machine = before.machine_cpu.zip(after.machine_cpu);
        let other = machine.map(|(before, after)| {
            let all = after.saturating_sub(before).as_secs_f64() / wall;
            (all - cores - server_cores).max(0.0)
        });
        let mut report = Self {
            other_cores: other,
            cores,
            busiest_thread_load: busiest,
            timer_lag_p99_us: timer_lag.unwrap_or(0),
            received_dropped: after.dropped_since(before, &ports(|harvest| &harvest.ports)),
            unsent: thread_reports.iter().map(|harvest| harvest.unsent).sum(),
            server_dropped: after.dropped_since(before, &server_ports),
            gro: options.gro,
            bottleneck: None,
        };
        let all = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let mut reasons = Vec::new();
        if report.busiest_thread_load > MAX_THREAD_LOAD {
            let percent = report.busiest_thread_load * 100.0;
            reasons.push(format!("a media thread was busy for {percent:.0} % of the time"));
        }
        if Duration::from_micros(report.timer_lag_p99_us) > MAX_TIMER_LAG {
            let ms = report.timer_lag_p99_us as f64 / 1e3;
            reasons.push(format!("timers were more than {ms:.0} ms late at the 99th percentile"));
        }
        if report.received_dropped > 0 {
            let dropped = report.received_dropped;
            reasons.push(format!(
                "{dropped} datagrams were dropped because of full buffers of the bench"
            ));
        }
        if report.cores + server_cores > 0.95 * all {
            reasons.push("server and bench together used all processors".to_owned());
        }
        if let Some(other) = report.other_cores.filter(|other| *other > MAX_OTHER_CORES) {
            reasons.push(format!("other processes used {other:.2} processors"));
        }
        report.bottleneck = (!reasons.is_empty()).then(|| reasons.join("; "));
        report
    }
}

/// Returns the name of a payload for people.
pub(crate) fn payload_name(payload: Payload) -> &'static str {
    match payload {
        Payload::Opaque => "opaque",
        Payload::EndToEnd => "end to end, post-quantum",
        Payload::EndToEndClassic => "end to end, classic",
    }
}
