//! `/healthz`: an answer that says nothing about the database, and details that do.

use serde_json::{Value, json};

use super::Reply;

const INDICATORS: [&str; 5] = ["database", "redis", "worker", "connectedAccount", "app"];

/// `GET /healthz`
pub(super) fn summary() -> Reply {
    Reply::json(200, &json!({"status": "ok", "info": {}, "error": {}, "details": {}}))
}

/// `GET /healthz/{indicator}`
pub(super) fn detail(path: &str, worker_is_up: bool) -> Reply {
    let name = path.trim_start_matches("/healthz/");
    if !INDICATORS.contains(&name) {
        return Reply::framework(400, "Bad Request", &format!("Invalid indicatorId: {name}"));
    }
    if name == "worker" && !worker_is_up {
        let down = json!({name: {"status": "down", "message": "No active workers found"}});
        let body = json!({"status": "error", "info": {}, "error": down, "details": down});
        return Reply::json(503, &body);
    }
    let up: Value = json!({name: {"status": "up"}});
    Reply::json(200, &json!({"status": "ok", "info": up, "error": {}, "details": up}))
}
