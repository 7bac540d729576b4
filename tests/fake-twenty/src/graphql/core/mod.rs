//! `/graphql`: the records.
//!
//! The schema follows the workspace: two queries, a grouping and ten mutations for each active object. A request
//! with several queries takes one token of the rate limit, because the server runs them side by side on a bucket
//! that is not atomic; every mutation takes its own.

mod aggregates;
mod composite;
mod filter;
mod library;
mod nodes;
mod read;
mod record_types;
mod write;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ast::OperationKind;
use super::engine::{self, Request, Root};
use super::execute::Out;
use super::types::Types;
use crate::error::ServerError;
use crate::server::{Context, Reply};
use crate::throttle::Throttle;
use crate::world::{Actor, Object, World};
use library::Records;
use nodes::{Node, Nodes};

/// Answers a request.
pub(super) fn answer(context: Context<'_>, request: &Request) -> Reply {
    let Context { world, throttle, identity } = context;
    let objects = if identity.is_ok() { world.objects().to_vec() } else { Vec::new() };
    let library = Records::new(objects);
    let actor = identity.map(|identity| identity.actor).unwrap_or_default();
    let mut root = CoreRoot { world, throttle, actor, ticket: None };
    engine::answer(request, &Types::new(&library), &mut root)
}

struct CoreRoot<'w> {
    world: &'w mut World,
    throttle: &'w mut Throttle,
    actor: Actor,
    /// What the queries of this request were told when the first of them took its token.
    ticket: Option<Result<(), ServerError>>,
}

impl CoreRoot<'_> {
    fn pay(&mut self, kind: OperationKind) -> Result<(), ServerError> {
        if kind == OperationKind::Mutation {
            return self.throttle.take(1);
        }
        self.ticket.get_or_insert_with(|| self.throttle.take(1)).clone()
    }
}

impl Root for CoreRoot<'_> {
    type Node = Node;
    type Below<'a>
        = Nodes<'a>
    where
        Self: 'a;

    fn start(
        &mut self,
        kind: OperationKind,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        self.pay(kind)?;
        if kind == OperationKind::Mutation {
            write::run(self.world, &self.actor, field, arguments)
        } else {
            read::run(self.world, field, arguments)
        }
    }

    fn below(&self) -> Nodes<'_> {
        Nodes { world: self.world }
    }

    fn refuses_repeats(&self) -> bool {
        self.world.switches.refuses_repeated_roots
    }
}

/// A name with a capital, as types and mutations spell it.
fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// What a name of the schema says about an object: whether it means one record or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    One,
    Many,
}

/// The active object behind a capitalised singular or plural name.
fn object_of(objects: &[Arc<Object>], name: &str) -> Option<(Arc<Object>, Number)> {
    let active = || objects.iter().filter(|object| object.is_active);
    let one = active().find(|object| pascal(&object.name_singular) == name);
    let many = || active().find(|object| pascal(&object.name_plural) == name);
    one.map(|object| (Arc::clone(object), Number::One))
        .or_else(|| many().map(|object| (Arc::clone(object), Number::Many)))
}

#[cfg(test)]
mod tests;
