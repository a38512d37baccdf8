//! The share of audio that was delivered.

use serde::Serialize;

use crate::media::ClientReport;

/// Totals over all audio streams.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AudioDelivery {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    /// Percentage of the sent packets; `None` if none were sent.
    pub(crate) delivered_percent: Option<f64>,
    /// The percentage if each packet also contained the previous one (Opus FEC, RFC 2198).
    pub(crate) delivered_with_redundancy_percent: Option<f64>,
}

impl AudioDelivery {
    /// Sums up the audio streams of some clients.
    pub(super) fn of(clients: &[&ClientReport]) -> Self {
        let mut delivery = Self::default();
        let mut consecutive_losses = 0;
        let streams = clients.iter().flat_map(|client| &client.streams);
        for stream in streams.filter(|stream| stream.audio) {
            delivery.packets += stream.packets;
            delivery.lost += stream.lost;
            consecutive_losses += stream.consecutive_losses;
        }
        let all = delivery.packets + delivery.lost;
        let percent = |lost: u64| (all > 0).then(|| 100.0 - lost as f64 * 100.0 / all as f64);
        delivery.delivered_percent = percent(delivery.lost);
        delivery.delivered_with_redundancy_percent = percent(consecutive_losses.min(delivery.lost));
        delivery
    }

    /// Describes the delivery; returns `None` if no audio was sent.
    pub(super) fn describe(&self) -> Option<String> {
        let (delivered, redundant) =
            self.delivered_percent.zip(self.delivered_with_redundancy_percent)?;
        Some(format!(
            "{delivered:.2} % of the audio ({redundant:.2} % if each packet contained the previous one)"
        ))
    }
}
