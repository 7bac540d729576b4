//! A server that is asked over HTTP, by the calls that the program makes.
//!
//! It exists as the other implementation of what the model does. Its tables are custom objects of its own, and the note
//! targets, which go with what they point at. Invariant: a refusal that the model does not know fails the test.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    answer::{Answer, ids, text},
    changes::stamp,
    probe::{ANY, Probe, capitalised},
    server::{Page, Refusal, Removal, Table},
    twenty::Twenty,
};

pub(super) struct Wire<'t> {
    twenty: &'t Twenty,
    parent: Probe<'t>,
    /// Made when it is first needed: a data model takes a live server some time.
    child: OnceCell<Probe<'t>>,
}

/// How an object is called.
struct Names {
    singular: String,
    plural: String,
}

impl<'t> Wire<'t> {
    /// The parents have fields of these types.
    pub(super) async fn make(twenty: &'t Twenty, types: &[&str]) -> Wire<'t> {
        let parent = Probe::make(twenty, types).await;
        Wire { twenty, parent, child: OnceCell::new() }
    }

    async fn child(&self) -> &Probe<'t> {
        let make = async || {
            let child = Probe::make(self.twenty, &[]).await;
            child.add_reference("parent", &self.parent).await;
            child.add_reference("boss", &child).await;
            child
        };
        self.child.get_or_init(make).await
    }

    async fn names(&self, table: Table) -> Names {
        let (singular, plural) = match table {
            Table::Parent => (&*self.parent.singular, &*self.parent.plural),
            Table::Child => {
                let child = self.child().await;
                (&*child.singular, &*child.plural)
            }
            Table::Link => ("noteTarget", "noteTargets"),
        };
        Names { singular: singular.to_owned(), plural: plural.to_owned() }
    }

    /// The key of a link to its parent is named after the parent.
    fn renamed(&self, table: Table, value: &Value, is_sent: bool) -> Value {
        if table != Table::Link {
            return value.clone();
        }
        let (ours, theirs) = ("\"parentId\"", format!("\"{}Id\"", self.parent.singular));
        let (from, to) = if is_sent { (ours, &*theirs) } else { (&*theirs, ours) };
        serde_json::from_str(&value.to_string().replace(from, to)).unwrap()
    }

    pub(super) fn tick(&self) {
        self.twenty.tick();
    }

    pub(super) async fn create(
        &self,
        table: Table,
        bodies: &[Value],
    ) -> Result<Vec<Value>, Refusal> {
        let Names { plural, .. } = self.names(table).await;
        if table == Table::Link {
            for body in bodies {
                self.twenty.owns(&plural, &text(&body["id"]));
            }
        }
        let bodies = self.renamed(table, &json!(bodies), true);
        let answer = self.twenty.post(&format!("/rest/batch/{plural}"), &bodies).await;
        if answer.status == 201 {
            return Ok(self.records(table, &answer.subject(201)));
        }
        Err(refusal(&answer))
    }

    fn records(&self, table: Table, records: &Value) -> Vec<Value> {
        let records = self.renamed(table, records, false);
        records.as_array().unwrap().clone()
    }

    pub(super) async fn update(
        &self,
        table: Table,
        filter: &Value,
        patch: &Value,
    ) -> Result<Vec<Uuid>, Refusal> {
        let Names { singular, plural } = self.names(table).await;
        let (kind, root) = (capitalised(&singular), capitalised(&plural));
        let query = format!(
            "mutation($f: {kind}FilterInput!, $d: {kind}UpdateInput!) {{
                update{root}(filter: $f, data: $d) {{ id }} }}"
        );
        let filter = self.renamed(table, filter, true);
        let variables = json!({"f": filter, "d": self.renamed(table, patch, true)});
        let answer = self.twenty.graphql(&query, &variables).await;
        if answer.body["errors"].is_null() {
            return Ok(sorted(&answer.subject(200)));
        }
        Err(refusal(&answer))
    }

    pub(super) async fn delete(&self, table: Table, filter: &Value, how: Removal) -> Vec<Uuid> {
        let Names { singular, plural } = self.names(table).await;
        let verb = match how {
            Removal::Soft => "delete",
            Removal::ForEver => "destroy",
        };
        let (kind, root) = (capitalised(&singular), capitalised(&plural));
        let query =
            format!("mutation($f: {kind}FilterInput!) {{ {verb}{root}(filter: $f) {{ id }} }}");
        let variables = json!({"f": self.renamed(table, filter, true)});
        sorted(&self.twenty.graphql(&query, &variables).await.subject(200))
    }

    pub(super) async fn page(
        &self,
        table: Table,
        since: Option<OffsetDateTime>,
        after: Option<&str>,
        limit: usize,
    ) -> Page {
        let filter = match since {
            Some(since) => format!("and(updatedAt[gte]:\"{}\",{ANY})", stamp(since)),
            None => ANY.to_owned(),
        };
        let after = after.map(|cursor| format!("&starting_after={cursor}")).unwrap_or_default();
        let Names { plural, .. } = self.names(table).await;
        let path = format!("/rest/{plural}?limit={limit}&filter={filter}{after}");
        let answer = self.twenty.get(&path).await;
        let date = answer.headers["date"].to_str().unwrap().to_owned();
        let body = answer.with(200);
        Page {
            records: self.records(table, &body["data"][&plural]),
            cursor: body["pageInfo"]["endCursor"].as_str().map(str::to_owned),
            has_next: body["pageInfo"]["hasNextPage"] == true,
            total: body["totalCount"].as_u64().unwrap(),
            served_at: OffsetDateTime::parse(&date, &Rfc2822).unwrap(),
        }
    }

    pub(super) async fn look(&self, table: Table, ids: &[Uuid]) -> Vec<Value> {
        if ids.is_empty() {
            return Vec::new();
        }
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let filter = format!("and(id[in]:[{}],{ANY})", ids.join(","));
        let body = self.listed(table, &format!("limit=200&filter={filter}")).await;
        let Names { plural, .. } = self.names(table).await;
        self.records(table, &body["data"][&plural])
    }

    async fn listed(&self, table: Table, query: &str) -> Value {
        let Names { plural, .. } = self.names(table).await;
        self.twenty.get(&format!("/rest/{plural}?{query}")).await.with(200)
    }

    pub(super) async fn count(
        &self,
        table: Table,
        (from, to): (Uuid, Option<Uuid>),
        with_trash: bool,
    ) -> u64 {
        let below = to.map(|to| format!(",id[lt]:{to}")).unwrap_or_default();
        let life = if with_trash { ANY } else { "deletedAt[is]:NULL" };
        let query = format!("limit=1&filter=and(id[gte]:{from}{below},{life})");
        self.listed(table, &query).await["totalCount"].as_u64().unwrap()
    }
}

fn sorted(records: &Value) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids(records).iter().map(|id| Uuid::parse_str(id).unwrap()).collect();
    ids.sort();
    ids
}

/// Texts by which a refusal is known.
const REFUSALS: [(&str, Refusal); 6] = [
    ("A duplicate entry was detected", Refusal::DuplicateEntry),
    ("violates foreign key", Refusal::MissingParent),
    ("violates not-null", Refusal::Value),
    ("invalid byte sequence", Refusal::Value),
    ("Cannot convert undefined or null to object", Refusal::Value),
    ("invalid input value for enum", Refusal::Value),
];

fn refusal(answer: &Answer) -> Refusal {
    let known = REFUSALS.iter().find(|(part, _)| answer.message().contains(part));
    let Some((_, refusal)) = known else { panic!("a refusal of another kind: {}", answer.body) };
    *refusal
}
