//! Scenarios: TOML files that describe participants, their media and their network links.

use std::path::Path;

use serde::{Deserialize, Serialize};
use signaling_protocol::{ReceiveSlots, Source};

use crate::BenchError;
use crate::client::TrackConfig;
use crate::media::LinkConfig;

/// A scenario: a file in `benches/scenarios/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The file name without its extension.
    #[serde(default)]
    pub(crate) name: String,
    /// A one-line description.
    pub(crate) about: String,
    /// Seeds all random choices.
    #[serde(default = "default_seed")]
    pub(crate) seed: u64,
    /// Duration of the measurement, after all have joined.
    #[serde(default = "default_seconds")]
    pub(crate) seconds: u64,
    #[serde(default)]
    pub(crate) payload: Payload,
    /// Cameras send three encodings, as in the web client, and pause those that no receiver uses.
    /// `video_kbps` is the bitrate of the highest one.
    #[serde(default)]
    pub(crate) simulcast: bool,
    pub(crate) participants: Vec<Group>,
}

/// The content of media packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payload {
    /// Test data without end-to-end encryption, to measure the SFU alone.
    #[default]
    Opaque,
    /// MLS with the post-quantum cipher suite, and SFrame.
    EndToEnd,
    /// MLS with the classic cipher suite, and SFrame.
    EndToEndClassic,
}

/// Participants with the same configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) publishes: Vec<Source>,
    #[serde(default = "default_video_kbps")]
    pub(crate) video_kbps: u32,
    #[serde(default = "default_screen_kbps")]
    pub(crate) screen_kbps: u32,
    /// Joins per second. By default all join at once.
    #[serde(default)]
    pub(crate) join_per_second: Option<f64>,
    /// Average stay in seconds. Each participant that leaves is replaced by another one. By default
    /// all stay.
    #[serde(default)]
    pub(crate) stay_seconds: Option<f64>,
    #[serde(default)]
    pub(crate) link: Option<LinkConfig>,
    /// Requested heights of the other participants' cameras in pixels, in the order of joining; the
    /// last one applies to all others. By default no video constraints are sent.
    #[serde(default)]
    pub(crate) video_heights: Vec<u16>,
    /// Limit on receive slots. By default as many as the server allows.
    #[serde(default)]
    pub(crate) slots: Option<ReceiveSlots>,
}

fn default_seed() -> u64 {
    1
}

fn default_seconds() -> u64 {
    10
}

fn default_video_kbps() -> u32 {
    1_500
}

fn default_screen_kbps() -> u32 {
    2_000
}

/// Opus packets of 20 ms.
const AUDIO_FPS: f64 = 50.0;
const AUDIO_KBPS: u32 = 32;
const CAMERA_FPS: f64 = 30.0;
const SCREEN_FPS: f64 = 10.0;

impl Scenario {
    /// Reads and validates a scenario file.
    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let failed = |error: String| BenchError::Scenario(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let mut scenario: Self =
            toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.unwrap_or("scenario").clone_into(&mut scenario.name);
        scenario.validate().map_err(failed)?;
        Ok(scenario)
    }

    fn validate(&self) -> Result<(), String> {
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

    /// Returns the number of participants.
    pub(crate) fn count(&self) -> u32 {
        self.participants.iter().map(|group| group.count).sum()
    }

    /// Returns the number of participants that publish `source`.
    pub(crate) fn publishers(&self, source: Source) -> u32 {
        let publish = self.participants.iter().filter(|group| group.publishes.contains(&source));
        publish.map(|group| group.count).sum()
    }

    /// Returns the numbers of the participants that publish for the whole run, in the order of joining.
    pub(crate) fn lasting_publishers(&self) -> Vec<u32> {
        let mut next = 0;
        let mut publishers = Vec::new();
        for group in &self.participants {
            if !group.publishes.is_empty() && group.stay_seconds.is_none() {
                publishers.extend(next..next + group.count);
            }
            next += group.count;
        }
        publishers
    }

    /// Returns `true` if the payload is end-to-end encrypted.
    pub(crate) fn is_end_to_end(&self) -> bool {
        match self.payload {
            Payload::Opaque => false,
            Payload::EndToEnd | Payload::EndToEndClassic => true,
        }
    }
}

impl Group {
    /// Returns the configuration of each published track.
    pub(crate) fn track_configs(&self) -> Vec<TrackConfig> {
        let config = |source: &Source| {
            let (frames_per_second, kbps) = match source {
                Source::Microphone | Source::ScreenAudio => (AUDIO_FPS, AUDIO_KBPS),
                Source::Camera => (CAMERA_FPS, self.video_kbps),
                Source::Screen => (SCREEN_FPS, self.screen_kbps),
            };
            TrackConfig { source: *source, frames_per_second, kbps }
        };
        self.publishes.iter().map(config).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_file_is_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut names = Vec::new();
        for file in std::fs::read_dir(folder).expect("a folder") {
            let scenario = Scenario::read(&file.expect("a file").path()).expect("valid");
            assert!(!scenario.lasting_publishers().is_empty(), "{}", scenario.name);
            names.push(scenario.name);
        }
        assert!(names.len() > 5, "{names:?}");
    }

    #[test]
    fn a_misspelled_key_is_an_error() {
        let error = toml::from_str::<Scenario>("about = 'x'\nparticpants = []").unwrap_err();
        assert!(error.to_string().contains("particpants"), "{error}");
    }
}
