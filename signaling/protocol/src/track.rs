//! The published tracks of a participant, as far as the server needs to know.

use serde::{Deserialize, Serialize};

/// The source of a track, in the order of the key contexts of frame encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Source {
    /// A voice.
    Microphone,
    /// A face.
    Camera,
    /// A shared screen or window.
    Screen,
    /// The sound that belongs to a shared screen.
    ScreenAudio,
}

impl Source {
    /// Returns whether its media is audio.
    #[must_use]
    pub fn is_audio(self) -> bool {
        match self {
            Self::Microphone | Self::ScreenAudio => true,
            Self::Camera | Self::Screen => false,
        }
    }
}

/// One published track.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Track {
    /// The m-line of the publisher's offer that carries it (RFC 8843 `mid`).
    pub mid: String,
    /// The source.
    pub source: Source,
    /// Nothing is being sent just now.
    pub muted: bool,
}
