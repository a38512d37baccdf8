//! Emulates a client's network link: delay, loss, and a bottleneck that may change. The same seed
//! gives the same link.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use str0m_netem::{
    Bitrate, DataSize, GilbertElliot, Input, LossModel, Netem, NetemConfig, Output, Probability,
    RandomLoss,
};

/// The queue before the bottleneck, as a time, as in home routers.
const QUEUE: Duration = Duration::from_millis(200);
/// The interval of the trace.
const TRACE_INTERVAL: Duration = Duration::from_millis(250);

/// The configuration of a link in both directions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LinkConfig {
    /// Percentage of packets lost, independently of each other.
    pub(crate) loss_percent: f32,
    /// Average length of loss bursts in packets; by default losses are independent.
    pub(crate) loss_burst: Option<f32>,
    pub(crate) delay_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Capacity towards the client; the other direction is unlimited.
    pub(crate) down_kbps: Option<u32>,
    /// Changes of the capacity during the measurement.
    pub(crate) steps: Vec<LinkStep>,
}

/// A change of the capacity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkStep {
    /// Seconds after the start of the measurement.
    pub(crate) at: f64,
    pub(crate) down_kbps: u32,
}

/// Counts what the server sent to the link, what was delivered, and the link's capacity, in kbit/s per
/// interval.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct LinkTrace {
    pub(crate) interval_seconds: f64,
    pub(crate) sent_kbps: Vec<f64>,
    pub(crate) delivered_kbps: Vec<f64>,
    pub(crate) capacity_kbps: Vec<Option<u32>>,
}

/// An emulated link in both directions.
pub(crate) struct LinkEmulator {
    link: LinkConfig,
    seed: u64,
    capacity: Option<u32>,
    down: Netem<Vec<u8>>,
    up: Netem<Vec<u8>>,
    counting: Option<Counting>,
}

struct Counting {
    since: Instant,
    next_step: usize,
    next_sample: Instant,
    sent: u64,
    delivered: u64,
    trace: LinkTrace,
}

impl LinkEmulator {
    pub(crate) fn new(link: LinkConfig, seed: u64) -> Self {
        let down = Netem::new(configure(&link, link.down_kbps, seed));
        let up = Netem::new(configure(&link, None, seed ^ 1));
        Self { capacity: link.down_kbps, link, seed, down, up, counting: None }
    }

    /// Starts the measurement.
    pub(crate) fn start_counting(&mut self, now: Instant) {
        self.counting = Some(Counting {
            since: now,
            next_step: 0,
            next_sample: now + TRACE_INTERVAL,
            sent: 0,
            delivered: 0,
            trace: LinkTrace {
                interval_seconds: TRACE_INTERVAL.as_secs_f64(),
                ..LinkTrace::default()
            },
        });
    }

    /// Returns the trace since the start of the measurement.
    pub(crate) fn trace(&self) -> Option<LinkTrace> {
        self.counting.as_ref().map(|counting| counting.trace.clone())
    }

    /// Returns the start of the trace.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.counting.as_ref().map(|counting| counting.since)
    }

    /// Accepts a datagram from the server.
    pub(crate) fn push_down(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(counting) = &mut self.counting {
            counting.sent += datagram.len() as u64;
        }
        self.down.handle_input(Input::Packet(now, datagram.to_vec()));
    }

    /// Accepts a datagram to the server.
    pub(crate) fn push_up(&mut self, now: Instant, datagram: &[u8]) {
        self.up.handle_input(Input::Packet(now, datagram.to_vec()));
    }

    /// Advances the emulation to `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Some(counting) = &mut self.counting {
            let step = self.link.steps.get(counting.next_step);
            let due = step.filter(|step| now >= counting.since + Duration::from_secs_f64(step.at));
            if let Some(step) = due {
                counting.next_step += 1;
                self.capacity = Some(step.down_kbps);
                self.down.set_config(configure(&self.link, self.capacity, self.seed));
            }
            while now >= counting.next_sample {
                let kbps = |bytes: u64| bytes as f64 * 0.008 / TRACE_INTERVAL.as_secs_f64();
                counting.trace.sent_kbps.push(kbps(std::mem::take(&mut counting.sent)));
                counting.trace.delivered_kbps.push(kbps(std::mem::take(&mut counting.delivered)));
                counting.trace.capacity_kbps.push(self.capacity);
                counting.next_sample += TRACE_INTERVAL;
            }
        }
        self.down.handle_input(Input::Timeout(now));
        self.up.handle_input(Input::Timeout(now));
    }

    /// Returns the next datagram that reaches the client.
    pub(crate) fn poll_down(&mut self) -> Option<Vec<u8>> {
        let datagram = poll(&mut self.down)?;
        if let Some(counting) = &mut self.counting {
            counting.delivered += datagram.len() as u64;
        }
        Some(datagram)
    }

    /// Returns the next datagram that reaches the server.
    pub(crate) fn poll_up(&mut self) -> Option<Vec<u8>> {
        poll(&mut self.up)
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        let next = self.down.poll_timeout().min(self.up.poll_timeout());
        self.counting.as_ref().map_or(next, |counting| next.min(counting.next_sample))
    }
}

fn poll(netem: &mut Netem<Vec<u8>>) -> Option<Vec<u8>> {
    loop {
        match netem.poll_output()? {
            Output::Packet(datagram) => return Some(datagram),
            Output::Timeout(_) => {}
        }
    }
}

fn configure(link: &LinkConfig, kbps: Option<u32>, seed: u64) -> NetemConfig {
    let probability = Probability::new(link.loss_percent / 100.0);
    let loss: LossModel = match link.loss_burst {
        None => RandomLoss::new(probability).into(),
        Some(burst) => {
            let good = burst * (1.0 - probability.value()) / probability.value().max(0.0001);
            GilbertElliot::new().good_duration(good).bad_duration(burst).into()
        }
    };
    let config = NetemConfig::new()
        .latency(Duration::from_millis(link.delay_ms))
        .jitter(Duration::from_millis(link.jitter_ms))
        .loss(loss)
        .seed(seed);
    match kbps {
        Some(kbps) => {
            let queued = i64::from(kbps) * 125 * QUEUE.as_millis() as i64 / 1_000;
            config.link(Bitrate::kbps(kbps.into()), DataSize::bytes(queued.max(3_000)))
        }
        None => config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_configured_capacity_and_changes_at_each_step() {
        let start = Instant::now();
        let steps = vec![LinkStep { at: 1.0, down_kbps: 400 }];
        let link = LinkConfig { down_kbps: Some(800), steps, ..LinkConfig::default() };
        let mut emulator = LinkEmulator::new(link, 1);
        emulator.start_counting(start);
        // Sends 1,600 kbit/s: twice, then four times the capacity.
        for ms in (0..2_000u64).step_by(5) {
            let now = start + Duration::from_millis(ms);
            emulator.handle_timeout(now);
            while emulator.poll_down().is_some() {}
            emulator.push_down(now, &[0; 1_000]);
        }
        emulator.handle_timeout(start + Duration::from_millis(2_001));
        let trace = emulator.trace().expect("a trace");
        assert_eq!(trace.capacity_kbps, [[Some(800); 3].as_slice(), &[Some(400); 5]].concat());
        let about = |kbps: f64, expected: f64| (kbps - expected).abs() < expected * 0.15;
        assert!(trace.sent_kbps.iter().all(|kbps| about(*kbps, 1_600.0)), "{trace:?}");
        assert!(about(trace.delivered_kbps[2], 800.0), "{trace:?}");
        assert!(about(trace.delivered_kbps[7], 400.0), "{trace:?}");
    }

    #[test]
    fn the_same_seed_loses_the_same_packets() {
        let run = |seed| {
            let start = Instant::now();
            let mut emulator =
                LinkEmulator::new(LinkConfig { loss_percent: 20.0, ..LinkConfig::default() }, seed);
            let mut delivered = Vec::new();
            for n in 0..1_000u32 {
                let now = start + Duration::from_millis(n.into());
                emulator.push_down(now, &n.to_be_bytes());
                emulator.handle_timeout(now);
                delivered.extend(std::iter::from_fn(|| emulator.poll_down()));
            }
            delivered
        };
        assert_eq!(run(5), run(5));
        assert!((720..880).contains(&run(5).len()));
        assert_ne!(run(5), run(6));
    }
}
