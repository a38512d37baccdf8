//! Which of a camera's encodings were sent, and which were seen.

use serde::Serialize;

use crate::media::Figures;

/// By encoding, the smallest first.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Encodings {
    /// Seconds for which each was seen, in all slots together.
    pub(crate) seen_seconds: [f64; 3],
    /// From one to another while the same picture was shown.
    pub(crate) switches: u64,
    /// What all publishers sent of each.
    pub(crate) published_kbps: [f64; 3],
}

impl Encodings {
    pub(super) fn of(figures: &[&Figures], wall: f64) -> Self {
        let mut encodings = Self::default();
        for one in figures {
            let published = encodings.published_kbps.iter_mut().zip(one.sent_pictures);
            published.for_each(|(sum, bytes)| *sum += bytes as f64 * 0.008 / wall);
            for stream in one.streams.iter().filter(|stream| !stream.audio) {
                encodings.switches += stream.shown.switches;
                let seen = encodings.seen_seconds.iter_mut().zip(stream.shown.lasted);
                seen.for_each(|(sum, lasted)| *sum += lasted.as_secs_f64());
            }
        }
        encodings
    }

    /// In words; none if no picture was seen.
    pub(super) fn seen(&self) -> Option<String> {
        let all: f64 = self.seen_seconds.iter().sum();
        let [small, middle, full] = self.seen_seconds.map(|seconds| seconds * 100.0 / all);
        (all > 0.0).then(|| {
            format!(
                "small {small:.0} %, middle {middle:.0} %, full {full:.0} % of the time, {} switches",
                self.switches
            )
        })
    }

    /// In words; none if no picture was sent.
    pub(super) fn published(&self) -> Option<String> {
        let [small, middle, full] = self.published_kbps;
        (small + middle + full > 0.0)
            .then(|| format!("small {small:.0}, middle {middle:.0}, full {full:.0} kbit/s"))
    }
}
