//! The two GraphQL APIs: records under `/graphql` and the data model under `/metadata`.
//!
//! The language (parsing, validation, variables, execution, introspection) is shared; an API adds a library of
//! types and a root that answers fields. The messages, places and statuses are those of the real server, because
//! a client can only tell failures apart by them.

mod ast;
mod core;
mod engine;
mod error;
mod execute;
mod input;
mod introspection;
mod lexer;
mod metadata;
mod parser;
mod suggest;
mod types;
mod validate;

pub(crate) use metadata::position_cursor;

use serde_json::json;

use crate::auth::AuthFailure;
use crate::server::{Context, Reply};
use engine::Request;

/// Answers `POST /graphql`.
pub(crate) fn core(context: Context<'_>, body: &[u8]) -> Reply {
    let reply = match read(&context, body) {
        Ok(request) => core::answer(context, &request),
        Err(reply) => reply,
    };
    reply.untagged()
}

/// Answers `POST /metadata`.
pub(crate) fn metadata(mut context: Context<'_>, body: &[u8]) -> Reply {
    let reply = match read(&context, body) {
        Ok(request) => metadata::answer(&mut context, &request),
        Err(reply) => reply,
    };
    reply.untagged()
}

/// The request, or the answer of one that is refused before it is looked at.
fn read(context: &Context<'_>, body: &[u8]) -> Result<Request, Reply> {
    if let Err(failure) = &context.identity
        && *failure != AuthFailure::Missing
    {
        return Err(refused(*failure));
    }
    match Request::read(body) {
        Ok(Some(request)) => Ok(request),
        Ok(None) => Err(Reply::never()),
        Err(error) => Err(Reply::framework(400, "Bad Request", &error.to_string())),
    }
}

/// A refused token: never by the HTTP status.
fn refused(failure: AuthFailure) -> Reply {
    let (_, name, message) = failure.parts();
    let code = match name {
        "FORBIDDEN_EXCEPTION" => "FORBIDDEN",
        "INVALID_INPUT" => "BAD_USER_INPUT",
        _ => "UNAUTHENTICATED",
    };
    let friendly =
        json!({"id": "z+7x/s", "message": "You must be authenticated to perform this action."});
    let extensions = json!({"userFriendlyMessage": friendly, "subCode": name, "code": code});
    let body = json!({"errors": [{"message": message, "extensions": extensions}]});
    Reply { content_type: "application/json", ..Reply::json(200, &body) }
}
