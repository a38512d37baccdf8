//! [`e2ee::media`] for JavaScript.

use e2ee::media::{Codec, UnprotectError};
use js_sys::Uint8Array;
use signaling_protocol::Source;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::thrown;
use crate::typescript::{JsCodec, JsMediaKeys, JsOpened, object};

/// Protects the media frames of this participant, and unprotects those of the others.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct MediaCryptor(e2ee::media::MediaCryptor);

#[wasm_bindgen]
impl MediaCryptor {
    /// Returns a cryptor without keys, which refuses every frame.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Installs the keys of an epoch that has begun, and sends with them from now on.
    ///
    /// # Errors
    /// Throws if the keys are inconsistent or not newer than the installed ones.
    pub fn install(&mut self, keys: &JsMediaKeys, now_ms: f64) -> Result<(), JsValue> {
        let keys = keys.to_rust();
        self.0
            .install(&keys, millis(now_ms))
            .map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Installs the keys of an epoch that may begin soon, for receiving only.
    ///
    /// # Errors
    /// Throws if the keys are inconsistent or not newer than the installed ones.
    pub fn prepare(&mut self, keys: &JsMediaKeys) -> Result<(), JsValue> {
        self.0.prepare(&keys.to_rust()).map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Protects one encoded frame of a context (0 microphone … 3 screen audio).
    ///
    /// # Errors
    /// Throws if the frame cannot be protected. It must not be sent then.
    pub fn protect(
        &mut self,
        context: u8,
        codec: &JsCodec,
        key_frame: bool,
        frame: &[u8],
    ) -> Result<Uint8Array, JsValue> {
        let context = source(context)?;
        self.0
            .protect(context, codec_of(codec)?, key_frame, frame)
            .map(|protected| Uint8Array::from(protected.as_slice()))
            .map_err(|error| thrown(error.code(), &error.to_string()))
    }

    /// Unprotects one frame.
    ///
    /// # Errors
    /// Throws if the frame cannot be unprotected. Drop it then; with the code `unknown_key` it may be
    /// tried again once new keys are installed.
    pub fn unprotect(
        &mut self,
        codec: &JsCodec,
        frame: &[u8],
        now_ms: f64,
    ) -> Result<JsOpened, JsValue> {
        let codec = codec_of(codec)?;
        let opened = self
            .0
            .unprotect(codec, frame, millis(now_ms))
            .map_err(|error: UnprotectError| thrown(error.code(), &error.to_string()))?;
        Ok(object(&[
            ("leaf", opened.leaf.into()),
            ("context", JsValue::from(context_of(opened.context))),
            ("epoch", (opened.epoch as f64).into()),
            ("frame", Uint8Array::from(opened.frame.as_slice()).into()),
        ]))
    }
}

/// Converts JavaScript's milliseconds, which are not negative and far below 2^53.
pub(crate) fn millis(now_ms: f64) -> u64 {
    now_ms.max(0.0) as u64
}

fn source(context: u8) -> Result<Source, JsValue> {
    match context {
        0 => Ok(Source::Microphone),
        1 => Ok(Source::Camera),
        2 => Ok(Source::Screen),
        3 => Ok(Source::ScreenAudio),
        _ => Err(thrown("bad_context", "A context is a number from 0 to 3.")),
    }
}

fn context_of(source: Source) -> u8 {
    match source {
        Source::Microphone => 0,
        Source::Camera => 1,
        Source::Screen => 2,
        Source::ScreenAudio => 3,
    }
}

fn codec_of(codec: &JsCodec) -> Result<Codec, JsValue> {
    let codec: &JsValue = codec.as_ref();
    match codec.as_string().as_deref() {
        Some("opus") => Ok(Codec::Opus),
        Some("vp8") => Ok(Codec::Vp8),
        Some("vp9") => Ok(Codec::Vp9),
        Some("av1") => Ok(Codec::Av1),
        Some("h264") => Ok(Codec::H264),
        Some(_) | None => Err(thrown("bad_codec", "A codec is opus, vp8, vp9, av1 or h264.")),
    }
}
