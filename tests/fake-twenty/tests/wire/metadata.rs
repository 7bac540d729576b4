//! REST metadata: objects, fields and webhooks, with what breaks them.

use serde_json::{Value, json};

use super::Stage;

async fn make(stage: &Stage) -> (String, String) {
    let names = json!({"nameSingular": "boat", "namePlural": "boats", "labelSingular": "Boat", "labelPlural": "Boats", "icon": "IconSailboat"});
    let made = stage.send("POST", "/rest/metadata/objects", Some(names)).await;
    assert_eq!(made.status, 201);
    let object = made.body["data"]["createOneObject"]["id"].as_str().unwrap().to_owned();
    let field =
        json!({"objectMetadataId": object, "type": "NUMBER", "name": "length", "label": "Length"});
    let made = stage.send("POST", "/rest/metadata/fields", Some(field)).await;
    assert_eq!(made.status, 201);
    (object, made.body["data"]["createOneField"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_custom_object_serves_records_at_once() {
    let stage = Stage::new().await;
    make(&stage).await;
    let made = stage.send("POST", "/rest/boats", Some(json!({"name": "Ida", "length": 7.5}))).await;
    assert_eq!((made.status, &made.body["data"]["createBoat"]["length"]), (201, &json!(7.5)));
    let listed = stage.graphql("{ boats { totalCount edges { node { name length } } } }").await;
    assert_eq!(
        listed.body["data"]["boats"]["edges"][0]["node"],
        json!({"name": "Ida", "length": 7.5})
    );
    let note = stage.get("/rest/noteTargets?limit=1").await.body;
    assert_eq!(note["data"]["noteTargets"][0]["boatId"], Value::Null);
}

#[tokio::test]
async fn objects_and_fields_are_changed_and_dropped() {
    let stage = Stage::new().await;
    let (object, field) = make(&stage).await;
    let path = format!("/rest/metadata/fields/{field}");
    let renamed = stage.send("PATCH", &path, Some(json!({"name": "draught"}))).await.body;
    assert_eq!(renamed["data"]["updateOneField"]["name"], "draught");
    assert_eq!(stage.get(&path).await.body["data"]["field"]["id"], json!(field));
    assert_eq!(stage.send("DELETE", &path, None).await.status, 200);
    assert_eq!(stage.get(&path).await.status, 400);
    let path = format!("/rest/metadata/objects/{object}");
    let off = stage.send("PATCH", &path, Some(json!({"isActive": false}))).await.body;
    assert_eq!(off["data"]["updateOneObject"]["isActive"], false);
    assert_eq!(stage.get("/rest/boats").await.status, 400);
    assert_eq!(
        stage.send("DELETE", &path, None).await.body["data"]["deleteOneObject"]["id"],
        json!(object)
    );
    assert_eq!(stage.get(&path).await.status, 400);
}

#[tokio::test]
async fn standard_objects_and_wrong_bodies_are_refused() {
    let stage = Stage::new().await;
    let company = stage.fake.world(|world| world.object("companies").unwrap().id);
    let path = format!("/rest/metadata/objects/{company}");
    assert_eq!(stage.send("DELETE", &path, None).await.status, 400);
    let taken = json!({"nameSingular": "company", "namePlural": "firms", "labelSingular": "F", "labelPlural": "Fs"});
    assert_eq!(stage.send("POST", "/rest/metadata/objects", Some(taken)).await.status, 400);
    let unknown = json!({"objectMetadataId": company, "type": "FILES", "name": "f", "label": "F"});
    let refused = stage.send("POST", "/rest/metadata/fields", Some(unknown)).await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some("Bad Request")));
    let double =
        json!({"objectMetadataId": company, "type": "TEXT", "name": "employees", "label": "E"});
    assert_eq!(stage.send("POST", "/rest/metadata/fields", Some(double)).await.status, 400);
}

#[tokio::test]
async fn a_relation_puts_a_key_on_one_side_and_a_list_on_the_other() {
    let stage = Stage::new().await;
    let (boat, _) = make(&stage).await;
    let company = stage.fake.world(|world| world.object("companies").unwrap().id);
    let field = json!({"objectMetadataId": boat, "type": "RELATION", "name": "harbour", "label": "Harbour",
        "relationCreationPayload": {"type": "MANY_TO_ONE", "targetObjectMetadataId": company, "targetFieldLabel": "Moored boats", "targetFieldIcon": "IconSailboat"}});
    assert_eq!(stage.send("POST", "/rest/metadata/fields", Some(field)).await.status, 201);
    let made = stage.send("POST", "/rest/boats", Some(json!({}))).await.body;
    assert_eq!(made["data"]["createBoat"]["harbourId"], Value::Null);
    let listed = stage
        .graphql("{ companies(first: 1) { edges { node { mooredBoats { totalCount } } } } }")
        .await;
    assert_eq!(
        listed.body["data"]["companies"]["edges"][0]["node"]["mooredBoats"]["totalCount"],
        0
    );
}

#[tokio::test]
async fn a_query_string_a_name_and_picklists_break_the_path() {
    let stage = Stage::new().await;
    let message = |path: &str, part: &str| {
        let examples = "Valid examples: /rest/metadata/fields or /rest/metadata/objects";
        format!("Query path '{path}' invalid. Metadata path \"{part}\" does not exist. {examples}")
    };
    for (path, part) in [
        ("/rest/metadata/objects?limit=1", "objects?limit=1"),
        ("/rest/metadata/picklists", "picklists"),
    ] {
        let answer = stage.get(path).await;
        let wanted =
            json!({"statusCode": 400, "message": message(path, part), "error": "Bad Request"});
        assert_eq!((answer.status, answer.body), (400, wanted));
    }
    let named = stage.get("/rest/metadata/objects/companies").await;
    let wanted = json!({"statusCode": 400, "messages": ["Invalid UUID"], "error": "Bad Request"});
    assert_eq!((named.status, named.body), (400, wanted));
}

#[tokio::test]
async fn webhooks_are_a_bare_list_with_secrets_and_go_with_a_bare_word() {
    let stage = Stage::new().await;
    let body = json!({"targetUrl": "http://127.0.0.1:9/hook", "secret": "s3cr3t"});
    let made = stage.send("POST", "/rest/metadata/webhooks", Some(body)).await;
    assert_eq!((made.status, &made.body["operations"]), (201, &json!(["*.*"])));
    let path = format!("/rest/metadata/webhooks/{}", made.body["id"].as_str().unwrap());
    let changed = stage.send("PATCH", &path, Some(json!({"operations": ["person.*"]}))).await;
    assert_eq!(changed.body["operations"], json!(["person.*"]));
    let listed = stage.get("/rest/webhooks?any=thing").await.body;
    assert_eq!(listed.as_array().unwrap()[0]["secret"], "s3cr3t");
    assert_eq!(stage.send("DELETE", &path, None).await.body, json!(true));
    assert_eq!(stage.send("DELETE", &path, None).await.body, json!(false));
    assert_eq!(stage.get(&path).await.body, json!({}));
    let without_secret = json!({"targetUrl": "http://127.0.0.1:9/hook"});
    assert_eq!(
        stage.send("POST", "/rest/metadata/webhooks", Some(without_secret)).await.status,
        400
    );
}
