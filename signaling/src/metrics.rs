//! The metrics of the service. No label names a room or a participant.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use signaling_protocol::{ClientMessage, Refusal, ServerMessage};

#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) rooms: IntGauge,
    pub(crate) participants: IntGauge,
    pub(crate) sockets: IntGauge,
    pub(crate) draining: IntGauge,
    pub(crate) queued_bytes: IntGauge,
    messages_in: IntCounterVec,
    messages_out: IntCounterVec,
    pub(crate) slow_readers: IntCounter,
    pub(crate) media_reports_dropped: IntCounter,
    pub(crate) appends: IntCounterVec,
    pub(crate) append_seconds: Histogram,
    refusals: IntCounterVec,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let append_seconds = Histogram::with_opts(
            HistogramOpts::new("orange_log_append_seconds", "Time to store one log entry.")
                .buckets(prometheus::exponential_buckets(0.0001, 2.0, 16)?),
        )?;
        registry.register(Box::new(append_seconds.clone()))?;
        Ok(Self {
            rooms: gauge("orange_rooms", "Rooms with participants.")?,
            participants: gauge("orange_participants", "Participants in all rooms.")?,
            sockets: gauge("orange_sockets", "Open WebSockets.")?,
            draining: gauge("orange_draining", "1 while draining: no new meeting starts.")?,
            queued_bytes: gauge(
                "orange_send_queue_bytes",
                "Bytes that wait for the readers of all sockets.",
            )?,
            messages_in: counters(
                "orange_messages_in_total",
                "Messages from clients, by type; those that are not understood are `refused`.",
                "type",
            )?,
            messages_out: counters(
                "orange_messages_out_total",
                "Messages to clients, by type.",
                "type",
            )?,
            slow_readers: counter(
                "orange_slow_readers_total",
                "Times that a reader was too slow and lost deltas to a snapshot.",
            )?,
            media_reports_dropped: counter(
                "orange_media_reports_dropped_total",
                "Reports of the SFU that their room could not take.",
            )?,
            appends: counters(
                "orange_log_appends_total",
                "Entries handed to the store, by outcome.",
                "outcome",
            )?,
            append_seconds,
            refusals: counters(
                "orange_refusals_total",
                "Refusals told to clients, by code.",
                "code",
            )?,
        })
    }

    /// Counts a refusal, and logs what exactly was wrong; the client is sent the code.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        let code = refusal.code.name();
        tracing::debug!(code, detail = refusal.detail(), "refused");
        self.refusals.with_label_values(&[code]).inc();
    }

    /// A message came; `None` if it was too much or not understood.
    pub(crate) fn received(&self, message: Option<&ClientMessage>) {
        // The types are few and ours: no label comes from outside.
        let kind = message.map_or("refused", ClientMessage::kind);
        self.messages_in.with_label_values(&[kind]).inc();
    }

    /// A message is on its way to so many sockets.
    pub(crate) fn sent(&self, message: &ServerMessage, sockets: usize) {
        self.messages_out.with_label_values(&[message.kind()]).inc_by(sockets as u64);
    }
}
