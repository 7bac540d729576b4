//! Execution: the fields of a selection, from the parts of an API that know their values.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::ast::{Directive, Document, Field, Selection};
use super::input;
use super::types::{Type, Types};
use crate::error::ServerError;

/// A value on its way out: finished, or one or many nodes whose fields are selected.
#[derive(Debug)]
pub(super) enum Out<N> {
    Leaf(Value),
    One(N),
    Many(Vec<N>),
}

/// Something whose nodes have fields.
pub(super) trait Children {
    type Node;

    fn child(
        &self,
        parent: &Self::Node,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Self::Node>, ServerError>;

    /// The node as it looks when these fields of it are asked together; itself unless an API says otherwise.
    fn seen_with(&self, _node: &Self::Node, _fields: &[&str]) -> Option<Self::Node> {
        None
    }
}

/// What execution needs to know of the request.
pub(super) struct Scope<'a> {
    pub(super) types: &'a Types<'a>,
    pub(super) document: &'a Document,
    pub(super) variables: &'a Map<String, Value>,
}

/// Fields of one key: they are one field, with the selections of all.
pub(super) type Merged<'a> = Vec<&'a Field>;

impl<'a> Scope<'a> {
    /// The fields that a selection asks of a type, in order, fragments spread and directives applied.
    pub(super) fn collect(
        &self,
        selections: impl IntoIterator<Item = &'a Selection>,
    ) -> Vec<Merged<'a>> {
        let mut found = Vec::new();
        let mut places = HashMap::new();
        self.collect_into(selections, &mut found, &mut places);
        found
    }

    fn collect_into(
        &self,
        selections: impl IntoIterator<Item = &'a Selection>,
        found: &mut Vec<Merged<'a>>,
        places: &mut HashMap<&'a str, usize>,
    ) {
        for selection in selections {
            match selection {
                Selection::Field(field) if self.wants(&field.directives) => {
                    let at = *places.entry(field.key()).or_insert(found.len());
                    if at == found.len() {
                        found.push(Vec::new());
                    }
                    found[at].push(field);
                }
                Selection::Inline { directives, selection, .. } if self.wants(directives) => {
                    self.collect_into(selection, found, places);
                }
                Selection::Spread { name, directives, .. } if self.wants(directives) => {
                    let named = self.document.fragments.iter().find(|one| one.name == *name);
                    if let Some(fragment) = named {
                        self.collect_into(&fragment.selection, found, places);
                    }
                }
                _ => {}
            }
        }
    }

    fn wants(&self, directives: &[Directive]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|one| one.name == "if");
            let value = condition.map(|one| input::plain(&one.value, self.variables));
            let holds = value == Some(Value::Bool(true));
            match directive.name.as_str() {
                "include" => holds,
                "skip" => !holds,
                _ => true,
            }
        })
    }

    /// The arguments of a field, with variables filled in.
    pub(super) fn arguments(&self, parent: &Type, field: &Field) -> Map<String, Value> {
        let definition = parent
            .field(&field.name)
            .cloned()
            .or_else(|| super::introspection::root_field(&field.name));
        let Some(definition) = definition else { return Map::new() };
        let value = |argument: &super::ast::Argument| {
            let wanted = definition.arguments.iter().find(|one| one.name == argument.name)?;
            let value = input::value(self.types, &wanted.of, &argument.value, self.variables)?;
            Some((argument.name.clone(), value))
        };
        field.arguments.iter().filter_map(value).collect()
    }

    /// Finishes a value: selects the fields of its nodes.
    pub(super) fn complete<C: Children>(
        &self,
        children: &C,
        type_name: &str,
        out: &Out<C::Node>,
        fields: &Merged<'a>,
    ) -> Result<Value, ServerError> {
        let object = |node: &C::Node| self.object(children, type_name, node, fields);
        match out {
            Out::Leaf(value) => Ok(value.clone()),
            Out::One(node) => object(node),
            Out::Many(nodes) => {
                nodes.iter().map(object).collect::<Result<_, _>>().map(Value::Array)
            }
        }
    }

    fn object<C: Children>(
        &self,
        children: &C,
        type_name: &str,
        node: &C::Node,
        fields: &Merged<'a>,
    ) -> Result<Value, ServerError> {
        let parent = self.types.named(type_name).expect("a validated selection has a type");
        let mut object = Map::new();
        let selected = self.collect(fields.iter().flat_map(|field| &field.selection));
        let names: Vec<&str> = selected.iter().map(|merged| merged[0].name.as_str()).collect();
        let seen = children.seen_with(node, &names);
        let node = seen.as_ref().unwrap_or(node);
        for merged in selected {
            let field = merged[0];
            let value = if field.name == "__typename" {
                Value::from(type_name)
            } else {
                let definition = parent.field(&field.name).expect("a validated field exists");
                let out = children.child(node, &field.name, &self.arguments(&parent, field))?;
                self.complete(children, definition.of.base(), &out, &merged)?
            };
            object.insert(field.key().to_owned(), value);
        }
        Ok(Value::Object(object))
    }
}
