//! What a run has found.

mod encodings;
pub(crate) mod links;
mod sound;
mod text;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::BenchError;
use crate::client::StreamStats;
use crate::media::{Figures, Harvest, RECEIVING};
use crate::participant::Stages;
use crate::run::{Engine, Findings};
use crate::scenario::{Group, Payload, Scenario};
use encodings::Encodings;
use links::LinkFigures;
use sound::Sound;

pub(crate) use text::print_floor;

/// A media thread that works for a larger part of the time is not fast enough.
const BUSY: f64 = 0.85;
/// More than this of a processor for others, and they get into the figures.
const OTHERS: f64 = 0.25;
/// Timers served later than that are not those of a browser on a machine of its own.
const LATE: Duration = Duration::from_millis(20);

/// Minimum, median and maximum, and what 95 and 99 of a hundred stay below.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at =
            |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len() - 1));
        let (first, last) = (values.first().copied()?, values.last().copied()?);
        let (median, p95, p99) = (*at(0.5)?, *at(0.95)?, *at(0.99)?);
        Some(Self { min: first, median, p95, p99, max: last })
    }
}

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whose: this project's server, or a peer's.
    pub(crate) server: String,
    pub(crate) scenario: Scenario,
    /// CPU microseconds of one bare sendto, the unit of `floors`.
    pub(crate) floor_us: f64,
    /// Media packets that reached a subscriber's socket, without resent ones and probes.
    pub(crate) forwarded_packets: u64,
    pub(crate) packets_per_second: f64,
    /// Media packets that participants sent.
    pub(crate) published_packets_per_second: f64,
    /// Resent packets and probes, which came on top.
    pub(crate) extra_packets_per_second: f64,
    /// CPU microseconds of the server per forwarded packet, and the same in floors.
    pub(crate) cpu_us_per_packet: Option<f64>,
    pub(crate) cpu_floors_per_packet: Option<f64>,
    /// Of the microseconds, those of the threads that forward media: without signalling, metrics
    /// and whatever else the process does.
    pub(crate) media_us_per_packet: Option<f64>,
    pub(crate) packets_per_core_second: Option<f64>,
    pub(crate) server_cores: Option<f64>,
    pub(crate) memory_bytes_per_participant: Option<u64>,
    /// From the sender's clock to the receiver's, microseconds: of packets, or end to end of whole
    /// video and audio frames. Half a millisecond of it is the bench's own tick.
    pub(crate) latency_p50_us: u64,
    pub(crate) latency_p99_us: u64,
    pub(crate) latency_p999_us: u64,
    /// From reading a batch to having sent what came of it, by the server's own metrics.
    pub(crate) forward_p50_us: Option<f64>,
    pub(crate) forward_p99_us: Option<f64>,
    pub(crate) totals: Totals,
    pub(crate) groups: Vec<GroupFigures>,
    pub(crate) links: Vec<LinkFigures>,
    pub(crate) silent_tracks: u64,
    /// Media connections that the server gave up.
    pub(crate) connections_lost: usize,
    pub(crate) bytes_added_audio: Option<usize>,
    pub(crate) bytes_added_video: Option<usize>,
    /// From the start of the join (token, socket), milliseconds.
    pub(crate) joined_ms: Option<Spread>,
    pub(crate) keyed_ms: Option<Spread>,
    pub(crate) connected_ms: Option<Spread>,
    pub(crate) first_frame_ms: Option<Spread>,
    pub(crate) bench: BenchFigures,
}

/// What streams have seen, added up.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    /// Missing and given up.
    pub(crate) lost: u64,
    /// Missing, asked for and resent in time.
    pub(crate) recovered: u64,
    /// Came after a later one.
    pub(crate) overtaken: u64,
    pub(crate) nacks: u64,
    pub(crate) plis: u64,
    /// Whole video frames.
    pub(crate) video_frames: u64,
    pub(crate) freezes: u64,
    /// How long pictures stood still, for each minute that one was shown.
    pub(crate) frozen_ms_per_minute: f64,
    pub(crate) encodings: Encodings,
    pub(crate) sound: Sound,
    /// Frames opened end to end, and those that were not.
    pub(crate) opened_frames: u64,
    pub(crate) lost_frames: u64,
    pub(crate) refused: u64,
    /// On SSRCs that nobody had announced.
    pub(crate) unknown: u64,
}

/// The same for those who do the same.
#[derive(Debug, Serialize)]
pub(crate) struct GroupFigures {
    pub(crate) name: String,
    /// Of each, on average.
    pub(crate) received_kbps: f64,
    pub(crate) latency_p50_us: u64,
    pub(crate) latency_p99_us: u64,
    #[serde(flatten)]
    pub(crate) totals: Totals,
}

/// Whether the bench itself was in the way.
#[derive(Debug, Serialize)]
pub(crate) struct BenchFigures {
    pub(crate) cores: f64,
    /// Processors that neither the server nor the bench had.
    pub(crate) other_cores: Option<f64>,
    /// The share of the time that the busiest media thread did not sleep.
    pub(crate) busiest_thread: f64,
    pub(crate) late_p99_us: u64,
    pub(crate) received_dropped: u64,
    pub(crate) unsent: u64,
    /// What found the server's buffers full: its own, or the machine's, slowness.
    pub(crate) server_dropped: u64,
    /// The kernel handed over together what was sent together.
    pub(crate) together: bool,
    /// Why figures are not the server's alone; none if they are.
    pub(crate) bottleneck: Option<String>,
}

impl Report {
    pub(crate) fn new(
        scenario: &Scenario,
        server: &str,
        engine: Engine,
        findings: &Findings,
    ) -> Self {
        let Findings { floor_us, before, after, harvests, stages, .. } = findings;
        let wall = (after.at - before.at).as_secs_f64();
        let figures: Vec<&Figures> = harvests.iter().flat_map(|h| &h.figures).collect();
        let forwarded: u64 = figures.iter().map(|f| f.arrived).sum();
        let sent: u64 = figures.iter().map(|f| f.sent_packets).sum();
        let extra: u64 = figures.iter().map(|f| f.extra).sum();
        let server_cpu = before.server_cpu.zip(after.server_cpu);
        let server_cpu = server_cpu.map(|(before, after)| (after - before).as_secs_f64());
        let per_packet = server_cpu.filter(|_| forwarded > 0).map(|s| s * 1e6 / forwarded as f64);
        let media_cpu = before.media_cpu.zip(after.media_cpu).filter(|_| forwarded > 0);
        let media_us = media_cpu.map(|(before, after)| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / forwarded as f64
        });
        let memory = findings.memory_before.zip(findings.memory_after);
        let memory = memory.map(|(before, after)| {
            after.saturating_sub(before) / u64::from(scenario.count().max(1))
        });
        let way = Ways::of(&figures);
        let forward = |q| after.forward.quantile_since(&before.forward, q).map(|s| s * 1e6);
        let added = |pick: fn(&Figures) -> usize| figures.iter().map(|f| pick(f)).max();
        let added = |pick| added(pick).filter(|_| scenario.is_end_to_end());
        let spread = |stage: fn(&Stages) -> Option<Duration>| {
            Spread::of(stages.iter().filter_map(stage).map(|at| at.as_secs_f64() * 1e3).collect())
        };
        Self {
            server: server.to_owned(),
            scenario: scenario.clone(),
            floor_us: *floor_us,
            forwarded_packets: forwarded,
            packets_per_second: forwarded as f64 / wall,
            published_packets_per_second: sent as f64 / wall,
            extra_packets_per_second: extra as f64 / wall,
            cpu_us_per_packet: per_packet,
            cpu_floors_per_packet: per_packet.map(|us| us / floor_us),
            media_us_per_packet: media_us,
            packets_per_core_second: per_packet.map(|us| 1e6 / us),
            server_cores: server_cpu.map(|seconds| seconds / wall),
            memory_bytes_per_participant: memory,
            latency_p50_us: way.at(0.5),
            latency_p99_us: way.at(0.99),
            latency_p999_us: way.at(0.999),
            forward_p50_us: forward(0.5),
            forward_p99_us: forward(0.99),
            totals: Totals::of(&figures, wall),
            groups: groups(scenario, &figures, wall),
            links: LinkFigures::of(scenario, &figures),
            silent_tracks: silent_tracks(scenario, &figures),
            connections_lost: stages.iter().filter(|stages| stages.media_lost).count(),
            bytes_added_audio: added(|f| f.bytes_added.0),
            bytes_added_video: added(|f| f.bytes_added.1),
            joined_ms: spread(|stages| stages.joined),
            keyed_ms: spread(|stages| stages.keyed),
            connected_ms: spread(|stages| stages.connected),
            first_frame_ms: spread(|stages| stages.first_frame),
            bench: BenchFigures::of(engine, findings, wall, server_cpu.unwrap_or(0.0) / wall),
        }
    }

    /// A figure that cannot be right is an error; a slow one is not.
    pub(crate) fn verdict(&self) -> Result<(), BenchError> {
        let Totals { packets, lost, refused, unknown, .. } = self.totals;
        let no_links = self.links.is_empty()
            && self.scenario.participants.iter().all(|group| group.link.is_none());
        let dropped = self.bench.received_dropped + self.bench.server_dropped;
        let broken = if self.forwarded_packets == 0 {
            "nothing was forwarded".to_owned()
        } else if self.connections_lost > 0 && dropped == 0 {
            format!("{} media connections were lost on loopback", self.connections_lost)
        } else if self.silent_tracks > 0 {
            let silent = self.silent_tracks;
            format!("{silent} tracks were never seen by somebody who should have")
        } else if refused > 0 && no_links {
            format!("{refused} packets or frames did not authenticate")
        } else if unknown > 0 {
            format!("{unknown} packets came on SSRCs that the answer does not tell")
        } else if self.scenario.is_end_to_end() && self.totals.opened_frames == 0 {
            "no frame was opened".to_owned()
        // What is lost where a process gets no CPU is slow, not broken.
        } else if no_links && lost * 100 > packets + lost && dropped == 0 {
            format!("{lost} of {} packets were lost on loopback", packets + lost)
        } else {
            return Ok(());
        };
        Err(BenchError::Broken(broken))
    }
}

/// Ways of all clients, added up.
struct Ways(Option<Histogram<u32>>);

impl Ways {
    fn of(figures: &[&Figures]) -> Self {
        let mut sum: Option<Histogram<u32>> = None;
        for one in figures {
            match &mut sum {
                None => sum = Some(one.received.way.clone()),
                // All are made with the same bounds, so adding cannot fail.
                Some(sum) => sum.add(&one.received.way).unwrap_or_default(),
            }
        }
        Self(sum)
    }

    fn at(&self, quantile: f64) -> u64 {
        self.0.as_ref().map_or(0, |way| way.value_at_quantile(quantile))
    }
}

impl Totals {
    fn of(figures: &[&Figures], wall: f64) -> Self {
        let (encodings, sound) = (Encodings::of(figures, wall), Sound::of(figures));
        let mut totals = Self { encodings, sound, ..Self::default() };
        let mut frozen = Duration::ZERO;
        let mut shown = 0usize;
        for one in figures {
            totals.nacks += one.received.nacks;
            totals.plis += one.received.plis;
            totals.opened_frames += one.received.video_frames + one.received.audio_frames;
            totals.lost_frames += one.received.frames_lost;
            totals.refused += one.received.refused;
            totals.unknown += one.received.unknown;
            for stream in &one.streams {
                let StreamStats { packets, lost, recovered, late, .. } = *stream;
                totals.packets += packets;
                totals.lost += lost;
                totals.recovered += recovered;
                totals.overtaken += late;
                if stream.audio {
                    continue;
                }
                shown += 1;
                totals.video_frames += stream.frames;
                totals.freezes += stream.freezes;
                frozen += stream.frozen;
            }
        }
        let minutes = shown as f64 * wall / 60.0;
        totals.frozen_ms_per_minute = frozen.as_secs_f64() * 1e3 / minutes.max(1e-9);
        totals
    }
}

/// Which figures are of which group: numbers are given out group by group, and from then on to
/// whoever comes in place of somebody who left.
fn of_group<'a>(scenario: &Scenario, at: usize, figures: &[&'a Figures]) -> Vec<&'a Figures> {
    let before: u32 = scenario.participants[..at].iter().map(|group| group.count).sum();
    let range = before..before + scenario.participants[at].count;
    let owner = |one: &&&Figures| range.contains(&(one.number % RECEIVING));
    figures.iter().filter(owner).copied().collect()
}

fn groups(scenario: &Scenario, figures: &[&Figures], wall: f64) -> Vec<GroupFigures> {
    let group = |(at, group): (usize, &Group)| {
        let figures = of_group(scenario, at, figures);
        let way = Ways::of(&figures);
        let bytes: u64 = figures.iter().map(|one| one.received.bytes).sum();
        GroupFigures {
            name: group.name.clone(),
            received_kbps: bytes as f64 * 0.008 / wall / f64::from(group.count.max(1)),
            latency_p50_us: way.at(0.5),
            latency_p99_us: way.at(0.99),
            totals: Totals::of(&figures, wall),
        }
    };
    scenario.participants.iter().enumerate().map(group).collect()
}

/// Other participants' tracks, as far as there are slots for them, of which nothing came to
/// somebody who was there all the time.
fn silent_tracks(scenario: &Scenario, figures: &[&Figures]) -> u64 {
    let stays = |group: &&Group| group.stay_seconds.is_none();
    let of_kind = |group: &Group, audio| {
        group.publishes.iter().filter(|source| source.is_audio() == audio).count() as u64
    };
    let of_all = |audio| {
        let stay = scenario.participants.iter().filter(stays);
        stay.map(|group| u64::from(group.count) * of_kind(group, audio)).sum::<u64>()
    };
    let mut silent = 0;
    for (at, group) in scenario.participants.iter().enumerate() {
        for one in of_group(scenario, at, figures).iter().filter(|one| one.whole) {
            for (audio, slots) in [(true, one.slots.audio), (false, one.slots.video)] {
                let own = if stays(&group) { of_kind(group, audio) } else { 0 };
                let expected = (of_all(audio) - own).min(slots.into());
                let heard = one.received.heard.keys().filter(|(_, s)| s.is_audio() == audio);
                silent += expected.saturating_sub(heard.count() as u64);
            }
        }
    }
    silent
}

impl BenchFigures {
    fn of(engine: Engine, findings: &Findings, wall: f64, server_cores: f64) -> Self {
        let Findings { before, after, harvests, .. } = findings;
        let ports = |pick: fn(&Harvest) -> &Vec<u16>| {
            harvests.iter().flat_map(pick).copied().collect::<Vec<u16>>()
        };
        let mut server_ports = ports(|harvest| &harvest.server_ports);
        server_ports.sort_unstable();
        server_ports.dedup();
        let busiest = harvests.iter().map(|h| h.busy.as_secs_f64() / wall).fold(0.0, f64::max);
        let late = harvests.iter().map(|h| h.lateness.value_at_quantile(0.99)).max();
        let cores = (after.bench_cpu - before.bench_cpu).as_secs_f64() / wall;
        let machine = before.machine_cpu.zip(after.machine_cpu);
        let other = machine.map(|(before, after)| {
            let all = after.saturating_sub(before).as_secs_f64() / wall;
            (all - cores - server_cores).max(0.0)
        });
        let mut figures = Self {
            other_cores: other,
            cores,
            busiest_thread: busiest,
            late_p99_us: late.unwrap_or(0),
            received_dropped: after.dropped_since(before, &ports(|harvest| &harvest.ports)),
            unsent: harvests.iter().map(|harvest| harvest.unsent).sum(),
            server_dropped: after.dropped_since(before, &server_ports),
            together: engine.together,
            bottleneck: None,
        };
        let all = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let mut reasons = Vec::new();
        if figures.busiest_thread > BUSY {
            let percent = figures.busiest_thread * 100.0;
            reasons.push(format!("a media thread worked {percent:.0} % of the time"));
        }
        if Duration::from_micros(figures.late_p99_us) > LATE {
            let ms = figures.late_p99_us as f64 / 1e3;
            reasons.push(format!("one timer in a hundred was more than {ms:.0} ms late"));
        }
        if figures.received_dropped > 0 {
            let dropped = figures.received_dropped;
            reasons.push(format!("{dropped} datagrams found the bench's buffers full"));
        }
        if figures.cores + server_cores > 0.95 * all {
            reasons.push("server and bench together took all processors".to_owned());
        }
        if let Some(other) = figures.other_cores.filter(|other| *other > OTHERS) {
            reasons.push(format!("other work took {other:.2} processors"));
        }
        figures.bottleneck = (!reasons.is_empty()).then(|| reasons.join("; "));
        figures
    }
}

/// How the payload is called in a table.
pub(crate) fn payload_name(payload: Payload) -> &'static str {
    match payload {
        Payload::Opaque => "opaque",
        Payload::EndToEnd => "end to end, post-quantum",
        Payload::EndToEndClassic => "end to end, classic",
    }
}
