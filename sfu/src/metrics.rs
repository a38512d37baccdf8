//! What is measured, as Prometheus metrics.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};
use sfu_core::{Counters, DropReason, Flow, PacketKind, SrtpProfile, Worker};

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
    participants: IntGaugeVec,
    rooms: IntGaugeVec,
    /// Datagrams that the kernel did not take.
    pub(crate) unsent: IntCounter,
    /// Reports that no room took in time.
    pub(crate) reports_lost: IntCounter,
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
        let gauges = |name: &str, help: &str| {
            let opts = Opts::new(format!("orange_sfu_{name}"), help);
            add(registry, IntGaugeVec::new(opts, &["worker"])?)
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
            participants: gauges("participants", "Participants of a worker.")?,
            rooms: gauges("rooms", "Rooms of a worker.")?,
            unsent: counter("unsent_packets_total", "Datagrams that the kernel did not take.")?,
            reports_lost: counter("reports_lost_total", "Reports that no room took in time.")?,
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
        grow_one(&self.offers, &["taken"], now.offers_taken, before.offers_taken);
        grow_one(&self.offers, &["refused"], now.offers_refused, before.offers_refused);
        grow(&self.forwarded, now.forwarded.packets, before.forwarded.packets);
        grow(&self.forwarded_bytes, now.forwarded.bytes, before.forwarded.bytes);
        grow(&self.panics, now.panics, before.panics);
        grow(&self.failures, now.failures, before.failures);
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.participants.with_label_values(&[name]).set(gauge(worker.participants()));
        self.rooms.with_label_values(&[name]).set(gauge(worker.rooms()));
    }
}

fn add<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
