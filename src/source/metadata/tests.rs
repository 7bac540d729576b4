//! The model, from each form in which it travels, and from a real workspace.

use serde_json::{Value, json};

use super::{
    super::transport::Answer,
    field::model,
    wire::{WireObject, rest_page},
};
use crate::record::{DataModel, FieldKind, NumberKind, column::columns_of};

fn objects(json: Value) -> DataModel {
    let objects: Vec<WireObject> = serde_json::from_value(json).unwrap();
    model(objects).unwrap()
}

fn object(fields: &Value) -> Value {
    json!({"id": "500ed22c-e5dc-4d12-b422-6c71f43720b8", "nameSingular": "gadget", "namePlural": "gadgets", "fields": fields})
}

fn field(number: u8, name: &str, kind: &str, more: &Value) -> Value {
    let mut field = json!({"id": format!("500ed22c-e5dc-4d12-b422-6c71f437{number:04}"), "name": name, "type": kind});
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

fn kinds(model: &DataModel) -> Vec<(&str, FieldKind)> {
    model.objects[0].fields.iter().map(|field| (field.name.as_str(), field.kind.clone())).collect()
}

fn many_to_one(join_column: &str) -> FieldKind {
    FieldKind::ManyToOne { join_column: join_column.to_owned() }
}

#[test]
fn settings_name_the_join_column_and_the_kind_of_number() {
    let model = objects(json!([object(&json!([
        field(
            1,
            "a",
            "RELATION",
            &json!({"settings": {"relationType": "MANY_TO_ONE", "joinColumnName": "bossId"}})
        ),
        field(2, "b", "RELATION", &json!({"settings": {"relationType": "ONE_TO_MANY"}})),
        field(3, "c", "NUMBER", &json!({"settings": {"dataType": "int"}})),
        field(4, "d", "NUMBER", &json!({"settings": null})),
        field(5, "e", "FILES", &json!({})),
        field(6, "f", "RICH_TEXT_V2", &json!({})),
        field(7, "g", "RICH_TEXT", &json!({})),
    ]))]));
    let expected = [
        ("a", many_to_one("bossId")),
        ("b", FieldKind::OneToMany),
        ("c", FieldKind::Number(NumberKind::Integer)),
        ("d", FieldKind::Number(NumberKind::Double)),
        ("e", FieldKind::Unknown("FILES".to_owned())),
        ("f", FieldKind::RichTextV2),
        ("g", FieldKind::RichText),
    ];
    assert_eq!(kinds(&model), expected);
}

#[test]
fn without_settings_the_relation_tells_and_the_name_gives_the_column() {
    let model = objects(json!([object(&json!([
        field(1, "company", "RELATION", &json!({"relation": {"type": "MANY_TO_ONE"}})),
        field(2, "people", "RELATION", &json!({"relation": {"type": "ONE_TO_MANY"}})),
        field(3, "owner", "MORPH_RELATION", &json!({"relation": null})),
        field(4, "body", "RICH_TEXT", &json!({})),
    ]))]));
    let expected = [
        ("body", FieldKind::RichTextV2),
        ("company", many_to_one("companyId")),
        ("owner", FieldKind::Unknown("MORPH_RELATION".to_owned())),
        ("people", FieldKind::OneToMany),
    ];
    assert_eq!(kinds(&model), expected);
}

#[test]
fn a_morph_relation_has_one_column_for_each_target_listed_or_not() {
    let target = |number: u8, target: &str| {
        let id = format!("500ed22c-e5dc-4d12-b422-6c71f437{number:04}");
        json!({"type": "MANY_TO_ONE", "targetObjectMetadata": {"nameSingular": target}, "sourceFieldMetadata": {"id": id, "name": "owner"}})
    };
    let settings = json!({"relationType": "MANY_TO_ONE", "joinColumnName": "ownerRocketId"});
    let morphs = json!([target(1, "rocket"), target(2, "surveyResult")]);
    let model = objects(json!([object(&json!([field(
        1,
        "ownerRocket",
        "MORPH_RELATION",
        &json!({"settings": settings, "morphRelations": morphs})
    ),]))]));
    let expected = [
        ("ownerRocket", many_to_one("ownerRocketId")),
        ("ownerSurveyResult", many_to_one("ownerSurveyResultId")),
    ];
    assert_eq!(kinds(&model), expected);
}

#[test]
fn rest_comes_in_two_shapes_and_in_pages() {
    let answer = |body: Value| {
        rest_page(&Answer {
            status: 200,
            headers: reqwest::header::HeaderMap::new(),
            body: body.to_string(),
            took: std::time::Duration::ZERO,
        })
    };
    let object = object(&json!([]));
    let (old, next) =
        answer(json!({"data": {"objects": [object]}, "pageInfo": {"hasNextPage": false}})).unwrap();
    assert_eq!((old.len(), next), (1, None));
    let (new, next) =
        answer(json!({"data": [object], "pageInfo": {"hasNextPage": true, "endCursor": "x"}, "totalCount": 9})).unwrap();
    assert_eq!((new.len(), next.as_deref()), (1, Some("x")));
    assert!(answer(json!({"data": {}})).is_err());
}

#[test]
fn both_exports_of_a_real_workspace_give_the_same_objects() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/workspace");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let (Some(graphql), Some(rest)) = (read("metadata-graphql.json"), read("metadata-rest.json"))
    else {
        println!("skipped: no workspace export beside the repository");
        return;
    };
    let by_graphql = objects(serde_json::from_str(&graphql).unwrap());
    let body: Value = serde_json::from_str(&rest).unwrap();
    let by_rest = objects(body["data"]["objects"].clone());
    let names = |model: &DataModel| {
        model.objects.iter().map(|object| object.name_plural.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&by_graphql), names(&by_rest));
    let pet = by_graphql.object("pet").unwrap();
    let columns: Vec<String> =
        pet.fields.iter().flat_map(columns_of).map(|column| column.name).collect();
    for column in ["owner_rocket_id", "owner_survey_result_id"] {
        assert!(columns.iter().any(|known| known == column), "{column}: {columns:?}");
    }
    let unknown = by_graphql
        .objects
        .iter()
        .flat_map(|object| &object.fields)
        .find(|field| matches!(field.kind, FieldKind::Unknown(_)));
    assert_eq!(unknown, None);
}
