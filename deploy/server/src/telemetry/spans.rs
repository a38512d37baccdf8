//! Exports trace spans to an OTLP collector over HTTP.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
pub(crate) use opentelemetry_otlp::ExporterBuildError as ExportError;
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use signaling::spans::TARGET;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};

use super::BoxedLayer;

/// How long the process may wait for the collector when it ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends spans in batches from a thread of its own.
pub(crate) struct SpanExporter(SdkTracerProvider);

impl SpanExporter {
    /// Starts exporting to `collector`, the base URL of an OTLP receiver over HTTP.
    ///
    /// # Errors
    /// The exporter cannot be created.
    pub(crate) fn start(collector: &str) -> Result<Self, ExportError> {
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource =
            Resource::builder().with_service_name("orange-meets").with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Self(provider))
    }

    /// Returns a layer that exports the spans with the target of `signaling::spans`, and no events.
    pub(crate) fn layer(&self) -> BoxedLayer {
        let exported = filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET);
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_tracer(self.0.tracer("orange-meets"))
            .with_filter(exported.with_max_level_hint(LevelFilter::INFO))
            .boxed()
    }

    /// Sends the remaining spans, and stops.
    pub(crate) fn shut_down(self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::info!(%error, "the last spans were not exported");
        }
    }

    /// Returns an exporter without a collector.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self(SdkTracerProvider::builder().build())
    }
}
