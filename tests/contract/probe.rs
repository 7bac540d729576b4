//! A custom object of the test's own, so that its records are all there is to see.
//!
//! Its fields are named after their types: `fText`, `fDateTime`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    answer::{Answer, ids, text},
    twenty::Twenty,
};

/// Live and deleted records together.
pub(super) const ANY: &str = "or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)";

pub(super) struct Probe<'t> {
    twenty: &'t Twenty,
    pub(super) id: String,
    pub(super) singular: String,
    pub(super) plural: String,
}

impl<'t> Probe<'t> {
    /// Makes an object with a field of each of these types.
    pub(super) async fn make(twenty: &'t Twenty, types: &[&str]) -> Probe<'t> {
        let number = Uuid::new_v4().simple().to_string()[..8].to_owned();
        let singular = format!("contract{number}");
        let plural = format!("contract{number}s");
        let object = json!({
            "nameSingular": singular, "labelSingular": format!("Contract test {number}"),
            "namePlural": plural, "labelPlural": format!("Contract tests {number}"), "icon": "IconBox",
        });
        let create =
            "mutation($input: CreateOneObjectInput!) { createOneObject(input: $input) { id } }";
        let made =
            twenty.metadata(create, &json!({"input": {"object": object}})).await.subject(200);
        let probe = Probe { twenty, id: text(&made["id"]), singular, plural };
        twenty.owns_object(&probe.id);
        for kind in types {
            probe.add_field(kind).await;
        }
        probe
    }

    /// Adds a field of this type; the answer is its id.
    pub(super) async fn add_field(&self, kind: &str) -> String {
        let name = field_name(kind);
        let mut field =
            json!({"objectMetadataId": self.id, "type": kind, "name": name, "label": name});
        if kind.ends_with("SELECT") {
            field["options"] = json!([
                {"label": "A", "value": "OPT_A", "color": "green", "position": 0},
                {"label": "B", "value": "OPT_B", "color": "red", "position": 1},
            ]);
        }
        self.make_field(field).await
    }

    /// Adds a reference to records of an object: the key of `boss` is `bossId`.
    pub(super) async fn add_reference(&self, name: &str, target: &Probe<'_>) {
        let payload = json!({
            "type": "MANY_TO_ONE", "targetObjectMetadataId": target.id,
            "targetFieldLabel": format!("{name} of"), "targetFieldIcon": "IconBox",
        });
        let field = json!({
            "objectMetadataId": self.id, "type": "RELATION", "name": name, "label": name,
            "relationCreationPayload": payload,
        });
        self.make_field(field).await;
    }

    async fn make_field(&self, field: Value) -> String {
        let create = "mutation($input: CreateOneFieldMetadataInput!) { createOneField(input: $input) { id } }";
        let made = self.twenty.metadata(create, &json!({"input": {"field": field}})).await;
        text(&made.subject(200)["id"])
    }

    /// The path of its list, with a query.
    pub(super) fn list(&self, query: &str) -> String {
        format!("/rest/{}?{query}", self.plural)
    }

    /// The path of one record.
    pub(super) fn one(&self, id: &Value) -> String {
        format!("/rest/{}/{}", self.plural, text(id))
    }

    /// The name of its type in GraphQL.
    pub(super) fn type_name(&self) -> String {
        capitalised(&self.singular)
    }

    /// A root field of GraphQL, such as `updatePeople`.
    pub(super) fn root(&self, verb: &str) -> String {
        format!("{verb}{}", capitalised(&self.plural))
    }

    /// A root field of GraphQL, such as `updatePerson`.
    pub(super) fn root_of_one(&self, verb: &str) -> String {
        format!("{verb}{}", capitalised(&self.singular))
    }

    pub(super) async fn post(&self, body: &Value) -> Answer {
        self.twenty.post(&format!("/rest/{}", self.plural), body).await
    }

    pub(super) async fn create(&self, body: Value) -> Value {
        self.post(&body).await.subject(201)
    }

    pub(super) async fn post_many(&self, bodies: &[Value]) -> Answer {
        self.twenty.post(&format!("/rest/batch/{}", self.plural), &json!(bodies)).await
    }

    /// Creates a batch of this many records; the answer is their ids, sorted.
    pub(super) async fn create_many(&self, count: usize) -> Vec<String> {
        let bodies: Vec<Value> = (0..count).map(|at| json!({"name": format!("r{at}")})).collect();
        super::answer::sorted_ids(&self.post_many(&bodies).await.subject(201))
    }

    /// Changes a record; the answer is the whole of it.
    pub(super) async fn patch(&self, id: &Value, patch: Value) -> Value {
        self.twenty.patch(&self.one(id), &patch).await.subject(200)
    }

    /// A live record.
    pub(super) async fn read(&self, id: &Value) -> Value {
        self.twenty.get(&self.one(id)).await.subject(200)
    }

    /// The body of a list, with the query given.
    pub(super) async fn listed(&self, query: &str) -> Value {
        self.twenty.get(&self.list(query)).await.with(200)
    }

    /// The records of a list, with the query given.
    pub(super) async fn records(&self, query: &str) -> Value {
        self.listed(query).await["data"][&self.plural].clone()
    }

    /// The ids of the records that a filter finds.
    pub(super) async fn found(&self, filter: &str) -> Vec<String> {
        ids(&self.records(&format!("filter={filter}")).await)
    }

    /// One record, live or deleted; null when there is none.
    pub(super) async fn any(&self, id: &Value) -> Value {
        let filter = format!("filter=and(id[eq]:{},{ANY})", text(id));
        self.records(&filter).await[0].clone()
    }

    /// Sends an update-many by GraphQL, with filter and patch as variables.
    pub(super) async fn update_many(&self, filter: &Value, patch: &Value) -> Answer {
        let (kind, root) = (self.type_name(), self.root("update"));
        let query = format!(
            "mutation($f: {kind}FilterInput!, $d: {kind}UpdateInput!) {{
                {root}(filter: $f, data: $d) {{ id updatedAt }} }}"
        );
        self.twenty.graphql(&query, &json!({"f": filter, "d": patch})).await
    }
}

/// `DATE_TIME` becomes `fDateTime`.
pub(super) fn field_name(kind: &str) -> String {
    let words = kind.split('_').map(|word| capitalised(&word.to_lowercase()));
    format!("f{}", words.collect::<String>())
}

pub(super) fn capitalised(name: &str) -> String {
    format!("{}{}", name[..1].to_uppercase(), &name[1..])
}
