//! The record API on a small workspace.

use serde_json::{Value, json};

use crate::auth::{AuthFailure, Identity};
use crate::graphql;
use crate::server::{Context, Reply};
use crate::throttle::{RateLimit, Throttle};
use crate::world::{Actor, NewField, World};

const A: &str = "11111111-1111-4111-8111-111111111111";
const B: &str = "22222222-2222-4222-8222-222222222222";
const NOWHERE: &str = "33333333-3333-4333-8333-333333333333";

fn world() -> World {
    let mut world = World::empty();
    world.add_object("company", "companies");
    world.add_object("person", "people");
    let add = |world: &mut World, new| world.add_field("companies", new).unwrap();
    add(&mut world, NewField::new("employees", "NUMBER"));
    add(&mut world, NewField::new("revenue", "CURRENCY"));
    let options = json!([{"value": "NEW", "label": "New", "position": 0}]);
    add(&mut world, NewField { options, ..NewField::new("stage", "SELECT") });
    let target = Some("company".to_owned());
    world
        .add_field("people", NewField { target, ..NewField::new("employer", "RELATION") })
        .unwrap();
    world.create("companies", &json!({"id": A, "name": "Ada", "employees": 1}));
    world.create("companies", &json!({"id": B, "name": "Bob", "employees": 2}));
    world.create("people", &json!({"name": "Pat", "employerId": A}));
    world
}

fn send(world: &mut World, throttle: &mut Throttle, body: &Value) -> Reply {
    let identity = Ok(Identity { actor: Actor::default() });
    graphql::core(Context { world, throttle, identity }, body.to_string().as_bytes())
}

fn parsed(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn ask(world: &mut World, query: &str) -> Value {
    let reply = send(world, &mut Throttle::new(None), &json!({"query": query}));
    assert_eq!(reply.status, 200, "{query}");
    parsed(&reply)
}

fn ask_with(world: &mut World, query: &str, variables: &Value) -> (u16, Value) {
    let body = json!({"query": query, "variables": variables});
    let reply = send(world, &mut Throttle::new(None), &body);
    (reply.status, parsed(&reply))
}

#[test]
fn a_page_shows_records_cursors_and_the_count_of_all_that_match() {
    let mut world = world();
    let query = "{ companies(first: 1) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id } } } }";
    let page = &ask(&mut world, query)["data"]["companies"];
    assert_eq!(page["totalCount"], 2);
    assert_eq!(page["edges"][0]["node"]["id"], A);
    assert_eq!(page["edges"][0]["cursor"], page["pageInfo"]["endCursor"]);
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let next =
        query.replace("first: 1", &format!("first: 1, after: {}", page["pageInfo"]["endCursor"]));
    let page = &ask(&mut world, &next)["data"]["companies"];
    assert_eq!((&page["edges"][0]["node"]["id"], &page["totalCount"]), (&json!(B), &json!(2)));
}

#[test]
fn only_the_first_operator_of_a_filter_object_counts() {
    let mut world = world();
    let both = "{ companies(filter: {employees: {gte: 1, lt: 2}}) { totalCount } }";
    assert_eq!(ask(&mut world, both)["data"]["companies"]["totalCount"], 2);
    let wrapped = "{ companies(filter: {and: [{employees: {gte: 1}}, {employees: {lt: 2}}]}) { totalCount } }";
    assert_eq!(ask(&mut world, wrapped)["data"]["companies"]["totalCount"], 1);
}

#[test]
fn soft_deleted_records_show_only_when_the_filter_mentions_them() {
    let mut world = world();
    ask(&mut world, &format!("mutation {{ deleteCompany(id: \"{A}\") {{ id }} }}"));
    let live = ask(&mut world, "{ companies { totalCount } }");
    assert_eq!(live["data"]["companies"]["totalCount"], 1);
    let both = "{ companies(filter: {or: [{deletedAt: {is: NULL}}, {deletedAt: {is: NOT_NULL}}]}) { totalCount maxEmployees minEmployees sumEmployees } }";
    let wanted = json!({"totalCount": 2, "maxEmployees": 2, "minEmployees": 1, "sumEmployees": 3});
    assert_eq!(ask(&mut world, both)["data"]["companies"], wanted);
    let one = ask(&mut world, &format!("{{ company(filter: {{id: {{eq: \"{A}\"}}}}) {{ id }} }}"));
    assert_eq!(one["errors"][0]["extensions"]["subCode"], "RECORD_NOT_FOUND");
    assert_eq!(one["data"]["company"], Value::Null);
}

#[test]
fn relations_show_one_record_or_a_connection() {
    let mut world = world();
    let query = "{ people { edges { node { employerId employer { name } } } } \
                 company(filter: {name: {eq: \"Ada\"}}) { people { edges { node { name } } totalCount } } }";
    let data = &ask(&mut world, query)["data"];
    let node = json!({"employerId": A, "employer": {"name": "Ada"}});
    assert_eq!(data["people"]["edges"][0]["node"], node);
    assert_eq!(data["company"]["people"]["edges"][0]["node"]["name"], "Pat");
    assert_eq!(data["company"]["people"]["totalCount"], 1);
}

#[test]
fn aliased_mutations_are_not_one_transaction_and_errors_have_no_path() {
    let mut world = world();
    let update = |alias: &str, id: &str| {
        format!("{alias}: updateCompany(id: \"{id}\", data: {{employees: 9}}) {{ employees }}")
    };
    let query =
        format!("mutation {{ {} {} {} }}", update("a", A), update("b", NOWHERE), update("c", B));
    let answer = ask(&mut world, &query);
    assert_eq!(answer["data"], json!({"a": {"employees": 9}, "b": null, "c": {"employees": 9}}));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["message"], "Record not found");
    assert!(answer["errors"][0].get("path").is_none());
}

#[test]
fn a_guarded_update_that_does_not_match_answers_with_an_empty_list() {
    let mut world = world();
    let query = "mutation($f: CompanyFilterInput!, $d: CompanyUpdateInput!) { updateCompanies(filter: $f, data: $d) { id } }";
    let guard =
        |employees: u8| json!({"and": [{"id": {"eq": A}}, {"employees": {"eq": employees}}]});
    let send = |world: &mut World, employees| {
        ask_with(world, query, &json!({"f": guard(employees), "d": {"employees": 5}})).1
    };
    assert_eq!(send(&mut world, 7)["data"]["updateCompanies"], json!([]));
    assert_eq!(send(&mut world, 1)["data"]["updateCompanies"], json!([{"id": A}]));
}

#[test]
fn delete_is_soft_restore_undoes_it_and_destroy_is_final() {
    let mut world = world();
    let run = |world: &mut World, verb: &str| {
        ask(world, &format!("mutation {{ {verb}Company(id: \"{A}\") {{ deletedAt }} }}"))
    };
    assert!(run(&mut world, "delete")["data"]["deleteCompany"]["deletedAt"].is_string());
    assert_eq!(run(&mut world, "restore")["data"]["restoreCompany"]["deletedAt"], Value::Null);
    assert!(run(&mut world, "destroy").get("errors").is_none());
    assert_eq!(run(&mut world, "destroy")["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let many = "mutation { destroyCompanies(filter: {name: {eq: \"Bob\"}}) { id } }";
    assert_eq!(ask(&mut world, many)["data"]["destroyCompanies"], json!([{"id": B}]));
}

#[test]
fn upsert_takes_an_id_that_exists_and_a_plain_create_refuses_it() {
    let mut world = world();
    let query = |upsert: bool| {
        format!(
            "mutation {{ createCompany(data: {{id: \"{A}\", name: \"Eve\"}}, upsert: {upsert}) {{ name }} }}"
        )
    };
    let refused = ask(&mut world, &query(false));
    assert_eq!(refused["errors"][0]["message"], "A duplicate entry was detected");
    assert_eq!(ask(&mut world, &query(true))["data"]["createCompany"]["name"], "Eve");
}

#[test]
fn wrong_variables_are_http_400_and_wrong_literals_200() {
    let mut world = world();
    let update =
        "mutation($d: CompanyUpdateInput!) { updateCompanies(filter: {}, data: $d) { id } }";
    let message = |world: &mut World, data: Value| {
        let (status, answer) = ask_with(world, update, &json!({"d": data}));
        assert_eq!(status, 400);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        answer["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    let unknown =
        "Field \"nope\" is not defined by type \"CompanyUpdateInput\". Did you mean \"name\"?";
    assert_eq!(message(&mut world, json!({"nope": 1})), unknown);
    let not_a_number = "Float cannot represent non numeric value: \"x\"";
    assert_eq!(message(&mut world, json!({"employees": "x"})), not_a_number);
    let no_option = "Value \"OLD\" does not exist in \"CompanyStageEnum\" enum.";
    assert_eq!(message(&mut world, json!({"stage": "OLD"})), no_option);
    let literal =
        ask(&mut world, "mutation { updateCompanies(filter: {}, data: {nope: 1}) { id } }");
    assert_eq!(literal["errors"][0]["message"], unknown);
    assert!(literal["errors"][0].get("extensions").is_none());
}

#[test]
fn a_variable_must_have_the_type_of_its_place() {
    let query = "mutation($id: ID!) { restoreCompany(id: $id) { id } }";
    let (status, answer) = ask_with(&mut world(), query, &json!({"id": A}));
    let message = "Variable \"$id\" of type \"ID!\" used in position expecting type \"UUID!\".";
    assert_eq!((status, &answer["errors"][0]["message"]), (200, &json!(message)));
    let places = json!([{"line": 1, "column": 10}, {"line": 1, "column": 41}]);
    assert_eq!(answer["errors"][0]["locations"], places);
}

#[test]
fn amounts_are_numbers_that_lose_digits() {
    let mut world = world();
    let update = "mutation { updateCompany(id: \"11111111-1111-4111-8111-111111111111\", data: {revenue: {amountMicros: \"9223372036854775807\", currencyCode: \"USD\"}}) { revenue { amountMicros currencyCode } } }";
    let revenue = &ask(&mut world, update)["data"]["updateCompany"]["revenue"];
    assert_eq!(
        revenue.to_string(),
        "{\"amountMicros\":9223372036854776000,\"currencyCode\":\"USD\"}"
    );
}

#[test]
fn each_mutation_takes_a_token_and_all_queries_of_a_request_take_one() {
    let limit = RateLimit { limit: 2, window: std::time::Duration::from_hours(1) };
    let (mut world, mut throttle) = (world(), Throttle::new(Some(limit)));
    let reads = json!({"query": "{ a: companies { totalCount } b: people { totalCount } c: people { totalCount } }"});
    assert!(parsed(&send(&mut world, &mut throttle, &reads)).get("errors").is_none());
    let writes = json!({"query": "mutation { a: createCompany(data: {}) { __typename } b: createCompany(data: {}) { __typename } }"});
    let answer = parsed(&send(&mut world, &mut throttle, &writes));
    assert_eq!(answer["data"], json!({"a": {"__typename": "Company"}, "b": null}));
    assert_eq!(answer["errors"][0]["extensions"]["subCode"], "LIMIT_REACHED");
    let answer = parsed(&send(&mut world, &mut throttle, &reads));
    assert_eq!(answer["data"], json!({"a": null, "b": null, "c": null}));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 3);
}

#[test]
fn anonymous_callers_see_a_schema_without_objects_and_bad_tokens_are_http_200() {
    let body = json!({"query": "{ people(first:1){ totalCount } }"}).to_string();
    let ask = |failure| {
        let context = Context {
            world: &mut world(),
            throttle: &mut Throttle::new(None),
            identity: Err(failure),
        };
        let reply = graphql::core(context, body.as_bytes());
        (reply.status, parsed(&reply)["errors"][0].clone())
    };
    let (status, anonymous) = ask(AuthFailure::Missing);
    let message = "Cannot query field \"people\" on type \"Query\".";
    assert_eq!((status, &anonymous["message"]), (200, &json!(message)));
    let (status, garbage) = ask(AuthFailure::NotAJwt);
    assert_eq!((status, &garbage["extensions"]["subCode"]), (200, &json!("UNAUTHENTICATED")));
}

#[test]
fn a_body_without_a_query_is_never_answered() {
    assert!(send(&mut world(), &mut Throttle::new(None), &json!({})).never);
}

#[test]
fn fragments_directives_and_typenames_work() {
    let mut world = world();
    let query = "query($yes: Boolean!) { companies(first: 1) { ...C } } \
                 fragment C on CompanyConnection { __typename edges { node { name @include(if: $yes) id @skip(if: $yes) } } }";
    let (_, answer) = ask_with(&mut world, query, &json!({"yes": true}));
    let wanted = json!({"__typename": "CompanyConnection", "edges": [{"node": {"name": "Ada"}}]});
    assert_eq!(answer["data"]["companies"], wanted);
}

#[test]
fn groups_count_their_records() {
    let mut world = world();
    let query = "{ companiesGroupBy(groupBy: [{createdAt: {granularity: YEAR}}]) { totalCount groupByDimensionValues } }";
    let groups = &ask(&mut world, query)["data"]["companiesGroupBy"];
    assert_eq!(groups[0]["totalCount"], 2);
}

#[test]
fn a_whole_schema_can_be_read() {
    let query = "{ __schema { types { name kind fields { name type { name kind ofType { name } } } inputFields { name } enumValues { name } } } }";
    let answer = ask(&mut world(), query);
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    let undefined: Vec<&Value> = types.iter().filter(|one| one["kind"].is_null()).collect();
    assert!(undefined.is_empty(), "{undefined:?}");
}
