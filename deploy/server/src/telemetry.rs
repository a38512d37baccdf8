//! Log lines on standard error, and trace spans to an OTLP collector if one is set.

#[cfg_attr(not(feature = "otlp"), path = "telemetry/no_spans.rs")]
mod spans;

use std::io::IsTerminal as _;

use signaling::spans::TARGET;
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub(crate) use self::spans::ExportError;
use self::spans::SpanExporter;
use crate::config::LogFormat;

/// The exporter of trace spans, if a collector is set.
pub(crate) struct Telemetry(Option<SpanExporter>);

/// Starts logging, and exporting spans to `collector`, the base URL of an OTLP receiver over HTTP.
///
/// # Errors
/// The exporter cannot be created.
pub(crate) fn start(format: LogFormat, collector: Option<&str>) -> Result<Telemetry, ExportError> {
    let exporter = collector.map(SpanExporter::start).transpose()?;
    let log_filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    subscriber(log_layer(format, log_filter), exporter.as_ref().map(SpanExporter::layer)).init();
    Ok(Telemetry(exporter))
}

impl Telemetry {
    /// Sends the remaining spans, and stops exporting.
    pub(crate) fn shut_down(self) {
        if let Some(exporter) = self.0 {
            exporter.shut_down();
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
        #[cfg(feature = "otlp")]
        for filter in ["info", "off"] {
            let spans = SpanExporter::for_test().layer();
            assert_eq!(max_level(filter, Some(spans)), Some(LevelFilter::INFO));
        }
    }
}
