//! What a guarded update promises, whatever the type of the field.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    answer::{ids, sorted_ids, text},
    changes::stamp,
    guards::{guarded, millisecond},
    probe::Probe,
    twenty::{fresh_id, on_twenty},
};

/// "Guarded updates"
#[tokio::test]
async fn of_concurrent_writers_with_one_guard_exactly_one_gets_the_record() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let id = probe.create(json!({"fNumber": 0})).await["id"].clone();
        let old = json!({"fNumber": {"eq": 0}});
        let filters: Vec<(Value, Value)> = (1..=8)
            .map(|at| (guarded(&id, &old, &json!({"fNumber": {"eq": at}})), json!({"fNumber": at})))
            .collect();
        let writers = filters.iter().map(|(filter, patch)| probe.update_many(filter, patch));
        let answers = futures_util::future::join_all(writers).await;
        let hits: Vec<Value> = answers.into_iter().map(|answer| answer.subject(200)).collect();
        let winners: Vec<usize> = (1..=8).filter(|at| hits[at - 1] != json!([])).collect();
        assert_eq!(winners.len(), 1, "{hits:?}");
        assert_eq!(probe.read(&id).await["fNumber"], json!(winners[0]));
    })
    .await;
}

/// "Guarded updates", "Batches"
#[tokio::test]
async fn one_patch_for_many_records_changes_those_that_pass_and_names_them() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["TEXT"]).await;
        let bodies: Vec<Value> = (0..200)
            .map(|at| json!({"id": fresh_id(), "fText": if at % 2 == 0 { "old" } else { "else" }}))
            .collect();
        probe.post_many(&bodies).await.subject(201);
        let all: Vec<&Value> = bodies.iter().map(|body| &body["id"]).collect();
        let mut wanted: Vec<String> = all.iter().step_by(2).map(|id| text(id)).collect();
        wanted.sort();
        let guard = json!({"or": [{"fText": {"eq": "old"}}, {"fText": {"eq": "new"}}]});
        let filter = json!({"and": [{"id": {"in": all}}, guard]});
        let hits = probe.update_many(&filter, &json!({"fText": "new"})).await.subject(200);
        assert_eq!(sorted_ids(&hits), wanted);
        assert_eq!(probe.listed("limit=1&filter=fText[eq]:new").await["totalCount"], 100);
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn a_version_guards_once_and_with_the_new_value_beside_it_a_repeat_is_harmless() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let made = probe.create(json!({"fNumber": 1})).await;
        let from = text(&made["updatedAt"]);
        let next = OffsetDateTime::parse(&from, &Rfc3339).unwrap() + Duration::milliseconds(1);
        let version = millisecond("updatedAt", &from, &stamp(next));
        let new = json!({"fNumber": {"eq": 2}});
        twenty.tick();
        for (filter, hit) in [
            (guarded(&made["id"], &version, &new), true),
            (guarded(&made["id"], &version, &new), true),
            (guarded(&made["id"], &version, &version), false),
        ] {
            let hits = probe.update_many(&filter, &json!({"fNumber": 2})).await.subject(200);
            assert_eq!(hits != json!([]), hit, "{filter}");
        }
    })
    .await;
}

/// "Guarded updates", "Soft delete, restore, destroy"
#[tokio::test]
async fn an_update_of_live_records_only_says_so_and_leaves_deleted_ones_alone() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create_many(2).await;
        let path = probe.one(&json!(made[0]));
        twenty.delete(&format!("{path}?soft_delete=true")).await.with(200);
        let is = |state: &str| json!({"deletedAt": {"is": state}});
        let live = json!({"and": [{"id": {"in": made}}, is("NULL")]});
        let hits = probe.update_many(&live, &json!({"name": "x"})).await.subject(200);
        assert_eq!(ids(&hits), [made[1].clone()]);
        let both = json!({"and": [{"id": {"in": made}}, {"or": [is("NULL"), is("NOT_NULL")]}]});
        let hits = probe.update_many(&both, &json!({"deletedAt": null})).await.subject(200);
        assert_eq!(sorted_ids(&hits), made);
        assert_eq!(probe.listed("").await["totalCount"], 2);
    })
    .await;
}
