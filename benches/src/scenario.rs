//! What is measured: who comes when, what they send, over which links. A file of TOML.

use std::path::Path;

use serde::{Deserialize, Serialize};
use signaling_protocol::{ReceiveSlots, Source};

use crate::BenchError;
use crate::client::Shape;
use crate::media::Link;

/// A scenario: a file in `benches/scenarios/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The name of the file, without its ending.
    #[serde(default)]
    pub(crate) name: String,
    /// In a few words.
    pub(crate) about: String,
    /// What is random is the same for the same seed.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// How long figures count, once everybody is there.
    #[serde(default = "ten")]
    pub(crate) seconds: u64,
    #[serde(default)]
    pub(crate) payload: Payload,
    /// Cameras send three encodings as the web client's do, where the server takes them, and stop
    /// those that nobody wants. `video_kbps` is the highest one's.
    #[serde(default)]
    pub(crate) simulcast: bool,
    pub(crate) participants: Vec<Group>,
}

/// What is inside the media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payload {
    /// Nothing that anybody could open: the SFU alone is measured.
    #[default]
    Opaque,
    /// Real MLS (the post-quantum suite) and SFrame, as in a browser.
    EndToEnd,
    /// The same with the classic suite.
    EndToEndClassic,
}

/// Participants who do the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) publishes: Vec<Source>,
    #[serde(default = "video_kbps")]
    pub(crate) video_kbps: u32,
    #[serde(default = "screen_kbps")]
    pub(crate) screen_kbps: u32,
    /// How many come in a second; all at once without it.
    #[serde(default)]
    pub(crate) join_per_second: Option<f64>,
    /// Each leaves after about so many seconds, and another comes.
    #[serde(default)]
    pub(crate) stay_seconds: Option<f64>,
    #[serde(default)]
    pub(crate) link: Option<Link>,
    /// How high each shows the cameras of others, in pixels, in the order of their coming; the last
    /// one holds for all the rest. Without it nobody says anything, and gets the largest.
    #[serde(default)]
    pub(crate) heights: Vec<u16>,
    /// At most so many receive slots, of those that the server allows.
    #[serde(default)]
    pub(crate) slots: Option<ReceiveSlots>,
}

fn one() -> u64 {
    1
}

fn ten() -> u64 {
    10
}

fn video_kbps() -> u32 {
    1_500
}

fn screen_kbps() -> u32 {
    2_000
}

/// Opus, in packets of 20 ms.
const AUDIO_FPS: f64 = 50.0;
const AUDIO_KBPS: u32 = 32;
const CAMERA_FPS: f64 = 30.0;
const SCREEN_FPS: f64 = 10.0;

impl Scenario {
    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let told = |error: String| BenchError::Scenario(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        let mut scenario: Self = toml::from_str(&text).map_err(|error| told(error.to_string()))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or("scenario").clone_into(&mut scenario.name);
        scenario.check().map_err(told)?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.count() == 0 || self.count() > 60_000 {
            return Err("there must be one to 60,000 participants".into());
        }
        if self.seconds == 0 {
            return Err("seconds must be more than 0".into());
        }
        let positive = |value: Option<f64>| value.is_none_or(|value| value > 0.0);
        for group in &self.participants {
            if !positive(group.join_per_second) || !positive(group.stay_seconds) {
                return Err("join_per_second and stay_seconds must be more than 0".into());
            }
        }
        Ok(())
    }

    pub(crate) fn count(&self) -> u32 {
        self.participants.iter().map(|group| group.count).sum()
    }

    /// How many publish this.
    pub(crate) fn publishers(&self, source: Source) -> u32 {
        let publish = self.participants.iter().filter(|group| group.publishes.contains(&source));
        publish.map(|group| group.count).sum()
    }

    /// The numbers of those who publish and stay, in the order of their coming.
    pub(crate) fn feeds(&self) -> Vec<u32> {
        let mut next = 0;
        let mut feeds = Vec::new();
        for group in &self.participants {
            if !group.publishes.is_empty() && group.stay_seconds.is_none() {
                feeds.extend(next..next + group.count);
            }
            next += group.count;
        }
        feeds
    }

    pub(crate) fn is_end_to_end(&self) -> bool {
        match self.payload {
            Payload::Opaque => false,
            Payload::EndToEnd | Payload::EndToEndClassic => true,
        }
    }
}

impl Group {
    pub(crate) fn shapes(&self) -> Vec<Shape> {
        let shape = |source: &Source| {
            let (frames_per_second, kbps) = match source {
                Source::Microphone | Source::ScreenAudio => (AUDIO_FPS, AUDIO_KBPS),
                Source::Camera => (CAMERA_FPS, self.video_kbps),
                Source::Screen => (SCREEN_FPS, self.screen_kbps),
            };
            Shape { source: *source, frames_per_second, kbps }
        };
        self.publishes.iter().map(shape).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_comes_along_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut names = Vec::new();
        for file in std::fs::read_dir(folder).expect("a folder") {
            let scenario = Scenario::read(&file.expect("a file").path()).expect("well-formed");
            assert!(!scenario.feeds().is_empty(), "{}", scenario.name);
            names.push(scenario.name);
        }
        assert!(names.len() > 5, "{names:?}");
    }

    #[test]
    fn what_is_misspelt_is_told() {
        let error = toml::from_str::<Scenario>("about = 'x'\nparticpants = []").unwrap_err();
        assert!(error.to_string().contains("particpants"), "{error}");
    }
}
