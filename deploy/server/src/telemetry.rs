//! Log lines on standard error, and trace spans to an OTLP collector if one is set.

use std::io::IsTerminal as _;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use signaling::spans::TARGET;
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::LogFormat;

/// How long the process may wait for the collector when it ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The exporter of trace spans, if a collector is set.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// Starts logging, and exporting spans to `collector`, the base URL of an OTLP receiver over HTTP.
///
/// # Errors
/// The exporter cannot be created.
pub(crate) fn start(
    format: LogFormat,
    collector: Option<&str>,
) -> Result<Telemetry, ExporterBuildError> {
    let provider = collector.map(span_provider).transpose()?;
    let log_filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    subscriber(log_layer(format, log_filter), provider.as_ref().map(span_layer)).init();
    Ok(Telemetry(provider))
}

impl Telemetry {
    /// Sends the remaining spans, and stops exporting.
    pub(crate) fn shut_down(self) {
        let Some(provider) = self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::info!(%error, "the last spans were not exported");
        }
    }
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Combines the layers. Each must have a level hint: disabled events, which there are for every
/// media packet, then cost a comparison and no call of a filter.
fn subscriber(log: BoxedLayer, spans: Option<BoxedLayer>) -> impl Subscriber + Send + Sync {
    let layers: Vec<BoxedLayer> = [Some(log), spans].into_iter().flatten().collect();
    tracing_subscriber::registry().with(layers)
}

/// Logs everything that passes `log_filter`, except the spans that are exported.
fn log_layer(format: LogFormat, log_filter: EnvFilter) -> BoxedLayer {
    let not_exported =
        filter_fn(|metadata| metadata.target() != TARGET).with_max_level_hint(LevelFilter::TRACE);
    let filter = log_filter.and(not_exported);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => log.json().with_filter(filter).boxed(),
    }
}

/// Exports the spans with the target of `signaling::spans`, and no events.
fn span_layer(provider: &SdkTracerProvider) -> BoxedLayer {
    let exported = filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET);
    tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_tracer(provider.tracer("orange-meets"))
        .with_filter(exported.with_max_level_hint(LevelFilter::INFO))
        .boxed()
}

/// Creates a provider with a thread of its own, which sends spans in batches.
fn span_provider(collector: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("orange-meets").with_attribute(version);
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_below_the_logged_level_are_disabled_without_calling_a_filter() {
        let max_level = |filter: &str, spans| {
            subscriber(log_layer(LogFormat::Text, EnvFilter::new(filter)), spans).max_level_hint()
        };
        assert_eq!(max_level("info", None), Some(LevelFilter::INFO));
        assert_eq!(max_level("warn,sfu=debug", None), Some(LevelFilter::DEBUG));
        let provider = SdkTracerProvider::builder().build();
        assert_eq!(max_level("info", Some(span_layer(&provider))), Some(LevelFilter::INFO));
        assert_eq!(max_level("off", Some(span_layer(&provider))), Some(LevelFilter::INFO));
    }
}
