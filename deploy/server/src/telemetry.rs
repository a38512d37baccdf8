//! What the process tells whoever runs it: log lines, and spans to a collector if one is named.

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

/// How long the end of the process may wait for the collector.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The spans on their way to a collector, if there is one.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// Starts to log, and to send spans to `collector`, the URL of one that takes OTLP over HTTP.
///
/// # Errors
/// The exporter cannot be made.
pub(crate) fn start(
    format: LogFormat,
    collector: Option<&str>,
) -> Result<Telemetry, ExporterBuildError> {
    let provider = collector.map(provider).transpose()?;
    let told = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    subscriber(log(format, told), provider.as_ref().map(spans)).init();
    Ok(Telemetry(provider))
}

impl Telemetry {
    /// Sends what still waits.
    pub(crate) fn end(self) {
        let Some(provider) = self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(GOODBYE) {
            tracing::info!(%error, "the last spans are not sent");
        }
    }
}

type Told = Box<dyn Layer<Registry> + Send + Sync>;

/// What is there once for the process. It has to know the highest level that anything is told of:
/// media packets pass dozens of places that would tell of them, and each would ask.
fn subscriber(log: Told, spans: Option<Told>) -> impl Subscriber + Send + Sync {
    let layers: Vec<Told> = [Some(log), spans].into_iter().flatten().collect();
    tracing_subscriber::registry().with(layers)
}

fn log(format: LogFormat, told: EnvFilter) -> Told {
    let others = filter_fn(|of| of.target() != TARGET).with_max_level_hint(LevelFilter::TRACE);
    let filter = told.and(others);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => log.json().with_filter(filter).boxed(),
    }
}

fn spans(provider: &SdkTracerProvider) -> Told {
    let ours = filter_fn(|of| of.is_span() && of.target() == TARGET);
    tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_tracer(provider.tracer("orange-meets"))
        .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
        .boxed()
}

/// Has a thread of its own, which gathers spans and sends them.
fn provider(collector: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
        .with_timeout(PATIENCE)
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
    fn what_is_not_told_is_not_even_asked_about() {
        let highest = |told: &str, spans| {
            subscriber(log(LogFormat::Text, EnvFilter::new(told)), spans).max_level_hint()
        };
        assert_eq!(highest("info", None), Some(LevelFilter::INFO));
        assert_eq!(highest("warn,sfu=debug", None), Some(LevelFilter::DEBUG));
        let provider = SdkTracerProvider::builder().build();
        assert_eq!(highest("info", Some(spans(&provider))), Some(LevelFilter::INFO));
        assert_eq!(highest("off", Some(spans(&provider))), Some(LevelFilter::INFO));
    }
}
