//! Pages: written once, in one transaction, with what does not fit set aside.

use twenty_sync::{
    mirror::{Applied, MirrorError, PageWrite, SetAside},
    plan::walk::{Checkpoint, Walk},
    record::{FieldKind, NumberKind},
};
use uuid::Uuid;

use super::ground::{Ground, NOW, incoming, object, page};

#[tokio::test]
async fn a_page_applied_twice_changes_nothing_the_second_time() {
    let ground = Ground::new().await;
    let (table, writer) = ground.table(object(1, "things", &[("size", FieldKind::Numeric)])).await;
    let rows = vec![incoming(&table, 1, r#""size":"1.50""#), incoming(&table, 2, r#""size":null"#)];
    let first = ground.apply(&writer, &page(rows.clone(), ground.version(&table).await)).await;
    assert_eq!(first.unwrap(), Applied { inserted: 2, ..Applied::default() });
    let again = ground.apply(&writer, &page(rows, ground.version(&table).await)).await;
    assert_eq!(again.unwrap(), Applied::default());
}

#[tokio::test]
async fn every_type_reads_back_as_it_came() {
    let ground = Ground::new().await;
    let fields = [
        ("text", FieldKind::Text, r#""a\"b\\c\n→🦀""#, r#"a"b\c"#),
        ("whole", FieldKind::Number(NumberKind::Integer), "9007199254740993", "9007199254740993"),
        ("number", FieldKind::Number(NumberKind::Double), "0.1", "0.1"),
        (
            "exact",
            FieldKind::Numeric,
            r#""12345678901234567890.123456789""#,
            "12345678901234567890.123456789",
        ),
        ("flag", FieldKind::Boolean, "true", "true"),
        ("at", FieldKind::DateTime, r#""0001-01-01T00:00:00.000Z""#, "0001-01-01 00:00:00+00"),
        (
            "ancient",
            FieldKind::DateTime,
            r#""-000001-06-01T00:00:00.000Z""#,
            "0002-06-01 00:00:00+00 BC",
        ),
        (
            "far",
            FieldKind::DateTime,
            r#""+020225-01-01T00:00:00.001Z""#,
            "20225-01-01 00:00:00.001+00",
        ),
        ("day", FieldKind::Date, r#""2026-02-28""#, "2026-02-28"),
        ("tags", FieldKind::Array, r#"["a,b","","c\"}{\\"]"#, r#"{"a,b","","c\"}{\\"}"#),
        ("json", FieldKind::RawJson, r#"{"b":[1,null],"a":"x"}"#, r#"{"a": "x", "b": [1, null]}"#),
    ];
    let kinds: Vec<_> = fields.iter().map(|(name, kind, _, _)| (*name, kind.clone())).collect();
    let (table, writer) = ground.table(object(1, "things", &kinds)).await;
    let json: Vec<_> =
        fields.iter().map(|(name, _, json, _)| format!("\"{name}\":{json}")).collect();
    let row = incoming(&table, 1, &json.join(","));
    ground.apply(&writer, &page(vec![row], ground.version(&table).await)).await.unwrap();
    for (name, _, _, expected) in &fields {
        let sql = format!("select {name}::text from twenty.things");
        let text: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&ground.pool).await.unwrap();
        assert!(text.starts_with(expected), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_key_that_is_absent_leaves_the_column_as_it_was() {
    let ground = Ground::new().await;
    let (table, writer) =
        ground.table(object(1, "things", &[("a", FieldKind::Text), ("b", FieldKind::Text)])).await;
    let whole = incoming(&table, 1, r#""a":"1","b":"2""#);
    ground.apply(&writer, &page(vec![whole], ground.version(&table).await)).await.unwrap();
    let part = incoming(&table, 1, r#""a":"3""#);
    ground.apply(&writer, &page(vec![part], ground.version(&table).await)).await.unwrap();
    let row: (String, String) =
        sqlx::query_as("select a, b from twenty.things").fetch_one(&ground.pool).await.unwrap();
    assert_eq!(row, ("3".to_owned(), "2".to_owned()));
}

#[tokio::test]
async fn what_postgresql_refuses_is_set_aside_and_the_rest_of_the_page_goes_on() {
    let ground = Ground::new().await;
    let kinds = [("json", FieldKind::RawJson), ("exact", FieldKind::Numeric)];
    let (table, writer) = ground.table(object(1, "things", &kinds)).await;
    let mut rows: Vec<_> =
        (1..=40).map(|id| incoming(&table, id, r#""json":1,"exact":"2""#)).collect();
    let deep = format!("\"json\":{}{}", "[".repeat(100_000), "]".repeat(100_000));
    rows[7] = incoming(&table, 8, &deep);
    rows[8] = incoming(&table, 9, r#""json":"\ud800""#);
    rows[30] = incoming(&table, 31, r#""exact":"1e200000""#);
    let applied = ground.apply(&writer, &page(rows, ground.version(&table).await)).await.unwrap();
    assert_eq!(applied, Applied { inserted: 37, set_aside: 3, ..Applied::default() });
    let held: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "select record_id, reason, length(record) from sync.quarantine order by record_id",
    )
    .fetch_all(&ground.pool)
    .await
    .unwrap();
    assert_eq!(held.iter().map(|row| row.0.as_u128()).collect::<Vec<_>>(), [8, 9, 31]);
    assert!(held.iter().all(|row| row.1.contains("SQLSTATE") && row.2 > 0), "{held:?}");
}

#[tokio::test]
async fn a_record_leaves_quarantine_when_it_is_read_well() {
    let ground = Ground::new().await;
    let (table, writer) = ground.table(object(1, "things", &[("a", FieldKind::Text)])).await;
    let aside = SetAside {
        key: Uuid::from_u128(1).to_string(),
        id: Some(Uuid::from_u128(1)),
        field: Some("a".to_owned()),
        reason: "a contains a NUL character".to_owned(),
        json: r#"{"a":"\u0000"}"#.to_owned(),
    };
    let bad = |version| PageWrite { set_aside: vec![aside.clone()], ..page(Vec::new(), version) };
    let first = ground.apply(&writer, &bad(ground.version(&table).await)).await.unwrap();
    let again = ground.apply(&writer, &bad(ground.version(&table).await)).await.unwrap();
    assert_eq!(
        (first.set_aside, again.set_aside, ground.mirror.quarantined().await.unwrap()),
        (1, 0, 1)
    );
    let good = page(vec![incoming(&table, 1, r#""a":"x""#)], ground.version(&table).await);
    ground.apply(&writer, &good).await.unwrap();
    assert_eq!(ground.mirror.quarantined().await.unwrap(), 0);
}

#[tokio::test]
async fn a_checkpoint_reads_back_and_moves_only_from_the_version_it_was_read_at() {
    let ground = Ground::new().await;
    let (table, writer) = ground.table(object(1, "things", &[])).await;
    let walk = Walk {
        since: Some(NOW),
        began_at: Some(NOW),
        cursor: Some("next".to_owned()),
        last_id: Some(Uuid::from_u128(1)),
        seen: 1,
        fewest: Some(9),
        most: Some(10),
        ended: false,
        pages: 1,
    };
    let checkpoint = Checkpoint { watermark: None, walk: Some(walk) };
    let version = ground.version(&table).await;
    let write = PageWrite {
        checkpoint: checkpoint.clone(),
        ..page(vec![incoming(&table, 1, "")], version)
    };
    ground.apply(&writer, &write).await.unwrap();
    assert_eq!(ground.mirror.checkpoint(table.object_id).await.unwrap().checkpoint, checkpoint);
    let late = PageWrite { rows: vec![incoming(&table, 2, "")], ..write };
    assert!(matches!(ground.apply(&writer, &late).await, Err(MirrorError::Overtaken { .. })));
    let rows: i64 = sqlx::query_scalar("select count(*) from twenty.things")
        .fetch_one(&ground.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_removed_record_is_removed_with_its_page() {
    let ground = Ground::new().await;
    let (table, writer) = ground.table(object(1, "things", &[])).await;
    let rows = (1..=3).map(|id| incoming(&table, id, "")).collect();
    ground.apply(&writer, &page(rows, ground.version(&table).await)).await.unwrap();
    let removal = PageWrite {
        removed: vec![Uuid::from_u128(2), Uuid::from_u128(9)],
        ..page(Vec::new(), ground.version(&table).await)
    };
    assert_eq!(ground.apply(&writer, &removal).await.unwrap().removed, 1);
}
