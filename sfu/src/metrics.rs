//! What is measured, as Prometheus metrics.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};
use sfu_core::{Counters, DropReason, Flow, Given, LinkReading, PacketKind, SrtpProfile, Worker};

use crate::cascade::Dropped;

/// The metrics of all workers.
#[derive(Clone)]
pub(crate) struct Metrics {
    packets: IntCounterVec,
    bytes: IntCounterVec,
    dropped: IntCounterVec,
    srtp: IntCounterVec,
    offers: IntCounterVec,
    nacks: IntCounterVec,
    key_frame_requests: IntCounterVec,
    forwarded: IntCounter,
    forwarded_bytes: IntCounter,
    panics: IntCounter,
    failures: IntCounter,
    silences: IntCounter,
    participants: IntGaugeVec,
    rooms: IntGaugeVec,
    overload: IntGaugeVec,
    relayed: IntCounterVec,
    relayed_bytes: IntCounterVec,
    relay_dropped: IntCounterVec,
    /// The share of its time that a worker's thread ran.
    pub(crate) load: GaugeVec,
    switches: IntCounterVec,
    /// Pictures by what is sent of them.
    pictures: IntGaugeVec,
    /// What links carry.
    estimates: Histogram,
    /// Datagrams that the kernel did not take.
    pub(crate) unsent: IntCounter,
    /// Reports that no room took in time.
    pub(crate) reports_lost: IntCounter,
    /// How long the oldest datagram of a batch had waited in the kernel.
    pub(crate) waited: Histogram,
    /// From a batch's arrival in the worker to the last packet that came of it being sent.
    pub(crate) forward: Histogram,
    /// How late a due timer was served.
    pub(crate) lag: Histogram,
    /// Datagrams read at once.
    pub(crate) received_at_once: Histogram,
    /// Datagrams sent by one system call, on average over a batch.
    pub(crate) sent_at_once: Histogram,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            add(
                registry,
                IntCounterVec::new(Opts::new(format!("orange_sfu_{name}"), help), labels)?,
            )
        };
        let counter = |name: &str, help: &str| {
            add(registry, IntCounter::new(format!("orange_sfu_{name}"), help)?)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let opts = Opts::new(format!("orange_sfu_{name}"), help);
            add(registry, IntGaugeVec::new(opts, labels)?)
        };
        let shares = |name: &str, help: &str| {
            let opts = Opts::new(format!("orange_sfu_{name}"), help);
            add(registry, GaugeVec::new(opts, &["worker"])?)
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            let opts = HistogramOpts::new(format!("orange_sfu_{name}"), help).buckets(buckets);
            add(registry, Histogram::with_opts(opts)?)
        };
        let seconds = exponential_buckets(0.000_025, 2.0, 14)?;
        let sizes = exponential_buckets(1.0, 2.0, 9)?;
        Ok(Self {
            packets: counters("packets_total", "Datagrams.", &["direction", "kind"])?,
            bytes: counters("bytes_total", "Bytes of datagrams.", &["direction", "kind"])?,
            dropped: counters("dropped_total", "Packets that went no further.", &["reason"])?,
            srtp: counters(
                "srtp_connections_total",
                "Publishing connections by hop-by-hop protection.",
                &["profile"],
            )?,
            offers: counters("offers_total", "Offers.", &["result"])?,
            nacks: counters("nacks_total", "Generic NACKs.", &["direction"])?,
            key_frame_requests: counters(
                "key_frame_requests_total",
                "Key frame requests: received from subscribers, sent to publishers.",
                &["direction"],
            )?,
            forwarded: counter("forwarded_packets_total", "RTP packets handed to subscribers.")?,
            forwarded_bytes: counter("forwarded_bytes_total", "Payload bytes of these.")?,
            panics: counter("panics_total", "Connections lost to a panic that was contained.")?,
            failures: counter("connection_failures_total", "Connections that failed.")?,
            silences: counter(
                "silent_connections_total",
                "Connections given up because nothing came over them.",
            )?,
            participants: gauges("participants", "Participants of a worker.", &["worker"])?,
            rooms: gauges("rooms", "Rooms in which a worker has a part.", &["worker"])?,
            overload: gauges(
                "overload_level",
                "What a worker gives up to keep up: 0 nothing, 1 larger pictures of cameras, 2 all pictures that are late.",
                &["worker"],
            )?,
            relayed: counters(
                "relay_packets_total",
                "RTP packets that a worker has for others on which their rooms go on.",
                &["worker"],
            )?,
            relayed_bytes: counters("relay_bytes_total", "Payload bytes of these.", &["worker"])?,
            relay_dropped: counters(
                "relay_dropped_total",
                "Those of them that found no room in the other worker's queue.",
                &["worker", "kind"],
            )?,
            load: shares("load", "The part of the last half second that a worker's thread ran.")?,
            switches: counters(
                "encoding_switches_total",
                "Pictures that went on in a larger or a smaller encoding.",
                &["direction"],
            )?,
            pictures: gauges(
                "pictures",
                "Pictures that subscribers have a slot for: sent as their screens want them, \
                 smaller, or left out, as their links carry no more.",
                &["worker", "sent"],
            )?,
            estimates: histogram(
                "estimate_bits_per_second",
                "What the links of subscribers are estimated to carry, each looked at every five \
                 seconds.",
                exponential_buckets(100_000.0, 2.0, 10)?,
            )?,
            unsent: counter("unsent_packets_total", "Datagrams that the kernel did not take.")?,
            reports_lost: counter("reports_lost_total", "Reports that no room took in time.")?,
            waited: histogram(
                "receive_wait_seconds",
                "How long the oldest datagram of a batch had waited in the kernel.",
                seconds.clone(),
            )?,
            forward: histogram(
                "forward_seconds",
                "From reading a batch of datagrams to having sent what came of it.",
                seconds.clone(),
            )?,
            lag: histogram("timer_lag_seconds", "How late a due timer was served.", seconds)?,
            received_at_once: histogram(
                "received_batch_packets",
                "Datagrams read at once.",
                sizes.clone(),
            )?,
            sent_at_once: histogram(
                "sent_batch_packets",
                "Datagrams sent by one system call, on average over a batch.",
                sizes,
            )?,
        })
    }

    /// Counts what a worker had for others whose queues were full.
    pub(crate) fn drop_relayed(&self, name: &str, dropped: Dropped) {
        for (kind, many) in [("audio", dropped.audio), ("video", dropped.video)] {
            if many > 0 {
                self.relay_dropped.with_label_values(&[name, kind]).inc_by(many);
            }
        }
    }

    /// Adds what a worker has counted since `before`, and states how many it serves.
    pub(crate) fn publish(&self, worker: &Worker, name: &str, before: &Counters) {
        let now = worker.counters();
        let grow = |metric: &IntCounter, now: u64, before: u64| metric.inc_by(now - before);
        let grow_one = |metric: &IntCounterVec, labels: &[&str], now: u64, before: u64| {
            if now != before {
                metric.with_label_values(labels).inc_by(now - before);
            }
        };
        for flow in Flow::ALL {
            for kind in PacketKind::ALL {
                let labels = [flow.name(), kind.name()];
                let (now, before) = (now.traffic(flow, kind), before.traffic(flow, kind));
                grow_one(&self.packets, &labels, now.packets, before.packets);
                grow_one(&self.bytes, &labels, now.bytes, before.bytes);
            }
        }
        for reason in DropReason::ALL {
            let (now, before) = (now.dropped(reason), before.dropped(reason));
            grow_one(&self.dropped, &[reason.name()], now, before);
        }
        for profile in SrtpProfile::ALL {
            grow_one(&self.srtp, &[profile.name()], now.srtp(profile), before.srtp(profile));
        }
        let (received, sent) = ([Flow::Received.name()], [Flow::Sent.name()]);
        grow_one(&self.nacks, &received, now.nacks_received, before.nacks_received);
        grow_one(&self.nacks, &sent, now.nacks_sent, before.nacks_sent);
        let requests = &self.key_frame_requests;
        grow_one(requests, &received, now.key_frames_wanted, before.key_frames_wanted);
        grow_one(requests, &sent, now.key_frames_requested, before.key_frames_requested);
        let switches = &self.switches;
        grow_one(switches, &["up"], now.switches_up, before.switches_up);
        grow_one(switches, &["down"], now.switches_down, before.switches_down);
        grow_one(&self.offers, &["taken"], now.offers_taken, before.offers_taken);
        grow_one(&self.offers, &["refused"], now.offers_refused, before.offers_refused);
        grow(&self.forwarded, now.forwarded.packets, before.forwarded.packets);
        grow(&self.forwarded_bytes, now.forwarded.bytes, before.forwarded.bytes);
        grow(&self.panics, now.panics, before.panics);
        grow(&self.failures, now.failures, before.failures);
        grow(&self.silences, now.silences, before.silences);
        let relayed = (now.relayed, before.relayed);
        grow_one(&self.relayed, &[name], relayed.0.packets, relayed.1.packets);
        grow_one(&self.relayed_bytes, &[name], relayed.0.bytes, relayed.1.bytes);
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.participants.with_label_values(&[name]).set(gauge(worker.participants()));
        self.rooms.with_label_values(&[name]).set(gauge(worker.rooms()));
        self.overload.with_label_values(&[name]).set(worker.overload_level() as i64);
    }

    /// Looks at the link of everybody.
    pub(crate) fn sample(&self, worker: &Worker, name: &str) {
        let mut sum = Given::default();
        for LinkReading { estimate, given } in worker.links() {
            if let Some(rate) = estimate {
                self.estimates.observe(rate as f64);
            }
            sum.as_wanted += given.as_wanted;
            sum.smaller += given.smaller;
            sum.left_out += given.left_out;
        }
        let Given { as_wanted, smaller, left_out } = sum;
        for (sent, number) in
            [("as_wanted", as_wanted), ("smaller", smaller), ("left_out", left_out)]
        {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            self.pictures.with_label_values(&[name, sent]).set(number);
        }
    }
}

fn add<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
