//! The fields of connections, edges, records and groups.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{aggregates, read};
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::graphql::execute::{Children, Out};
use crate::world::{Field, Object, OrderBy, Query, Row, Wire, World, encode_cursor};

/// A place in the tree that a document walks.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Connection(Rc<Connection>),
    PageInfo(Rc<Connection>),
    Edge(Rc<Connection>, usize),
    Record(Arc<Object>, Box<Row>),
    /// A record of a page.
    Entry(Rc<Connection>, usize),
    Composite(Value),
    Group(Rc<Group>),
}

/// A page of records and the question it answers.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) object: Arc<Object>,
    pub(super) filter: Filter,
    pub(super) order: Vec<OrderBy>,
    pub(super) rows: Vec<Row>,
    pub(super) page_info: Value,
}

/// Records that share values.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) object: Arc<Object>,
    pub(super) values: Vec<Value>,
    pub(super) rows: Vec<Row>,
}

/// Reads nodes.
pub(super) struct Nodes<'w> {
    pub(super) world: &'w World,
}

impl Nodes<'_> {
    fn of_connection(
        &self,
        connection: &Rc<Connection>,
        key: &str,
    ) -> Result<Out<Node>, ServerError> {
        let object = &connection.object;
        Ok(match key {
            "edges" => {
                let edge = |at| Node::Edge(Rc::clone(connection), at);
                Out::Many((0..connection.rows.len()).map(edge).collect())
            }
            "pageInfo" => Out::One(Node::PageInfo(Rc::clone(connection))),
            "totalCount" => {
                let query = Query::new(connection.filter.clone(), 0);
                Out::Leaf(json!(self.world.find_many(object, &query)?.total_count))
            }
            _ => {
                let rows = self.world.select(object, &connection.filter)?;
                Out::Leaf(aggregates::value(self.world, object, &rows, key)?)
            }
        })
    }

    fn of_record(
        &self,
        object: &Arc<Object>,
        row: &Row,
        key: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        if let Some(value) = object.value(row, key, Wire::Graphql) {
            let composite = object.columns_of(key).any(|(_, column)| column.sub.is_some());
            return Ok(if composite { Out::One(Node::Composite(value)) } else { Out::Leaf(value) });
        }
        let field = object.field(key).filter(|field| field.is_relation());
        let Some(field) = field else { return Ok(Out::Leaf(Value::Null)) };
        self.of_relation(object, row, field, arguments)
    }

    /// One live record, or a page of those that point here.
    fn of_relation(
        &self,
        object: &Object,
        row: &Row,
        field: &Field,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        let link = field.link();
        let target = link.and_then(|link| self.world.object_by_id(link.target_object));
        let (Some(link), Some(target)) = (link, target) else { return Ok(Out::Leaf(Value::Null)) };
        if field.is_many_to_one() {
            let id = object.column_index(field.key()).and_then(|at| row.cells[at].as_uuid());
            let found = id.and_then(|id| self.world.table(&target).get(id));
            let live = found.filter(|row| !target.is_deleted(row)).cloned();
            return Ok(live.map_or(Out::Leaf(Value::Null), |row| {
                Out::One(Node::Record(Arc::clone(&target), Box::new(row)))
            }));
        }
        let Some(far) = target.field_by_id(link.target_field) else {
            return Ok(Out::Leaf(Value::Null));
        };
        let mine = Filter::compare(far.key(), Operator::Eq, object.id_of(row).to_string());
        read::connection(self.world, &target, arguments, Some(mine))
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
            Node::Connection(connection) => return self.of_connection(connection, key),
            Node::PageInfo(connection) => Out::Leaf(connection.page_info[key].clone()),
            Node::Edge(connection, at) => {
                if key == "cursor" {
                    let (object, row) = (&connection.object, &connection.rows[*at]);
                    Out::Leaf(json!(encode_cursor(object, row, &connection.order)))
                } else {
                    Out::One(Node::Entry(Rc::clone(connection), *at))
                }
            }
            Node::Entry(connection, at) => {
                return self.of_record(&connection.object, &connection.rows[*at], key, arguments);
            }
            Node::Record(object, row) => return self.of_record(object, row, key, arguments),
            Node::Composite(value) => Out::Leaf(value[key].clone()),
            Node::Group(group) if key == "groupByDimensionValues" => Out::Leaf(json!(group.values)),
            Node::Group(group) => {
                let rows: Vec<&Row> = group.rows.iter().collect();
                Out::Leaf(aggregates::value(self.world, &group.object, &rows, key)?)
            }
        })
    }
    /// Keys look empty beside an embedded relation without any live target on the page.
    fn seen_with(&self, node: &Node, fields: &[&str]) -> Option<Node> {
        let (object, rows, at) = match node {
            Node::Record(object, row) => (object, std::slice::from_ref(&**row), 0),
            Node::Entry(connection, at) => (&connection.object, connection.rows.as_slice(), *at),
            Node::Connection(_)
            | Node::PageInfo(_)
            | Node::Edge(..)
            | Node::Composite(_)
            | Node::Group(_) => return None,
        };
        let embedded = |field: &Field| fields.contains(&field.name.as_str());
        let blanked = self.world.blanked(object, &rows.iter(), embedded);
        let row = (!blanked.is_empty()).then(|| rows[at].without(&blanked))?;
        Some(Node::Record(Arc::clone(object), Box::new(row)))
    }
}
