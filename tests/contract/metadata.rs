//! Reading the data model.

use serde_json::{Value, json};

use super::{
    answer::text,
    probe::Probe,
    twenty::{Twenty, on_twenty},
};

/// The fields of an object as GraphQL tells them.
async fn fields_of(twenty: &Twenty, object: &str) -> Vec<Value> {
    let query =
        "query($id: UUID!) { object(id: $id) { fields(paging: {first: 1000}) { edges { node {
        id name type isUnique isNullable isActive options settings
        relation { type targetObjectMetadata { nameSingular } } } } } } }";
    let object = twenty.metadata(query, &json!({"id": object})).await.subject(200);
    let edges = object["fields"]["edges"].as_array().unwrap().clone();
    edges.into_iter().map(|edge| edge["node"].clone()).collect()
}

fn field<'f>(fields: &'f [Value], name: &str) -> &'f Value {
    fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// "Metadata"
#[tokio::test]
async fn a_list_has_ten_entries_unless_paging_asks_for_up_to_a_thousand() {
    on_twenty(async |twenty| {
        let page = async |arguments: &str| {
            let query = format!(
                "{{ objects{arguments} {{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id }} }} }} }}"
            );
            twenty.metadata(&query, &json!({})).await.subject(200)
        };
        let length = |page: &Value| page["edges"].as_array().unwrap().len();
        let (short, long) = (page("").await, page("(paging: {first: 1000})").await);
        assert_eq!((length(&short), &short["pageInfo"]["hasNextPage"]), (10, &json!(true)));
        assert!(length(&long) > 10 && long["pageInfo"]["hasNextPage"] == false);
        let cursor = text(&short["pageInfo"]["endCursor"]);
        let next = page(&format!("(paging: {{first: 10, after: \"{cursor}\"}})")).await;
        assert_eq!(next["edges"][0], long["edges"][10]);
    })
    .await;
}

/// "Metadata", "Field types", "Picklists"
#[tokio::test]
async fn graphql_tells_the_key_of_a_relation_what_is_unique_and_the_options() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["SELECT"]).await;
        let options = field(&fields_of(twenty, &probe.id).await, "fSelect")["options"].clone();
        assert_eq!((&options[0]["value"], &options[0]["label"]), (&json!("OPT_A"), &json!("A")));
        assert!(options[0]["id"].is_string() && options[1]["position"] == 1, "{options}");
        let query = "{ objects(paging: {first: 1000}) { edges { node { id nameSingular } } } }";
        let objects = twenty.metadata(query, &json!({})).await.subject(200);
        let person = objects["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| &edge["node"])
            .find(|object| object["nameSingular"] == "person")
            .unwrap();
        let fields = fields_of(twenty, person["id"].as_str().unwrap()).await;
        let company = field(&fields, "company");
        assert_eq!(company["settings"]["joinColumnName"], "companyId");
        assert_eq!(company["relation"]["type"], "MANY_TO_ONE");
        assert_eq!(company["relation"]["targetObjectMetadata"]["nameSingular"], "company");
        assert_eq!(field(&fields, "emails")["isUnique"], true);
    })
    .await;
}

/// "Metadata"
#[tokio::test]
async fn an_unknown_key_fails_the_whole_query_and_introspection_says_which_are_known() {
    on_twenty(async |twenty| {
        let query = "{ objects(paging: {first: 1}) { edges { node { id nope } } } }";
        let answer = twenty.metadata(query, &json!({})).await;
        answer.refused(200, "Cannot query field \"nope\" on type \"Object\"");
        let query = "{ __type(name: \"Field\") { fields { name } } }";
        let known = twenty.metadata(query, &json!({})).await.subject(200)["fields"].to_string();
        for key in ["settings", "isUnique", "options", "relation"] {
            assert!(known.contains(&format!("\"{key}\"")), "{key} in {known}");
        }
    })
    .await;
}

/// "Metadata", "Picklists", "What the public documentation gets wrong"
#[tokio::test]
async fn rest_metadata_breaks_by_a_query_string_and_knows_neither_names_nor_picklists() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["SELECT"]).await;
        let table = [
            ("objects?limit=1".to_owned(), "does not exist"),
            ("picklists".to_owned(), "does not exist"),
            (format!("objects/{}", probe.plural), "Invalid UUID"),
        ];
        for (path, message) in table {
            let answer = twenty.get(&format!("/rest/metadata/{path}")).await;
            answer.refused(400, message);
            assert_eq!(answer.body["error"], "Bad Request");
        }
        let object = twenty.get(&format!("/rest/metadata/objects/{}", probe.id)).await;
        let object = object.subject(200);
        assert_eq!(object["namePlural"], json!(probe.plural));
        let fields = object["fields"].as_array().unwrap();
        let field = field(fields, "fSelect");
        assert_eq!(field["options"][1]["value"], "OPT_B");
        for missing in ["settings", "isUnique"] {
            assert_eq!(field.get(missing), None, "{missing}");
        }
    })
    .await;
}
