//! The fields of objects, fields, relations, indexes and webhooks.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::paging::{self, Window};
use crate::error::ServerError;
use crate::graphql::execute::{Children, Out};
use crate::value::stamp;
use crate::world::{Field, Link, Object, Webhook, World};

/// A place in the tree that a document walks.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Page(Vec<Node>, Window),
    Edge(Box<Node>, usize),
    PageInfo(Window),
    Object(Arc<Object>),
    /// A field by its place in its object, and the name that a morph relation gives it.
    Field(Arc<Object>, usize, Option<String>),
    Relation(Arc<Object>, Link),
    Index(Arc<Object>, usize),
    Webhook(Box<Webhook>),
}

/// All fields of an object.
pub(super) fn fields_of(object: &Arc<Object>) -> Vec<Node> {
    (0..object.fields.len()).map(|at| Node::Field(Arc::clone(object), at, None)).collect()
}

impl Node {
    /// The id of what it stands for.
    pub(super) fn id(&self) -> Option<Uuid> {
        match self {
            Self::Object(object) => Some(object.id),
            Self::Field(object, at, _) => Some(object.fields[*at].id),
            Self::Webhook(hook) => Some(hook.id),
            _ => None,
        }
    }
}

/// Reads nodes.
pub(super) struct Nodes<'w> {
    pub(super) world: &'w World,
}

impl Nodes<'_> {
    /// A page of a list, as `paging` and `filter` ask.
    pub(super) fn page(
        &self,
        mut all: Vec<Node>,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        if let Some(filter) = arguments.get("filter").and_then(Value::as_object) {
            all.retain(|node| self.keeps(node, filter));
        }
        let paging = arguments.get("paging").and_then(Value::as_object);
        let window = paging::window(paging, all.len())?;
        all.truncate(window.end);
        all.drain(..window.start);
        Ok(Out::One(Node::Page(all, window)))
    }

    fn keeps(&self, node: &Node, filter: &Map<String, Value>) -> bool {
        let branches = |value: &Value| -> Vec<bool> {
            let parts = value.as_array().into_iter().flatten();
            parts.filter_map(Value::as_object).map(|part| self.keeps(node, part)).collect()
        };
        filter.iter().all(|(key, wanted)| match key.as_str() {
            "and" => branches(wanted).into_iter().all(|kept| kept),
            "or" => branches(wanted).into_iter().any(|kept| kept),
            _ => {
                let found = match self.child(node, key, &Map::new()) {
                    Ok(Out::Leaf(value)) => value,
                    _ => Value::Null,
                };
                wanted.as_object().is_none_or(|tests| tests.iter().all(|one| holds(&found, one)))
            }
        })
    }

    fn object(&self, id: Uuid) -> Out<Node> {
        self.world
            .object_by_id(id)
            .map_or(Out::Leaf(Value::Null), |object| Out::One(Node::Object(object)))
    }

    fn field(&self, object: Uuid, field: Uuid, name: Option<&String>) -> Out<Node> {
        let Some(object) = self.world.object_by_id(object) else { return Out::Leaf(Value::Null) };
        let at = object.fields.iter().position(|one| one.id == field);
        at.map_or(Out::Leaf(Value::Null), |at| Out::One(Node::Field(object, at, name.cloned())))
    }

    fn of_object(
        &self,
        object: &Arc<Object>,
        key: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        match key {
            "fields" => return self.page(fields_of(object), arguments),
            "fieldsList" => return Ok(Out::Many(fields_of(object))),
            "indexMetadatas" => {
                let index = |at| Node::Index(Arc::clone(object), at);
                return self.page((0..object.indexes.len()).map(index).collect(), arguments);
            }
            _ => {}
        }
        Ok(Out::Leaf(match key {
            "id" => json!(object.id),
            "nameSingular" => json!(object.name_singular),
            "namePlural" => json!(object.name_plural),
            "labelSingular" => json!(object.label_singular),
            "labelPlural" => json!(object.label_plural),
            "description" => json!(object.description),
            "icon" => json!(object.icon),
            "isCustom" => json!(object.is_custom),
            "isActive" => json!(object.is_active),
            "isSystem" => json!(object.is_system),
            "isRemote" => json!(object.is_remote),
            "isSearchable" => json!(object.is_searchable),
            "isUIReadOnly" | "isLabelSyncedWithName" => json!(false),
            "createdAt" => json!(object.created_at),
            "updatedAt" => json!(object.updated_at),
            "labelIdentifierFieldMetadataId" => json!(object.label_identifier),
            "imageIdentifierFieldMetadataId" => json!(object.image_identifier),
            _ => Value::Null,
        }))
    }

    fn of_field(object: &Arc<Object>, field: &Field, name: &str, key: &str) -> Out<Node> {
        let relation = |link: &Link| Node::Relation(Arc::clone(object), link.clone());
        Out::Leaf(match key {
            "relation" => match &field.relation {
                Some(link) => return Out::One(relation(link)),
                None => Value::Null,
            },
            "morphRelations" if !field.morph_relations.is_empty() => {
                return Out::Many(field.morph_relations.iter().map(relation).collect());
            }
            "object" => return Out::One(Node::Object(Arc::clone(object))),
            "objectMetadataId" => json!(object.id),
            "name" => json!(name),
            _ => scalar_of_field(field, key),
        })
    }

    fn of_relation(&self, object: &Arc<Object>, link: &Link, key: &str) -> Out<Node> {
        let names = link.names.as_ref();
        match key {
            "type" => Out::Leaf(json!(link.direction)),
            "sourceObjectMetadata" => Out::One(Node::Object(Arc::clone(object))),
            "targetObjectMetadata" => self.object(link.target_object),
            "sourceFieldMetadata" => {
                self.field(object.id, link.source_field, names.map(|(source, _)| source))
            }
            "targetFieldMetadata" => {
                self.field(link.target_object, link.target_field, names.map(|(_, target)| target))
            }
            _ => Out::Leaf(Value::Null),
        }
    }

    fn of_index(
        &self,
        object: &Object,
        at: usize,
        key: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        let known = &object.indexes[at][key];
        Ok(match key {
            "indexFieldMetadatas" => return self.page(Vec::new(), arguments),
            _ if !known.is_null() => Out::Leaf(known.clone()),
            "id" => Out::Leaf(json!(Uuid::from_u128(object.id.as_u128() ^ (at as u128 + 1)))),
            "isCustom" | "isUnique" => Out::Leaf(json!(false)),
            "indexType" => Out::Leaf(json!("BTREE")),
            "createdAt" | "updatedAt" => Out::Leaf(json!(object.created_at)),
            _ => Out::Leaf(Value::Null),
        })
    }

    fn of_webhook(&self, hook: &Webhook, key: &str) -> Value {
        match key {
            "id" => json!(hook.id),
            "targetUrl" => json!(hook.target_url),
            "operations" => json!(hook.operations),
            "description" => json!(hook.description),
            "secret" => json!(hook.secret),
            "workspaceId" => json!(self.world.workspace_id),
            "createdAt" => json!(stamp::to_wire(hook.created_at)),
            "updatedAt" => json!(stamp::to_wire(hook.updated_at)),
            _ => Value::Null,
        }
    }
}

fn scalar_of_field(field: &Field, key: &str) -> Value {
    match key {
        "id" => json!(field.id),
        "type" => json!(field.kind),
        "label" => json!(field.label),
        "description" => json!(field.description),
        "icon" => json!(field.icon),
        "isCustom" => json!(field.is_custom),
        "isActive" => json!(field.is_active),
        "isSystem" => json!(field.is_system),
        "isNullable" => json!(field.is_nullable),
        "isUnique" => json!(field.is_unique),
        "isUIReadOnly" => json!(field.is_ui_read_only),
        "isLabelSyncedWithName" => json!(false),
        "createdAt" => json!(field.created_at),
        "updatedAt" => json!(field.updated_at),
        "defaultValue" => field.default_value.clone(),
        "options" => field.options.clone(),
        "settings" => field.settings.clone(),
        _ => Value::Null,
    }
}

fn of_page_info(window: Window, key: &str) -> Value {
    let empty = window.start == window.end;
    match key {
        "hasNextPage" => json!(window.end < window.total),
        "hasPreviousPage" => json!(window.start > 0),
        "startCursor" if !empty => json!(paging::cursor(window.start)),
        "endCursor" if !empty => json!(paging::cursor(window.end - 1)),
        _ => Value::Null,
    }
}

fn holds(found: &Value, (operator, wanted): (&String, &Value)) -> bool {
    let listed = || wanted.as_array().is_some_and(|items| items.contains(found));
    match operator.as_str() {
        "is" | "eq" => found == wanted,
        "isNot" | "neq" => found != wanted,
        "in" => listed(),
        _ => !listed(),
    }
}

impl Children for Nodes<'_> {
    type Node = Node;

    fn child(
        &self,
        parent: &Node,
        key: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        Ok(match parent {
            Node::Page(_, window) if key == "pageInfo" => Out::One(Node::PageInfo(*window)),
            Node::Page(nodes, window) => {
                let edge = |(at, node): (usize, &Node)| {
                    Node::Edge(Box::new(node.clone()), window.start + at)
                };
                Out::Many(nodes.iter().enumerate().map(edge).collect())
            }
            Node::Edge(node, _) if key == "node" => Out::One((**node).clone()),
            Node::Edge(_, position) => Out::Leaf(json!(paging::cursor(*position))),
            Node::PageInfo(window) => Out::Leaf(of_page_info(*window, key)),
            Node::Object(object) => return self.of_object(object, key, arguments),
            Node::Field(object, at, name) => {
                let field = &object.fields[*at];
                Self::of_field(object, field, name.as_deref().unwrap_or(&field.name), key)
            }
            Node::Relation(object, link) => self.of_relation(object, link, key),
            Node::Index(object, at) => return self.of_index(object, *at, key, arguments),
            Node::Webhook(hook) => Out::Leaf(self.of_webhook(hook, key)),
        })
    }
}
