//! Several operations in one request: no transaction, and errors that do not say whose they are.

use serde_json::{Value, json};

use super::{
    answer::text,
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// "Aliases"
#[tokio::test]
async fn a_mutation_that_fails_leaves_the_others_standing_and_does_not_say_which_it_was() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let made = probe.create_many(2).await;
        let root = probe.root_of_one("update");
        let part = |at: usize, id: &str| {
            format!("m{at}: {root}(id: \"{id}\", data: {{fNumber: {at}}}) {{ id }}")
        };
        let parts = [part(1, &made[0]), part(2, &fresh_id()), part(3, &made[1])];
        let query = format!("mutation {{ {} }}", parts.join(" "));
        let body = twenty.graphql(&query, &json!({})).await.with(200);
        assert_eq!(body["data"], json!({"m1": {"id": made[0]}, "m2": null, "m3": {"id": made[1]}}));
        let errors = body["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[0]["message"]), (1, &json!("Record not found")));
        assert_eq!(errors[0]["path"], Value::Null);
        for (id, number) in [(&made[0], 1), (&made[1], 3)] {
            assert_eq!(probe.read(&json!(id)).await["fNumber"], number);
        }
    })
    .await;
}

/// "Aliases", "Guarded updates"
#[tokio::test]
async fn each_of_several_guarded_updates_has_a_result_of_its_own() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let ids =
            [probe.create(json!({"fNumber": 1})).await, probe.create(json!({"fNumber": 2})).await]
                .map(|record| text(&record["id"]));
        let root = probe.root("update");
        let part = |at: usize, old: i32| {
            let filter =
                format!("{{and: [{{id: {{eq: \"{}\"}}}}, {{fNumber: {{eq: {old}}}}}]}}", ids[at]);
            format!("m{at}: {root}(filter: {filter}, data: {{fNumber: 9}}) {{ id }}")
        };
        let query = format!("mutation {{ {} {} }}", part(0, 1), part(1, 77));
        let body = twenty.graphql(&query, &json!({})).await.with(200);
        assert_eq!(body, json!({"data": {"m0": [{"id": ids[0]}], "m1": []}}));
    })
    .await;
}

/// "Aliases", "Unique values"
#[tokio::test]
async fn a_create_that_fails_does_not_undo_the_one_before() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let (taken, fresh) = (probe.create_many(1).await.remove(0), fresh_id());
        let root = probe.root_of_one("create");
        let part = |at: usize, id: &str| format!("m{at}: {root}(data: {{id: \"{id}\"}}) {{ id }}");
        let query = format!("mutation {{ {} {} }}", part(0, &fresh), part(1, &taken));
        let answer = twenty.graphql(&query, &json!({})).await;
        answer.refused(200, "A duplicate entry was detected");
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.body["data"], json!({"m0": {"id": fresh}, "m1": null}));
        assert_eq!(probe.listed("").await["totalCount"], 2);
    })
    .await;
}
