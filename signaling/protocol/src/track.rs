//! What a participant publishes, as far as the server needs to know.

use serde::{Deserialize, Serialize};

/// Where a track comes from. The order is that of the key contexts of the frame encryption.
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
    /// Whether its media is sound.
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
    /// What it shows or sounds.
    pub source: Source,
    /// Nothing is being sent just now.
    pub muted: bool,
}
