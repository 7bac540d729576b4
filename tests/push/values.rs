//! Every type of field makes the whole way: from SQL into Twenty, and what Twenty made of it back into the mirror.

use std::collections::BTreeMap;

use fake_twenty::World;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    equality,
    scene::Scene,
    types::{self, Case},
};

/// One machine for each type, inserted by SQL with the type's first values.
async fn insert_machines(scene: &Scene) -> BTreeMap<&'static str, Uuid> {
    let mut machines = BTreeMap::new();
    for case in types::all() {
        let columns: Vec<&str> = case.first.iter().map(|(column, _)| *column).collect();
        let values: Vec<&str> = case.first.iter().map(|(_, value)| *value).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        // A serial must be unique, also an empty one.
        let insert = format!(
            "insert into twenty.machines (serial, {columns}) values ('T-{}', {values}) returning id",
            case.key
        );
        machines.insert(case.key, scene.id(&insert).await);
    }
    machines
}

/// The field of a case in Twenty has this value. Only the markdown of rich text is ours to compare.
fn assert_at_source(scene: &Scene, case: &Case, id: Uuid, expected: &Value, when: &str) {
    let record = scene.live("machines", id);
    let held =
        if case.key == "remarks" { &record["remarks"]["markdown"] } else { &record[case.key] };
    assert!(is_same(held, expected), "{} {when}: Twenty has {held}, not {expected}", case.key);
}

/// Numbers by value, and empty parts whichever way they are empty.
fn is_same(held: &Value, expected: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || *value == json!("") || *value == json!([]);
    match (held, expected) {
        (Value::Object(held), Value::Object(expected)) => {
            held.len() == expected.len()
                && expected
                    .iter()
                    .all(|(key, value)| held.get(key).is_some_and(|held| is_same(held, value)))
        }
        (Value::Number(held), Value::Number(expected)) => held.as_f64() == expected.as_f64(),
        _ => held == expected || is_empty(held) && is_empty(expected),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_field_is_inserted_changed_and_cleared_by_sql() {
    let scene = Scene::of(World::sample()).await;
    let machines = insert_machines(&scene).await;
    scene.sync().await;
    for case in types::all() {
        assert_at_source(&scene, &case, machines[case.key], &case.first_at_source, "inserted");
    }
    equality::assert_equal(&scene.stage).await;
    for case in types::all() {
        let sets: Vec<String> =
            case.second.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        set(&scene, &sets, machines[case.key]).await;
    }
    scene.sync().await;
    for case in types::all() {
        assert_at_source(&scene, &case, machines[case.key], &case.second_at_source, "changed");
    }
    equality::assert_equal(&scene.stage).await;
    for case in types::all().iter().filter(|case| !case.clear.is_empty()) {
        let sets: Vec<String> =
            case.clear.iter().map(|column| format!("{column} = null")).collect();
        set(&scene, &sets, machines[case.key]).await;
    }
    scene.sync().await;
    for case in types::all() {
        assert_at_source(&scene, &case, machines[case.key], &case.cleared_at_source, "cleared");
    }
    scene.assert_quiet_and_equal().await;
}

async fn set(scene: &Scene, sets: &[String], id: Uuid) {
    let update = format!("update twenty.machines set {} where id = '{id}'", sets.join(", "));
    assert_eq!(scene.sql(&update).await, 1, "{update}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_type_touches_no_field_of_another() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("machines", 0);
    for case in types::all() {
        let before = scene.live("machines", id);
        let sets: Vec<String> =
            case.second.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        set(&scene, &sets, id).await;
        scene.sync().await;
        let after = scene.live("machines", id);
        for (key, value) in before.as_object().unwrap() {
            if key != case.key && key != "updatedAt" && key != "searchVector" {
                assert_eq!(value, &after[key], "{key} changed with {}", case.key);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_twenty_rewrites_comes_back_into_the_mirror() {
    let scene = Scene::of(World::sample()).await;
    let person = scene
        .id("insert into twenty.people (name_first_name, emails_primary_email, linkedin_link_primary_link_url, \
             phones_primary_phone_number) values ('Ada', 'Ada.L@Ex.COM', 'HTTPS://Social.Example/In/Ada/', \
             '+33 6 12 34 56 78') returning id")
        .await;
    scene.sync().await;
    let row = scene.row("people", person).await.unwrap();
    for (column, value) in [
        ("emails_primary_email", "ada.l@ex.com"),
        ("linkedin_link_primary_link_url", "https://social.example/In/Ada"),
        ("phones_primary_phone_number", "612345678"),
        ("phones_primary_phone_country_code", "FR"),
        ("phones_primary_phone_calling_code", "+33"),
        ("created_by_source", "API"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_objects_are_written_with_their_relations() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql(
            "begin;
             insert into twenty.note_targets (note_id, person_id) values
                 ('aaaaaaaa-0000-4000-8000-000000000004', 'aaaaaaaa-0000-4000-8000-000000000002');
             insert into twenty.task_targets (task_id, company_id) values
                 ('aaaaaaaa-0000-4000-8000-000000000005', 'aaaaaaaa-0000-4000-8000-000000000001');
             insert into twenty.opportunities (id, name, stage, amount_amount_micros, amount_currency_code, close_date,
                 company_id, point_of_contact_id) values
                 ('aaaaaaaa-0000-4000-8000-000000000003', 'Loom', 'MEETING', 12500000, 'GBP', '2027-01-01T00:00Z',
                 'aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002');
             insert into twenty.notes (id, title, body_v2_markdown) values
                 ('aaaaaaaa-0000-4000-8000-000000000004', 'Note G', 'The engine *weaves*.');
             insert into twenty.tasks (id, title, status, due_at) values
                 ('aaaaaaaa-0000-4000-8000-000000000005', 'Call', 'IN_PROGRESS', '2026-12-01T10:00Z');
             insert into twenty.people (id, name_first_name, company_id, emails_primary_email) values
                 ('aaaaaaaa-0000-4000-8000-000000000002', 'Ada', 'aaaaaaaa-0000-4000-8000-000000000001', 'ada@ae.example');
             insert into twenty.companies (id, name, domain_name_primary_link_url, employees, ideal_customer_profile)
                 values ('aaaaaaaa-0000-4000-8000-000000000001', 'Analytical Engines', 'https://ae.example', 7, true);
             commit",
        )
        .await;
    scene.sync().await;
    let id = |number: u128| Uuid::from_u128(0xaaaa_aaaa_0000_4000_8000_0000_0000_0000 + number);
    let deal = scene.live("opportunities", id(3));
    assert_eq!(deal["amount"], json!({"amountMicros": "12500000", "currencyCode": "GBP"}));
    assert_eq!(deal["companyId"], json!(id(1)));
    assert_eq!(deal["pointOfContactId"], json!(id(2)));
    assert_eq!(scene.live("people", id(2))["companyId"], json!(id(1)));
    assert_eq!(scene.live("notes", id(4))["bodyV2"]["markdown"], "The engine *weaves*.");
    assert_eq!(scene.live("tasks", id(5))["status"], "IN_PROGRESS");
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_as_long_as_one_request_takes_arrives_whole() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene
        .sql(&format!(
            "update twenty.people set job_title = repeat('x', 1000000) where id = '{id}'"
        ))
        .await;
    scene.sync().await;
    assert_eq!(scene.live("people", id)["jobTitle"].as_str().unwrap().len(), 1_000_000);
    scene.assert_quiet_and_equal().await;
}
