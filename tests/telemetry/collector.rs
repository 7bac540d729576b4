//! A collector of traces: OTLP over HTTP, kept in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
    trace::v1::ResourceSpans,
};
use prost::Message as _;

/// A span, as far as tests ask.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) attributes: BTreeMap<String, String>,
}

type Received = Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>;

/// It collects for as long as the test runs.
pub(crate) struct Collector {
    pub(crate) url: String,
    received: Received,
}

impl Collector {
    pub(crate) async fn start() -> Collector {
        let received = Received::default();
        let router =
            Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&received));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(socket, router).await });
        Collector { url, received }
    }

    /// Everything that was received, as text.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.received.lock().expect("nothing panics under this lock"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let received = self.received.lock().expect("nothing panics under this lock");
        let (headers, _) = received.first()?;
        Some(headers.get(name)?.to_str().ok()?.to_owned())
    }

    /// What the resource says of itself.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.resources().first()?.resource.clone()?;
        let found = resource.attributes.into_iter().find(|pair| pair.key == key)?;
        found.value?.value.map(shown)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let scopes = self.resources().into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        spans
            .map(|span| Span {
                name: span.name,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: span
                    .attributes
                    .into_iter()
                    .filter_map(|pair| Some((pair.key, shown(pair.value?.value?))))
                    .collect(),
            })
            .collect()
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let received = self.received.lock().expect("nothing panics under this lock");
        received.iter().flat_map(|(_, request)| request.resource_spans.clone()).collect()
    }
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    let request = ExportTraceServiceRequest::decode(body).expect("spans");
    received.lock().expect("nothing panics under this lock").push((headers, request));
    Vec::new()
}

fn shown(value: Value) -> String {
    match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
