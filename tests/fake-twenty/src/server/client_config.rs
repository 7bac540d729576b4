//! `/client-config`: what the web page asks first. The imitated version has no key for its version.

use serde_json::json;

use super::Reply;
use crate::world::World;

/// `GET /client-config`
pub(super) fn answer(world: &World) -> Reply {
    let mut body = json!({
        "signInPrefilled": false,
        "isMultiWorkspaceEnabled": false,
        "isEmailVerificationRequired": false,
        "analyticsEnabled": false,
        "api": {"mutationMaximumAffectedRecords": 100},
    });
    if let Some(version) = &world.switches.app_version {
        body["appVersion"] = json!(version);
    }
    Reply::json(200, &body)
}
