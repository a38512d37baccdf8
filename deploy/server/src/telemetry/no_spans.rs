//! Takes the place of the exporter in a build without the feature `otlp`.

use super::BoxedLayer;

/// This build cannot export spans.
#[derive(Debug, thiserror::Error)]
#[error("this server was built without the feature otlp")]
pub(crate) struct ExportError;

/// An exporter that cannot be created.
pub(crate) enum SpanExporter {}

impl SpanExporter {
    /// Fails.
    ///
    /// # Errors
    /// Always: this build has no exporter.
    pub(crate) fn start(_collector: &str) -> Result<Self, ExportError> {
        Err(ExportError)
    }

    /// Cannot be called.
    pub(crate) fn layer(&self) -> BoxedLayer {
        match *self {}
    }

    /// Cannot be called.
    pub(crate) fn shut_down(self) {
        match self {}
    }
}
