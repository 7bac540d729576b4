//! What these tests stand on: a database, a mirror in it, objects and rows made from a few words.

use sqlx::PgPool;
use test_postgres::TestDatabase;
use time::{OffsetDateTime, macros::datetime};
use twenty_sync::{
    mirror::{Applied, Incoming, LocalEdits, Mirror, MirrorError, PageWrite, TableWriter, Walked},
    plan::{
        schema::{self, SchemaPlan, Scoped},
        walk::Checkpoint,
    },
    record::{DataModel, Decoder, Direction, Field, FieldKind, Object},
};
use uuid::{Uuid, uuid};

pub(super) const WORKSPACE: Uuid = uuid!("20202020-1c25-4d02-bf25-6aeccf7ea419");
pub(super) const NOW: OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

/// A mirror in a database of its own.
pub(super) struct Ground {
    pub(super) database: TestDatabase,
    pub(super) pool: PgPool,
    pub(super) mirror: Mirror,
}

impl Ground {
    pub(super) async fn new() -> Ground {
        let database = TestDatabase::create().await;
        let url = database.url().to_owned();
        Ground::at(database, &url).await
    }

    /// The same by the user of `url`.
    pub(super) async fn at(database: TestDatabase, url: &str) -> Ground {
        let mirror = Mirror::connect(url, 4).await.unwrap();
        let mirror = Mirror::open(mirror, "twenty", WORKSPACE, "http://localhost").await.unwrap();
        let pool = PgPool::connect(url).await.unwrap();
        Ground { database, pool, mirror }
    }

    /// Makes the mirror's tables what `model` asks for.
    pub(super) async fn evolve(&self, model: &DataModel) -> SchemaPlan {
        let change = self.mirror.begin_schema_change().await.unwrap();
        let objects: Vec<_> = model
            .objects
            .iter()
            .map(|object| Scoped { object, direction: Direction::Both })
            .collect();
        let plan = schema::plan("twenty", &objects, &change.existing, schema::Mode::Auto);
        change.apply(&plan, model).await.unwrap();
        plan
    }

    /// One table for `object`, and a writer for it.
    pub(super) async fn table(&self, object: Object) -> (schema::Table, TableWriter) {
        let plan = self.evolve(&DataModel { objects: vec![object] }).await;
        let table = plan.tables.into_iter().next().unwrap();
        let writer = TableWriter::new(&self.mirror, &table).unwrap();
        (table, writer)
    }

    /// Applies a page to records without local changes.
    pub(super) async fn apply(
        &self,
        writer: &TableWriter,
        page: &PageWrite,
    ) -> Result<Applied, MirrorError> {
        let edits = &mut LocalEdits {
            acknowledged: &|_| false,
            overtaken: None,
            decide: &mut |_, _| unreachable!(),
        };
        self.mirror.apply_page(writer, page, edits).await
    }

    pub(super) async fn version(&self, table: &schema::Table) -> i64 {
        self.mirror.checkpoint(table.object_id).await.unwrap().version
    }
}

pub(super) fn object(id: u128, plural: &str, fields: &[(&str, FieldKind)]) -> Object {
    let own = [
        ("id", FieldKind::Uuid),
        ("updatedAt", FieldKind::DateTime),
        ("deletedAt", FieldKind::DateTime),
    ];
    let fields = own.iter().chain(fields).enumerate().map(|(index, (name, kind))| Field {
        id: Uuid::from_u128((id << 32) + index as u128),
        name: (*name).to_owned(),
        label: (*name).to_owned(),
        description: None,
        kind: kind.clone(),
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    });
    Object {
        id: Uuid::from_u128(id),
        name_singular: format!("{plural}One"),
        name_plural: plural.to_owned(),
        label_singular: plural.to_owned(),
        label_plural: plural.to_owned(),
        description: Some("it's a \\ \"description\"".to_owned()),
        is_custom: true,
        is_system: false,
        is_active: true,
        fields: fields.collect(),
    }
}

/// A record of `table` with the given keys, as JSON text after the ones every record has.
pub(super) fn incoming(table: &schema::Table, id: u128, rest: &str) -> Incoming {
    let id = Uuid::from_u128(id);
    let comma = if rest.is_empty() { "" } else { "," };
    let json = format!(
        r#"{{"id":"{id}","updatedAt":"2026-11-24T08:00:00.000Z","deletedAt":null{comma}{rest}}}"#
    );
    let raw = serde_json::value::RawValue::from_string(json.clone()).unwrap();
    let row = Decoder::new(table.columns.as_slice().into()).decode(&raw).unwrap();
    Incoming { row, json: json.into() }
}

pub(super) fn page(rows: Vec<Incoming>, version: i64) -> PageWrite {
    PageWrite {
        rows,
        removed: Vec::new(),
        tombstones: Vec::new(),
        set_aside: Vec::new(),
        checkpoint: Checkpoint { watermark: Some(NOW), walk: None },
        walked: Walked::ToTheEnd,
        version,
        withheld: None,
        may_remove: None,
    }
}
