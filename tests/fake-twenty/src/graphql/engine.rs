//! From the body of a request to an answer: what both GraphQL APIs share.
//!
//! The order is the server's: syntax, validation, variables (HTTP 400), execution. Root fields of an operation
//! run one after the other, and a failed one leaves null without stopping the others.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::ast::{Document, Operation, OperationKind, Selection};
use super::error::{self, Fault};
use super::execute::{Children, Out, Scope};
use super::input;
use super::introspection::Introspection;
use super::types::Types;
use super::{parser, validate};
use crate::error::ServerError;
use crate::server::Reply;

/// Root fields of one request, where a version limits them.
const MOST_ROOTS: usize = 20;

/// The fields of an API's root, and what comes below them.
pub(super) trait Root {
    type Node;
    type Below<'a>: Children<Node = Self::Node>
    where
        Self: 'a;

    /// Runs a root field.
    fn start(
        &mut self,
        kind: OperationKind,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Self::Node>, ServerError>;

    /// Access to the fields of nodes.
    fn below(&self) -> Self::Below<'_>;

    /// Whether a root field may be asked only once, and only so many of them: a feature of later versions.
    fn refuses_repeats(&self) -> bool {
        false
    }
}

/// A request's body.
#[derive(Debug)]
pub(super) struct Request {
    query: String,
    variables: Map<String, Value>,
    operation: Option<String>,
}

impl Request {
    /// Reads the body; `None` when it has no query, which the real server never answers.
    pub(super) fn read(body: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let body: Value = serde_json::from_slice(body)?;
        let Some(query) = body["query"].as_str() else { return Ok(None) };
        Ok(Some(Self {
            query: query.to_owned(),
            variables: body["variables"].as_object().cloned().unwrap_or_default(),
            operation: body["operationName"].as_str().map(ToOwned::to_owned),
        }))
    }
}

/// Answers a request.
pub(super) fn answer(request: &Request, types: &Types<'_>, root: &mut impl Root) -> Reply {
    match prepare(request, types, root.refuses_repeats()) {
        Ok((document, at, variables)) => {
            let scope = Scope { types, document: &document, variables: &variables };
            run(&scope, &document.operations[at], root)
        }
        Err(reply) => reply,
    }
}

type Prepared = (Document, usize, Map<String, Value>);

fn prepare(request: &Request, types: &Types<'_>, once: bool) -> Result<Prepared, Reply> {
    let document = parser::parse(&request.query).map_err(|fault| faulty(&[fault]))?;
    let wanted = request.operation.as_deref();
    let named = |one: &Operation| wanted.is_none() || one.name.as_deref() == wanted;
    let Some(at) = document.operations.iter().position(named) else {
        let message = wanted.map_or_else(
            || "Must provide an operation.".to_owned(),
            |name| format!("Unknown operation named \"{name}\"."),
        );
        return Err(faulty(&[Fault { message, places: Vec::new() }]));
    };
    let operation = &document.operations[at];
    if types.root(operation.kind).is_none() {
        return Err(faulty(&[validate::no_root(operation)]));
    }
    let faults = validate::validate(types, &document, operation);
    if !faults.is_empty() {
        return Err(faulty(&faults));
    }
    if let Some(refusal) = once.then(|| repeated(operation)).flatten() {
        return Err(Reply::json(200, &json!({"errors": [error::of_operation(&refusal)]})));
    }
    let variables = variables(types, operation, &request.variables)?;
    Ok((document, at, variables))
}

/// What later versions say about too many root fields, or about one that is asked twice.
fn repeated(operation: &Operation) -> Option<ServerError> {
    let names: Vec<&str> = operation.selection.iter().filter_map(root_name).collect();
    let mut seen = HashSet::new();
    let message = if names.len() > MOST_ROOTS {
        let asked = names.len();
        format!(
            "Query too complex - Too many root resolvers requested: {asked} - Maximum allowed root resolvers: {MOST_ROOTS}"
        )
    } else {
        let twice = names.iter().find(|name| !seen.insert(**name))?;
        format!("Duplicate root resolver: \"{twice}\"")
    };
    Some(ServerError::bad_request(message))
}

fn root_name(selection: &Selection) -> Option<&str> {
    match selection {
        Selection::Field(field) => Some(&field.name),
        Selection::Inline { .. } | Selection::Spread { .. } => None,
    }
}

fn faulty(faults: &[Fault]) -> Reply {
    let errors: Vec<Value> = faults.iter().map(Fault::to_json).collect();
    Reply::json(200, &json!({"errors": errors}))
}

fn variables(
    types: &Types<'_>,
    operation: &Operation,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Reply> {
    let (mut values, mut faults) = (Map::new(), Vec::new());
    for variable in &operation.variables {
        let value = match (given.get(&variable.name), &variable.default) {
            (Some(value), _) => input::coerce(types, &variable.of, value, &mut faults),
            (None, Some(default)) => input::plain(default, &Map::new()),
            (None, None) => {
                if variable.of.is_required() {
                    let (name, of) = (&variable.name, &variable.of);
                    faults.push(format!(
                        "Variable \"${name}\" of required type \"{of}\" was not provided."
                    ));
                }
                continue;
            }
        };
        values.insert(variable.name.clone(), value);
    }
    if faults.is_empty() {
        return Ok(values);
    }
    let errors: Vec<Value> = faults.iter().map(|fault| error::of_variables(fault)).collect();
    Err(Reply::json(400, &json!({"errors": errors})))
}

fn run(scope: &Scope<'_>, operation: &Operation, root: &mut impl Root) -> Reply {
    let parent = scope.types.root(operation.kind).expect("a validated operation has a root");
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for merged in scope.collect(&operation.selection) {
        let field = merged[0];
        let arguments = scope.arguments(&parent, field);
        let of = parent.field(&field.name).map_or("", |definition| definition.of.base());
        let value = match field.name.as_str() {
            "__typename" => Ok(Value::from(parent.name.as_str())),
            name @ ("__schema" | "__type") => {
                let introspection = Introspection { types: scope.types };
                let start = introspection.start(name, &arguments);
                let of = if name == "__type" { "__Type" } else { "__Schema" };
                scope.complete(&introspection, of, &start, &merged)
            }
            name => root
                .start(operation.kind, name, &arguments)
                .and_then(|out| scope.complete(&root.below(), of, &out, &merged)),
        };
        let value = value.unwrap_or_else(|failure| {
            errors.push(error::of_operation(&failure));
            Value::Null
        });
        data.insert(field.key().to_owned(), value);
    }
    let rows = data.values().map(rows_in).sum();
    let mut body = json!({"data": data});
    if !errors.is_empty() {
        body["errors"] = Value::Array(errors);
    }
    Reply { rows, ..Reply::json(200, &body) }
}

/// Records that a root field shows, for the log of calls.
fn rows_in(root: &Value) -> usize {
    match root {
        Value::Array(items) => items.len(),
        Value::Object(entries) => match entries.get("edges").and_then(Value::as_array) {
            Some(edges) => edges.len(),
            None => usize::from(!entries.contains_key("totalCount")),
        },
        _ => 0,
    }
}
