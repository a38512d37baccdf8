//! How much of the sound came.

use serde::Serialize;

use crate::media::Figures;

/// Of all voices together.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Sound {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    /// Of all packets that should have come; none if none should.
    pub(crate) came_percent: Option<f64>,
    /// The same, were each packet to bring along the one before it, as Opus and RFC 2198 can.
    pub(crate) with_copies_percent: Option<f64>,
}

impl Sound {
    pub(super) fn of(figures: &[&Figures]) -> Self {
        let mut sound = Self::default();
        let mut in_a_row = 0;
        let streams = figures.iter().flat_map(|one| &one.streams);
        for stream in streams.filter(|stream| stream.audio) {
            sound.packets += stream.packets;
            sound.lost += stream.lost;
            in_a_row += stream.lost_in_a_row;
        }
        let all = sound.packets + sound.lost;
        let percent = |lost: u64| (all > 0).then(|| 100.0 - lost as f64 * 100.0 / all as f64);
        sound.came_percent = percent(sound.lost);
        sound.with_copies_percent = percent(in_a_row.min(sound.lost));
        sound
    }

    /// In words; none if none was to be heard.
    pub(super) fn words(&self) -> Option<String> {
        let (came, copies) = self.came_percent.zip(self.with_copies_percent)?;
        Some(format!(
            "{came:.2} % of the sound ({copies:.2} % if each packet had a copy of the last)"
        ))
    }
}
