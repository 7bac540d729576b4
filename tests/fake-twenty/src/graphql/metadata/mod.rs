//! `/metadata`: objects with their fields and indexes, and webhooks.
//!
//! The schema is the same for every workspace and for anonymous callers; only the root fields refuse without a
//! key. Lists are pages of ten unless asked otherwise, with cursors that count positions.

mod inputs;
mod library;
mod model;
mod nodes;
mod paging;
mod webhooks;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::ast::OperationKind;
use super::engine::{self, Request, Root};
use super::execute::Out;
use super::types::Types;
use crate::error::ServerError;
use crate::server::{Context, Reply};
use crate::world::World;
use library::Metadata;
use nodes::{Node, Nodes};

pub(crate) use paging::cursor as position_cursor;

/// Answers a request.
pub(super) fn answer(context: &mut Context<'_>, request: &Request) -> Reply {
    let types = Types::new(&Metadata);
    let mut root = MetadataRoot { known: context.identity.is_ok(), world: context.world };
    engine::answer(request, &types, &mut root)
}

struct MetadataRoot<'w> {
    world: &'w mut World,
    known: bool,
}

impl Root for MetadataRoot<'_> {
    type Node = Node;
    type Below<'a>
        = Nodes<'a>
    where
        Self: 'a;

    fn start(
        &mut self,
        _kind: OperationKind,
        field: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Out<Node>, ServerError> {
        if !self.known {
            return Err(ServerError::new(
                403,
                "ForbiddenException",
                "Forbidden resource",
                "INTERNAL_SERVER_ERROR",
            ));
        }
        match field {
            "objects" => {
                let all = self.world.objects().iter().cloned().map(Node::Object).collect();
                self.below().page(all, arguments)
            }
            "fields" => {
                let all = self.world.objects().iter().flat_map(nodes::fields_of).collect();
                self.below().page(all, arguments)
            }
            "object" => {
                let found = id(arguments).and_then(|id| self.world.object_by_id(id));
                found.map(|object| Out::One(Node::Object(object))).ok_or_else(missing)
            }
            "field" => {
                let all = self.world.objects().iter().flat_map(nodes::fields_of);
                let wanted = id(arguments);
                let is_it = |node: &Node| node.id() == wanted;
                { all }.find(is_it).map(Out::One).ok_or_else(missing)
            }
            "webhooks" | "webhook" | "createWebhook" | "updateWebhook" | "deleteWebhook" => {
                webhooks::run(self.world, field, arguments)
            }
            _ => model::run(self.world, field, arguments),
        }
    }

    fn below(&self) -> Nodes<'_> {
        Nodes { world: self.world }
    }
}

fn id(arguments: &Map<String, Value>) -> Option<Uuid> {
    arguments.get("id").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok())
}

fn missing() -> ServerError {
    ServerError::new(404, "NotFoundException", "Object does not exist", "NOT_FOUND")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::auth::{AuthFailure, Identity};
    use crate::graphql;
    use crate::server::{Context, Reply};
    use crate::throttle::Throttle;
    use crate::world::{Actor, NewField, World};

    fn send(world: &mut World, known: bool, body: &Value) -> Reply {
        let identity = Identity { actor: Actor::default() };
        let identity = if known { Ok(identity) } else { Err(AuthFailure::Missing) };
        let context = Context { world, throttle: &mut Throttle::new(None), identity };
        graphql::metadata(context, body.to_string().as_bytes())
    }

    fn ask(world: &mut World, query: &str) -> Value {
        let reply = send(world, true, &json!({"query": query}));
        assert_eq!(reply.status, 200);
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn world() -> World {
        let mut world = World::empty();
        for at in 0..12 {
            world.add_object(&format!("thing{at}"), &format!("things{at}"));
        }
        world.add_field("things0", NewField::new("size", "NUMBER")).unwrap();
        world
    }

    #[test]
    fn a_list_without_paging_has_ten_entries_and_says_that_more_follow() {
        let query =
            "{ objects { pageInfo { hasNextPage endCursor } edges { node { nameSingular } } } }";
        let answer = ask(&mut world(), query);
        let objects = &answer["data"]["objects"];
        assert_eq!(objects["edges"].as_array().unwrap().len(), 10);
        assert_eq!(objects["pageInfo"]["hasNextPage"], true);
        let rest = ask(
            &mut world(),
            &query.replace(
                "objects",
                &format!(
                    "objects(paging: {{first: 5, after: {}}})",
                    objects["pageInfo"]["endCursor"]
                ),
            ),
        );
        let names: Vec<&Value> = rest["data"]["objects"]["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| &edge["node"]["nameSingular"])
            .collect();
        assert_eq!(names, [&json!("thing10"), &json!("thing11")]);
    }

    #[test]
    fn a_filter_keeps_the_objects_that_match() {
        let query = "{ objects(filter: {isCustom: {is: false}}) { edges { node { id } } } }";
        assert_eq!(ask(&mut world(), query)["data"]["objects"]["edges"], json!([]));
    }

    #[test]
    fn fields_show_type_and_settings() {
        let query = "{ objects(paging: {first: 1}) { edges { node { fields(paging: {first: 500}) \
                     { edges { node { name type isUnique relation { type } } } } } } } }";
        let answer = ask(&mut world(), query);
        let fields = &answer["data"]["objects"]["edges"][0]["node"]["fields"]["edges"];
        let size = fields.as_array().unwrap().iter().find(|edge| edge["node"]["name"] == "size");
        assert_eq!(size.unwrap()["node"]["type"], "NUMBER");
        assert_eq!(size.unwrap()["node"]["relation"], Value::Null);
    }

    #[test]
    fn a_wrong_key_fails_the_whole_query_with_its_place() {
        let answer = ask(&mut world(), "{ objects(paging:{first:1}){ edges{ node{ nope } } } }");
        let wanted = json!({"errors": [{
            "message": "Cannot query field \"nope\" on type \"Object\".",
            "locations": [{"line": 1, "column": 43}],
        }]});
        assert_eq!(answer, wanted);
    }

    #[test]
    fn introspection_tells_which_keys_exist() {
        let query = "{ object: __type(name: \"Object\") { name fields { name type { kind ofType { name } } } } \
                     nothing: __type(name: \"Nope\") { name } }";
        let answer = ask(&mut world(), query);
        assert_eq!(answer["data"]["nothing"], Value::Null);
        let fields = answer["data"]["object"]["fields"].as_array().unwrap();
        let id = fields.iter().find(|field| field["name"] == "id").unwrap();
        assert_eq!(id["type"], json!({"kind": "NON_NULL", "ofType": {"name": "UUID"}}));
        assert!(fields.iter().any(|field| field["name"] == "isUIReadOnly"));
        assert!(!fields.iter().any(|field| field["name"] == "isUIEditable"));
    }

    #[test]
    fn a_whole_schema_can_be_read() {
        let query = "{ __schema { queryType { name } mutationType { name } types { name kind fields { name args { name type { name } } } inputFields { name } enumValues { name } } } }";
        let answer = ask(&mut world(), query);
        let types = answer["data"]["__schema"]["types"].as_array().unwrap();
        assert!(types.iter().all(|one| one["kind"].is_string()), "every listed type is defined");
    }

    #[test]
    fn without_a_key_data_is_refused_and_the_schema_is_not() {
        let refused =
            send(&mut world(), false, &json!({"query": "{ objects { edges { node { id } } } }"}));
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(
            (refused.status, &body["errors"][0]["message"]),
            (200, &json!("Forbidden resource"))
        );
        assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
        let schema = send(&mut world(), false, &json!({"query": "{ __typename }"}));
        assert_eq!(schema.body, r#"{"data":{"__typename":"Query"}}"#);
    }

    #[test]
    fn objects_and_fields_are_made_changed_and_dropped() {
        let mut world = world();
        let made = ask(
            &mut world,
            "mutation { createOneObject(input: {object: {nameSingular: \"boat\", namePlural: \"boats\", labelSingular: \"Boat\", labelPlural: \"Boats\"}}) { id isCustom } }",
        );
        let boat = made["data"]["createOneObject"]["id"].as_str().unwrap();
        let field = ask(
            &mut world,
            &format!(
                "mutation {{ createOneField(input: {{field: {{objectMetadataId: \"{boat}\", type: NUMBER, name: \"length\", label: \"Length\"}}}}) {{ id name }} }}"
            ),
        );
        let length = field["data"]["createOneField"]["id"].as_str().unwrap();
        assert!(world.object("boats").unwrap().column_index("length").is_some());
        let renamed = ask(
            &mut world,
            &format!(
                "mutation {{ updateOneField(input: {{id: \"{length}\", update: {{name: \"draught\"}}}}) {{ id name }} }}"
            ),
        );
        assert_eq!(renamed["data"]["updateOneField"], json!({"id": length, "name": "draught"}));
        ask(
            &mut world,
            &format!(
                "mutation {{ updateOneObject(input: {{id: \"{boat}\", update: {{isActive: false}}}}) {{ id }} }}"
            ),
        );
        assert!(world.object("boats").is_none());
        ask(
            &mut world,
            &format!("mutation {{ deleteOneField(input: {{id: \"{length}\"}}) {{ id }} }}"),
        );
        let dropped = ask(
            &mut world,
            &format!("mutation {{ deleteOneObject(input: {{id: \"{boat}\"}}) {{ id }} }}"),
        );
        assert_eq!(dropped["data"]["deleteOneObject"]["id"], boat);
        assert!(world.objects().iter().all(|object| object.name_plural != "boats"));
    }

    #[test]
    fn webhooks_are_made_listed_and_removed_with_their_secret_in_clear() {
        let mut world = world();
        let made = ask(
            &mut world,
            "mutation { createWebhook(input: {targetUrl: \"http://x.test\", operations: [\"*.*\"], secret: \"s\"}) { id } }",
        );
        let listed = ask(&mut world, "{ webhooks { id secret operations } }");
        let id = &made["data"]["createWebhook"]["id"];
        assert_eq!(
            listed["data"]["webhooks"],
            json!([{"id": id, "secret": "s", "operations": ["*.*"]}])
        );
        let remove = format!("mutation {{ deleteWebhook(input: {{id: {id}}}) }}");
        assert_eq!(ask(&mut world, &remove)["data"]["deleteWebhook"], true);
        assert_eq!(ask(&mut world, &remove)["data"]["deleteWebhook"], false);
    }
}
