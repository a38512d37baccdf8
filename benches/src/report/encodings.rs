//! The simulcast encodings that were sent and received.

use serde::Serialize;

use crate::media::ClientReport;

/// Values per encoding, the lowest first.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Encodings {
    /// Seconds for which each was received, summed over all slots.
    pub(crate) received_seconds: [f64; 3],
    /// Switches between encodings of the same track.
    pub(crate) switches: u64,
    /// Bitrate of all publishers together.
    pub(crate) published_kbps: [f64; 3],
}

impl Encodings {
    /// Sums up the encodings of some clients over `wall` seconds.
    pub(super) fn of(clients: &[&ClientReport], wall: f64) -> Self {
        let mut encodings = Self::default();
        for client in clients {
            let published = encodings.published_kbps.iter_mut().zip(client.sent_video_bytes);
            published.for_each(|(sum, bytes)| *sum += bytes as f64 * 0.008 / wall);
            for stream in client.streams.iter().filter(|stream| !stream.audio) {
                encodings.switches += stream.history.switches;
                let received = encodings.received_seconds.iter_mut().zip(stream.history.durations);
                received.for_each(|(sum, time)| *sum += time.as_secs_f64());
            }
        }
        encodings
    }

    /// Describes the received encodings; returns `None` if no video was received.
    pub(super) fn describe_received(&self) -> Option<String> {
        let all: f64 = self.received_seconds.iter().sum();
        let [low, medium, high] = self.received_seconds.map(|seconds| seconds * 100.0 / all);
        (all > 0.0).then(|| {
            format!(
                "low {low:.0} %, medium {medium:.0} %, high {high:.0} % of the time, {} switches",
                self.switches
            )
        })
    }

    /// Describes the sent encodings; returns `None` if no video was sent.
    pub(super) fn describe_published(&self) -> Option<String> {
        let [low, medium, high] = self.published_kbps;
        (low + medium + high > 0.0)
            .then(|| format!("low {low:.0}, medium {medium:.0}, high {high:.0} kbit/s"))
    }
}
