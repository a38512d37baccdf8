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
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

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
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_tracer(provider.tracer("orange-meets"))
            .with_filter(filter_fn(|of| of.is_span() && of.target() == TARGET))
    });
    tracing_subscriber::registry().with(log(format)).with(spans).init();
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

fn log<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let told = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = told.and(filter_fn(|of| of.target() != TARGET));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => log.json().with_filter(filter).boxed(),
    }
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
