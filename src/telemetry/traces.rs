//! Traces: what took how long, sent to a collector as OTLP over HTTP.
//!
//! It exists to keep the crates of OpenTelemetry in one file. Invariants: only spans of this program are sent, so that
//! sending makes no spans of its own; a collector that does not answer is said once, and costs neither time nor
//! memory: spans wait on a thread of their own, and too many are dropped; the end takes two seconds at most.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::Level;
use tracing_subscriber::{Layer, Registry, filter::Targets};
use url::Url;

use crate::config::is_loopback;

/// The name under which a collector shows this program, unless `OTEL_SERVICE_NAME` says another.
const NAME: &str = "twenty-sync";

/// The longest that sending may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that the end may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Spans on their way to a collector.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn start(endpoint: &Url) -> Result<Traces, String> {
        let failed = |error: &dyn std::error::Error| format!("telemetry.otlp_endpoint: {error}");
        let mut client = reqwest::blocking::Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(GOODBYE)
            // What the collector wants to know of us must not go elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(endpoint) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| failed(&error))?;
        let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(address)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| failed(&error))?;
        let exporter = Patient { exporter, is_lost: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_batch_exporter(exporter)
            .build();
        Ok(Traces(provider))
    }

    /// What makes spans of this program's spans.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::DEBUG))
            .boxed()
    }

    /// Sends what is left, if the collector takes it at once.
    pub(super) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(GOODBYE) {
            tracing::debug!(%error, "the last traces did not arrive");
        }
    }
}

fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(name) if !name.is_empty() => resource.build(),
        _ => resource.with_service_name(NAME).build(),
    }
}

/// Sends spans, and says once that they are lost, and once that they are not any more.
#[derive(Debug)]
struct Patient {
    exporter: opentelemetry_otlp::SpanExporter,
    is_lost: AtomicBool,
}

impl SpanExporter for Patient {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        match &sent {
            Err(error) if !self.is_lost.swap(true, Ordering::Relaxed) => {
                tracing::warn!(event = "traces_lost", %error, "traces do not reach their collector");
            }
            Ok(()) if self.is_lost.swap(false, Ordering::Relaxed) => {
                tracing::info!(event = "traces_recovered", "traces reach their collector again");
            }
            Err(_) | Ok(()) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
