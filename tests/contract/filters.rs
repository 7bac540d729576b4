//! Filters of REST: what they find, and why no text goes into one.

use serde_json::{Value, json};

use super::{
    answer::text,
    probe::Probe,
    server::{Table, on_each_server},
    twenty::on_twenty,
};

/// "Filters"
#[tokio::test]
async fn each_comparator_finds_what_it_says_and_some_find_less() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER", "SELECT", "TEXT"]).await;
        let bodies = [
            json!({"name": "a", "fNumber": 1, "fSelect": "OPT_A", "fText": ""}),
            json!({"name": "b", "fNumber": 2, "fSelect": "OPT_B", "fText": "filled"}),
            json!({"name": "c"}),
        ];
        probe.post_many(&bodies).await.subject(201);
        let table = [
            ("name[eq]:a", "a"),
            ("name[eq]:\"a\"", "a"),
            ("name[neq]:a", "bc"),
            ("name[in]:[a,c]", "ac"),
            ("fNumber[gte]:2", "b"),
            ("fNumber[gt]:0,fNumber[lt]:2", "a"),
            ("or(name[eq]:a,fSelect[eq]:OPT_B)", "ab"),
            ("and(or(name[eq]:a,name[eq]:b),not(name[eq]:a))", "b"),
            ("fSelect[is]:NULL", "c"),
            ("fSelect[is]:NOT_NULL", "ab"),
            // An empty text is not null.
            ("fText[is]:NULL", ""),
            ("fText[eq]:\"\"", "ac"),
            // A prefix is none without a wildcard.
            ("fText[startsWith]:fill", ""),
        ];
        for (filter, wanted) in table {
            let records = probe.records(&format!("filter={filter}")).await;
            let mut names: Vec<String> =
                records.as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
            names.sort();
            assert_eq!(names.concat(), wanted, "{filter}");
        }
    })
    .await;
}

/// "Filters", "Errors"
#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_and_one_value_of_the_wrong_form_is_a_500() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let table = [
            ("id[eq]:zzz", 500, "invalid input syntax for type uuid"),
            ("nope[eq]:1", 400, "nope"),
            ("name[nope]:1", 400, "comparator nope not in"),
            ("name", 400, "'filter' invalid for 'name'"),
            ("name[eq]", 400, "'filter' invalid for 'name[eq]'"),
            ("and(name[eq]:a", 400, "close bracket is missing"),
        ];
        for (filter, status, message) in table {
            let answer = twenty.get(&probe.list(&format!("filter={filter}"))).await;
            answer.refused(status, message);
        }
    })
    .await;
}

/// "Filters"
#[tokio::test]
async fn there_is_no_escaping_so_a_parenthesis_breaks_a_quoted_value() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create(json!({"name": "a)b"})).await;
        let answer = twenty.get(&probe.list("filter=name[eq]:\"a)b\"")).await;
        answer.refused(400, "open bracket is missing");
        let (kind, plural) = (probe.type_name(), &probe.plural);
        let query = format!(
            "query($f: {kind}FilterInput!) {{ {plural}(filter: $f) {{ edges {{ node {{ id }} }} }} }}"
        );
        let found = twenty.graphql(&query, &json!({"f": {"name": {"eq": "a)b"}}})).await;
        let node: &Value = &found.subject(200)["edges"][0]["node"];
        assert_eq!(node["id"], made["id"]);
    })
    .await;
}

/// "Filters", "GraphQL"
#[tokio::test]
async fn ids_can_be_compared_and_so_counted_by_range() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 5).await;
        server.trash(Table::Parent, &json!(made[2])).await;
        let range = (made[1], Some(made[4]));
        assert_eq!(server.count(Table::Parent, range, true).await, 3);
        assert_eq!(server.count(Table::Parent, range, false).await, 2);
        assert_eq!(server.count(Table::Parent, (made[4], None), false).await, 1);
        let filter = json!({"and": [{"id": {"gte": made[1]}}, {"id": {"lt": made[4]}}]});
        let hits = server.update(Table::Parent, &filter, &json!({"name": "x"})).await;
        assert_eq!(hits, Ok(made[1..4].to_vec()));
    })
    .await;
}
