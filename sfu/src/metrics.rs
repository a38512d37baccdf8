//! The Prometheus metrics of the SFU.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};
use sfu_core::{
    Counters, DownlinkReading, DropReason, Flow, PacketKind, QualitySummary, SrtpProfile, Worker,
};

use crate::cascade::CascadeDropped;
use crate::socket::Sent;

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
    inactive_connections: IntCounter,
    participants: IntGaugeVec,
    rooms: IntGaugeVec,
    overload: IntGaugeVec,
    cascaded: IntCounterVec,
    cascaded_bytes: IntCounterVec,
    cascade_dropped: IntCounterVec,
    load: GaugeVec,
    switches: IntCounterVec,
    video_tracks: IntGaugeVec,
    estimates: Histogram,
    unsent: IntCounter,
    receive_wait: Histogram,
    forward: Histogram,
    timer_lag: Histogram,
    received_batch: Histogram,
    sent_batch: Histogram,
}

impl Metrics {
    /// Registers the metrics.
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
        let loads = |name: &str, help: &str| {
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
            dropped: counters("dropped_total", "Packets dropped, by reason.", &["reason"])?,
            srtp: counters(
                "srtp_connections_total",
                "Publishing connections by hop-by-hop protection.",
                &["profile"],
            )?,
            offers: counters("offers_total", "Offers, by result.", &["result"])?,
            nacks: counters("nacks_total", "Generic NACKs.", &["direction"])?,
            key_frame_requests: counters(
                "key_frame_requests_total",
                "Key frame requests: received from subscribers, sent to publishers.",
                &["direction"],
            )?,
            forwarded: counter("forwarded_packets_total", "RTP packets forwarded to subscribers.")?,
            forwarded_bytes: counter(
                "forwarded_bytes_total",
                "Payload bytes forwarded to subscribers.",
            )?,
            panics: counter("panics_total", "Connections closed by a contained panic.")?,
            failures: counter("connection_failures_total", "Connections that failed.")?,
            inactive_connections: counter(
                "inactive_connections_total",
                "Connections suspended because nothing was received.",
            )?,
            participants: gauges("participants", "Participants of a worker.", &["worker"])?,
            rooms: gauges("rooms", "Rooms with participants on a worker.", &["worker"])?,
            overload: gauges(
                "overload_level",
                "Overload level: 0 normal, 1 lowest camera encodings only, 2 shedding video.",
                &["worker"],
            )?,
            cascaded: counters(
                "cascade_packets_total",
                "RTP packets relayed to other workers.",
                &["worker"],
            )?,
            cascaded_bytes: counters(
                "cascade_bytes_total",
                "Payload bytes relayed to other workers.",
                &["worker"],
            )?,
            cascade_dropped: counters(
                "cascade_dropped_total",
                "Packets dropped because the queue of another worker was full.",
                &["worker", "kind"],
            )?,
            load: loads("load", "Processor time of a worker's thread per second.")?,
            switches: counters(
                "encoding_switches_total",
                "Switches to a higher or lower encoding of the same track.",
                &["direction"],
            )?,
            video_tracks: gauges(
                "video_tracks",
                "Video tracks in the slots of subscribers: sent as wanted, smaller or left out, \
                 depending on the capacity of the link.",
                &["worker", "sent"],
            )?,
            estimates: histogram(
                "estimate_bits_per_second",
                "Estimated capacity of subscribers' links, each sampled every five seconds.",
                exponential_buckets(100_000.0, 2.0, 10)?,
            )?,
            unsent: counter("unsent_packets_total", "Datagrams that could not be sent.")?,
            receive_wait: histogram(
                "receive_wait_seconds",
                "Time that the oldest datagram of a batch waited in the kernel.",
                seconds.clone(),
            )?,
            forward: histogram(
                "forward_seconds",
                "Time from reading a batch of datagrams to sending the resulting packets.",
                seconds.clone(),
            )?,
            timer_lag: histogram("timer_lag_seconds", "Delay of due timers.", seconds)?,
            received_batch: histogram(
                "received_batch_packets",
                "Datagrams per read batch.",
                sizes.clone(),
            )?,
            sent_batch: histogram(
                "sent_batch_packets",
                "Datagrams per sending system call, averaged over a batch.",
                sizes,
            )?,
        })
    }

    /// Counts packets that did not fit into other workers' queues.
    pub(crate) fn count_cascade_dropped(&self, name: &str, dropped: CascadeDropped) {
        for (kind, count) in [("audio", dropped.audio), ("video", dropped.video)] {
            if count > 0 {
                self.cascade_dropped.with_label_values(&[name, kind]).inc_by(count);
            }
        }
    }

    /// Counts datagrams that could not be sent.
    pub(crate) fn count_unsent(&self, datagrams: u64) {
        if datagrams > 0 {
            self.unsent.inc_by(datagrams);
        }
    }

    /// Sets the load of a worker's thread, from 0 to 1.
    pub(crate) fn set_load(&self, name: &str, load: f64) {
        self.load.with_label_values(&[name]).set(load);
    }

    /// Observes the time that the oldest datagram of a batch waited in the kernel.
    pub(crate) fn observe_receive_wait(&self, wait: Duration) {
        self.receive_wait.observe(wait.as_secs_f64());
    }

    /// Observes the delay of a due timer.
    pub(crate) fn observe_timer_lag(&self, lag: Duration) {
        self.timer_lag.observe(lag.as_secs_f64());
    }

    /// Observes a batch: the number of datagrams received, what was sent, and the time that took.
    pub(crate) fn observe_batch(&self, received: usize, sent: &Sent, elapsed: Duration) {
        self.count_unsent(sent.failed as u64);
        if received > 0 {
            self.received_batch.observe(received as f64);
            if sent.datagrams > 0 {
                self.forward.observe(elapsed.as_secs_f64());
            }
        }
        if sent.calls > 0 {
            self.sent_batch.observe(sent.datagrams as f64 / sent.calls as f64);
        }
    }

    /// Adds the difference between a worker's counters and those of the last call, and sets its gauges.
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
        grow_one(
            requests,
            &received,
            now.key_frame_requests_received,
            before.key_frame_requests_received,
        );
        grow_one(requests, &sent, now.key_frame_requests_sent, before.key_frame_requests_sent);
        let switches = &self.switches;
        grow_one(switches, &["up"], now.switches_up, before.switches_up);
        grow_one(switches, &["down"], now.switches_down, before.switches_down);
        grow_one(&self.offers, &["accepted"], now.offers_accepted, before.offers_accepted);
        grow_one(&self.offers, &["refused"], now.offers_refused, before.offers_refused);
        grow(&self.forwarded, now.forwarded.packets, before.forwarded.packets);
        grow(&self.forwarded_bytes, now.forwarded.bytes, before.forwarded.bytes);
        grow(&self.panics, now.panics, before.panics);
        grow(&self.failures, now.failures, before.failures);
        grow(&self.inactive_connections, now.inactive_connections, before.inactive_connections);
        let cascaded = (now.cascaded, before.cascaded);
        grow_one(&self.cascaded, &[name], cascaded.0.packets, cascaded.1.packets);
        grow_one(&self.cascaded_bytes, &[name], cascaded.0.bytes, cascaded.1.bytes);
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.participants.with_label_values(&[name]).set(gauge(worker.participants()));
        self.rooms.with_label_values(&[name]).set(gauge(worker.rooms()));
        self.overload.with_label_values(&[name]).set(worker.overload_level() as i64);
    }

    /// Samples the links of all subscribers.
    pub(crate) fn sample(&self, worker: &Worker, name: &str) {
        let mut sum = QualitySummary::default();
        for DownlinkReading { estimate, quality } in worker.downlinks() {
            if let Some(estimate) = estimate {
                self.estimates.observe(estimate as f64);
            }
            sum.as_wanted += quality.as_wanted;
            sum.smaller += quality.smaller;
            sum.left_out += quality.left_out;
        }
        let QualitySummary { as_wanted, smaller, left_out } = sum;
        for (sent, count) in
            [("as_wanted", as_wanted), ("smaller", smaller), ("left_out", left_out)]
        {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.video_tracks.with_label_values(&[name, sent]).set(count);
        }
    }
}

fn add<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
