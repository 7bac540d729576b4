//! Reading as REST offers it: what is hidden, what is cut, what sticks.

use fake_twenty::World;
use serde_json::{Value, json};

use super::{Stage, ids};

#[tokio::test]
async fn soft_deleted_records_are_invisible_until_the_filter_mentions_them() {
    let stage = Stage::new().await;
    let count = async |filter: &str| {
        stage.get(&format!("/rest/people?filter={filter}")).await.body["totalCount"].clone()
    };
    assert_eq!(count("").await, 23);
    assert_eq!(count("deletedAt[is]:NOT_NULL").await, 2);
    assert_eq!(count("or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)").await, 25);
    assert_eq!(count("or(deletedAt[is]:NULL,deletedAt[gte]:2000-01-01T00:00:00Z)").await, 25);
    assert_eq!(count("id[gte]:80000000-0000-4000-8000-000000000000,deletedAt[is]:NULL").await, {
        let rows = stage.fake.world(|world| world.rows("people"));
        let upper = |row: &&Value| row["deletedAt"].is_null() && row["id"].as_str() >= Some("8");
        json!(rows.iter().filter(upper).count())
    });
}

#[tokio::test]
async fn a_deleted_record_is_as_missing_as_one_that_never_was() {
    let stage = Stage::new().await;
    let rows = stage.fake.world(|world| world.rows("people"));
    let deleted = rows.iter().find(|row| !row["deletedAt"].is_null()).unwrap();
    let path = format!("/rest/people/{}", deleted["id"].as_str().unwrap());
    let answer = stage.get(&path).await;
    let wanted =
        json!({"statusCode": 404, "error": "NotFoundException", "messages": ["Record not found"]});
    assert_eq!((answer.status, answer.body), (404, wanted));
}

#[tokio::test]
async fn the_order_of_updated_at_sticks_on_the_second_page_for_ever() {
    let stage = Stage::of(World::with_people(500)).await;
    let page = async |cursor: &str| {
        let cursor = cursor.replace('=', "%3D");
        stage
            .get(&format!("/rest/people?order_by=updatedAt&limit=60&starting_after={cursor}"))
            .await
            .body
    };
    let first = page("").await;
    let second = page(first["pageInfo"]["endCursor"].as_str().unwrap()).await;
    let third = page(second["pageInfo"]["endCursor"].as_str().unwrap()).await;
    assert_eq!(ids(&second["data"]["people"]), ids(&third["data"]["people"]));
    assert_eq!(second["pageInfo"], third["pageInfo"]);
    assert_eq!(third["pageInfo"]["hasNextPage"], true);
}

#[tokio::test]
async fn the_order_of_ids_shows_every_record_once() {
    let stage = Stage::of(World::with_people(1001)).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("/rest/people?limit=500&starting_after={cursor}")).await.body;
        let ids = ids(&page["data"]["people"]);
        assert!(ids.len() <= 200, "clamped in silence");
        seen.extend(ids);
        assert_eq!(page["totalCount"], 1001);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = page["pageInfo"]["endCursor"].as_str().unwrap().replace('=', "%3D");
    }
    assert_eq!(seen.len(), 1001);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn a_value_just_read_finds_nothing_because_the_store_is_finer_than_the_wire() {
    let stage = Stage::of(World::with_people(10)).await;
    let shown =
        stage.get("/rest/people?limit=1").await.body["data"]["people"][0]["updatedAt"].clone();
    let count = async |comparator: &str| {
        let filter = format!("updatedAt[{comparator}]:{}", shown.as_str().unwrap());
        stage.get(&format!("/rest/people?filter={filter}")).await.body["totalCount"].clone()
    };
    assert_eq!((count("eq").await, count("gte").await), (json!(0), json!(10)));
}

#[tokio::test]
async fn delete_destroys_unless_it_is_told_not_to_and_keys_become_null_in_silence() {
    let stage = Stage::new().await;
    let people = stage.fake.world(|world| world.rows("people"));
    let person = people.iter().find(|row| row["companyId"].is_string()).unwrap();
    let company = person["companyId"].as_str().unwrap();
    let path = format!("/rest/companies/{company}");
    let soft = stage.send("DELETE", &format!("{path}?soft_delete=true"), None).await;
    let hard = stage.send("DELETE", &format!("{path}?soft_delete=True"), None).await;
    assert_eq!(soft.body, hard.body);
    let id = person["id"].as_str().unwrap();
    let after = stage.get(&format!("/rest/people/{id}")).await.body["data"]["person"].clone();
    assert_eq!(after["companyId"], Value::Null);
    assert_eq!(after["updatedAt"], person["updatedAt"]);
    assert_eq!(stage.send("DELETE", &path, None).await.status, 404);
}

#[tokio::test]
async fn upsert_brings_records_back_from_the_trash() {
    let stage = Stage::new().await;
    let rows = stage.fake.world(|world| world.rows("companies"));
    let deleted = rows.iter().find(|row| !row["deletedAt"].is_null()).unwrap();
    let domain = json!({"domainName": deleted["domainName"]});
    let refused = stage.send("POST", "/rest/companies", Some(domain.clone())).await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some("UserInputError")));
    let upserted = stage.send("POST", "/rest/companies?upsert=true", Some(domain)).await.body;
    let row = &upserted["data"]["createCompany"];
    assert_eq!((&row["id"], &row["deletedAt"]), (&deleted["id"], &Value::Null));
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_has_at_most_200_records() {
    let stage = Stage::new().await;
    let batch =
        |count: usize| Value::Array((0..count).map(|n| json!({"name": n.to_string()})).collect());
    let post = async |body: Value| stage.send("POST", "/rest/batch/companies", Some(body)).await;
    assert_eq!(
        post(batch(201)).await.body["messages"][0],
        "Maximum number of records to upsert is 200."
    );
    let mut spoilt = batch(3);
    spoilt[1]["nope"] = json!(1);
    assert_eq!(post(spoilt).await.status, 400);
    assert_eq!(stage.get("/rest/companies").await.body["totalCount"], 9);
    assert_eq!(post(batch(200)).await.status, 201);
}
