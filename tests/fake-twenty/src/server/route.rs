//! From a request to an answer: the order in which the real server looks at things.
//!
//! The body is parsed before any token is looked at, a token before the path under `/rest`, and GraphQL judges
//! tokens by itself.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::state::State;
use super::{Context, Reply, client_config, health, open_api};
use crate::journal::CallInfo;
use crate::rest::{self, Params};
use crate::{graphql, rest_metadata};

/// The parts of a request's head that matter.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrival {
    pub(super) method: String,
    /// Path and query as they were sent.
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) sends_json: bool,
    /// `If-None-Match`.
    pub(super) known_tag: Option<String>,
}

impl Arrival {
    /// The entry of the log.
    pub(super) fn info(&self, body: &Bytes) -> CallInfo {
        CallInfo {
            method: self.method.clone(),
            path: self.target.clone(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The token of the header, or else the one of the address.
    fn token(&self, params: &Params) -> Option<String> {
        let header = self.authorization.as_deref().and_then(|text| text.strip_prefix("Bearer "));
        header.or_else(|| params.get("token")).map(|token| token.trim().to_owned())
    }
}

/// Answers a request.
pub(super) fn answer(state: &mut State, arrival: &Arrival, body: &Bytes) -> Reply {
    let parsed = match parsed(arrival, body) {
        Ok(parsed) => parsed,
        Err(reply) => return reply,
    };
    let params = Params::parse(arrival.query());
    let method = arrival.method.as_str();
    match (method, arrival.path()) {
        ("POST", "/graphql") => graphql::core(context(state, arrival, &params), body),
        ("POST", "/metadata") => graphql::metadata(context(state, arrival, &params), body),
        ("GET", "/healthz") => health::summary(),
        ("GET", path) if path.starts_with("/healthz/") => health::detail(path, state.worker_is_up),
        ("GET", "/client-config") => client_config::answer(&state.world),
        ("GET", "/open-api/core" | "/open-api/metadata") => {
            let known = context(state, arrival, &params).identity.is_ok();
            open_api::answer(&state.world, arrival.path(), known)
        }
        (_, "/rest") => behind_the_token(state, arrival, params, parsed),
        (_, path) if path.starts_with("/rest/") => behind_the_token(state, arrival, params, parsed),
        _ => Reply::not_found(method, &arrival.target),
    }
}

fn context<'a>(state: &'a mut State, arrival: &Arrival, params: &Params) -> Context<'a> {
    let now = state.world.clock().now() / 1_000_000;
    let identity = state.keys.check(arrival.token(params).as_deref(), now);
    Context { world: &mut state.world, throttle: &mut state.throttle, identity }
}

/// A body that says it is JSON must be an object or an array. Any other body is as good as none.
fn parsed(arrival: &Arrival, body: &Bytes) -> Result<Value, Reply> {
    if !arrival.sends_json || body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value.is_object() || value.is_array() => Ok(value),
        Ok(_) => {
            Err(Reply::framework(400, "Bad Request", "Unexpected token in JSON at position 0"))
        }
        Err(error) => Err(Reply::framework(400, "Bad Request", &complaint(&error))),
    }
}

/// What JavaScript says about text that is no JSON.
fn complaint(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "Unexpected end of JSON input".to_owned();
    }
    let place = error.column().saturating_sub(1);
    format!(
        "Unexpected token in JSON at position {place} (line {} column {})",
        error.line(),
        error.column()
    )
}

fn behind_the_token(state: &mut State, arrival: &Arrival, params: Params, body: Value) -> Reply {
    let mut context = context(state, arrival, &params);
    if let Err(failure) = &context.identity {
        return Reply::refused(*failure);
    }
    let path = arrival.path();
    if let Some(document) = path.strip_prefix("/rest/open-api") {
        return open_api::answer(context.world, &format!("/open-api{document}"), true);
    }
    let webhooks = arrival.target.strip_prefix("/rest/webhooks");
    let target = webhooks
        .map_or_else(|| arrival.target.clone(), |rest| format!("/rest/metadata/webhooks{rest}"));
    if target.starts_with("/rest/metadata") {
        let request =
            rest_metadata::Request { method: &arrival.method, target: &target, body: &body };
        return rest_metadata::handle(context.world, &request);
    }
    rest::handle(&mut context, &rest::Request { method: &arrival.method, path, params, body })
}
