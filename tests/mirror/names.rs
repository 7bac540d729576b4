//! Names from a workspace are untrusted: whatever they are, the catalog gains the wanted tables and nothing else.

use twenty_sync::record::{DataModel, FieldKind, PicklistOption};

use super::ground::{Ground, incoming, object, page};

#[tokio::test]
async fn hostile_names_make_tables_and_columns_and_nothing_else() {
    let ground = Ground::new().await;
    let long = "x".repeat(70);
    let names = [
        r#""; drop schema sync cascade; --"#,
        r#"a"b"#,
        r#""""#,
        "🦀 Größe",
        &long,
        &format!("{long}y"),
        "name",
        "Name",
        "select",
        "xmin",
        "tableoid",
        "nul\0nul",
        " ",
    ];
    let fields: Vec<_> = names.iter().map(|name| (*name, FieldKind::Text)).collect();
    let objects: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| object(index as u128 + 1, name, &fields))
        .collect();
    let model = DataModel { objects };
    let plan = ground.evolve(&model).await;
    let tables: i64 =
        sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'twenty'")
            .fetch_one(&ground.pool)
            .await
            .unwrap();
    assert_eq!(usize::try_from(tables).unwrap(), names.len());
    assert!(plan.tables.iter().all(|table| table.columns.len() == names.len() + 3));
    assert!(ground.evolve(&model).await.is_empty());
    let control: i64 = sqlx::query_scalar("select count(*) from sync.object")
        .fetch_one(&ground.pool)
        .await
        .unwrap();
    assert_eq!(control, tables);
}

#[tokio::test]
async fn a_table_with_hostile_columns_takes_rows() {
    let ground = Ground::new().await;
    let (table, writer) =
        ground.table(object(1, r#"a"; --"#, &[(r#"b"; --"#, FieldKind::Text)])).await;
    let row = incoming(&table, 1, r#""b\"; --":"'); drop table x; --""#);
    let applied =
        ground.apply(&writer, &page(vec![row], ground.version(&table).await)).await.unwrap();
    assert_eq!(applied.inserted, 1);
}

#[tokio::test]
async fn a_new_field_has_the_object_read_anew() {
    let ground = Ground::new().await;
    let (table, writer) = ground.table(object(1, "things", &[])).await;
    ground.apply(&writer, &page(Vec::new(), ground.version(&table).await)).await.unwrap();
    let watermark =
        || async { ground.mirror.checkpoint(table.object_id).await.unwrap().checkpoint.watermark };
    assert!(watermark().await.is_some());
    ground
        .evolve(&DataModel { objects: vec![object(1, "things", &[("new", FieldKind::Text)])] })
        .await;
    assert_eq!(watermark().await, None);
}

#[tokio::test]
async fn objects_and_fields_can_swap_their_names() {
    let ground = Ground::new().await;
    let two = |first: &str, second: &str| {
        let fields = [(first, FieldKind::Text), (second, FieldKind::Text)];
        DataModel { objects: vec![object(1, first, &fields), object(2, second, &fields)] }
    };
    ground.evolve(&two("red", "blue")).await;
    ground.evolve(&two("blue", "red")).await;
    assert!(ground.evolve(&two("blue", "red")).await.is_empty());
}

#[tokio::test]
async fn the_picklist_follows_the_options() {
    let ground = Ground::new().await;
    let option = |value: &str, position| PicklistOption {
        value: value.to_owned(),
        label: value.to_lowercase(),
        color: None,
        position,
    };
    let mut object = object(1, "things", &[("stage", FieldKind::Select)]);
    object.fields[3].options = vec![option("NEW", 0), option("OLD", 1), option("OLD", 2)];
    ground.evolve(&DataModel { objects: vec![object.clone()] }).await;
    object.fields[3].options = vec![option("NEW", 5)];
    ground.evolve(&DataModel { objects: vec![object] }).await;
    let rows: Vec<(String, String, i32)> =
        sqlx::query_as("select field, label, position from sync.picklist")
            .fetch_all(&ground.pool)
            .await
            .unwrap();
    assert_eq!(rows, [("stage".to_owned(), "new".to_owned(), 5)]);
}
