//! GraphQL's own ways.

use serde_json::{Value, json};

use super::{
    probe::Probe,
    server::{Table, on_each_server},
    twenty::{fresh_id, on_twenty},
};

/// "GraphQL"
#[tokio::test]
async fn of_two_operators_in_one_filter_object_one_is_ignored() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 5).await;
        let (low, high) = (made[1], made[3]);
        let hit = async |filter: Value| {
            server.update(Table::Parent, &filter, &json!({"name": "x"})).await.unwrap()
        };
        assert_eq!(hit(json!({"id": {"gte": low, "lt": high}})).await, made[1..]);
        let apart = json!({"and": [{"id": {"gte": low}}, {"id": {"lt": high}}]});
        assert_eq!(hit(apart).await, made[1..3]);
    })
    .await;
}

/// "GraphQL"
#[tokio::test]
async fn a_wrong_variable_is_400_and_the_same_mistake_as_a_literal_is_200_without_a_code() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER", "SELECT"]).await;
        let (kind, root) = (probe.type_name(), probe.root_of_one("update"));
        let id = fresh_id();
        let query = format!(
            "mutation($id: UUID!, $d: {kind}UpdateInput!) {{ {root}(id: $id, data: $d) {{ id }} }}"
        );
        let table = [
            (json!({"nope": 1}), "is not defined by type"),
            (json!({"fNumber": "x"}), "cannot represent non numeric value"),
            (json!({"fSelect": "NOPE"}), "does not exist in"),
        ];
        for (patch, message) in table {
            let answer = twenty.graphql(&query, &json!({"id": id, "d": patch})).await;
            answer.refused(400, message);
            assert_eq!(answer.code(), "BAD_USER_INPUT");
        }
        let literal = format!("mutation {{ {root}(id: \"{id}\", data: {{nope: 1}}) {{ id }} }}");
        let answer = twenty.graphql(&literal, &json!({})).await;
        answer.refused(200, "is not defined by type");
        assert_eq!(answer.code(), &Value::Null);
    })
    .await;
}

/// "GraphQL"
#[tokio::test]
async fn ids_are_uuids_unknown_fields_fail_the_request_and_a_bad_id_looks_like_a_server_fault() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let (one, root) = (probe.root_of_one("restore"), &probe.plural);
        let wrong_type = format!("mutation($id: ID!) {{ {one}(id: $id) {{ id }} }}");
        let answer = twenty.graphql(&wrong_type, &json!({"id": fresh_id()})).await;
        answer.refused(200, "used in position expecting type \"UUID!\"");
        let unknown = format!("{{ {root} {{ totalCount edges {{ node {{ nope }} }} }} }}");
        let answer = twenty.graphql(&unknown, &json!({})).await;
        answer.refused(200, "Cannot query field \"nope\"");
        assert_eq!(answer.body["data"], Value::Null);
        let garbage = format!("{{ {root}(filter: {{id: {{eq: \"zzz\"}}}}) {{ totalCount }} }}");
        let answer = twenty.graphql(&garbage, &json!({})).await;
        answer.refused(200, "invalid input syntax for type uuid");
        assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR");
    })
    .await;
}

/// "GraphQL"
#[tokio::test]
async fn counts_and_the_latest_change_can_be_asked_for_many_ranges_at_once() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create_many(4).await;
        let gone = probe.one(&json!(made[3]));
        twenty.delete(&format!("{gone}?soft_delete=true")).await.with(200);
        let (root, middle) = (&probe.plural, &made[2]);
        let any = "{or: [{deletedAt: {is: NULL}}, {deletedAt: {is: NOT_NULL}}]}";
        let query = format!(
            "{{ all: {root}(first: 1, filter: {any}) {{ totalCount maxUpdatedAt minUpdatedAt }}
                live: {root}(first: 0) {{ totalCount edges {{ node {{ id }} }} }}
                low: {root}(first: 1, filter: {{and: [{any}, {{id: {{lt: \"{middle}\"}}}}]}}) {{ totalCount }}
                none: {root}(first: 1, filter: {{id: {{eq: \"{}\"}}}}) {{ totalCount maxUpdatedAt }} }}",
            fresh_id()
        );
        let data = twenty.graphql(&query, &json!({})).await.with(200)["data"].clone();
        let last = probe.any(&json!(made[3])).await;
        let first = probe.any(&json!(made[0])).await;
        assert_eq!(
            data["all"],
            json!({"totalCount": 4, "maxUpdatedAt": last["updatedAt"], "minUpdatedAt": first["updatedAt"]})
        );
        assert_eq!(data["live"], json!({"totalCount": 3, "edges": []}));
        assert_eq!(data["low"]["totalCount"], 2);
        assert_eq!(data["none"], json!({"totalCount": 0, "maxUpdatedAt": null}));
    })
    .await;
}
