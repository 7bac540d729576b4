//! Keeps `sync.picklist` equal to the options in the metadata.
//!
//! It exists because people want to join an option's value with its label, and the endpoint that the public
//! documentation promises for it does not exist (docs/twenty.md, "Picklists"). Invariant: an unchanged model
//! writes nothing.

use std::{borrow::Cow, collections::HashSet};

use sqlx::PgConnection;

use super::{Mirror, error::MirrorError, stored};
use crate::{
    plan::schema::Table,
    record::{DataModel, Object, PicklistOption},
};

/// The options of one object's fields, as columns.
#[derive(Default)]
struct Options<'a> {
    object: Vec<Cow<'a, str>>,
    field: Vec<Cow<'a, str>>,
    value: Vec<Cow<'a, str>>,
    label: Vec<Cow<'a, str>>,
    color: Vec<Option<Cow<'a, str>>>,
    position: Vec<i32>,
}

impl<'a> Options<'a> {
    /// The options of mirrored objects; a value that a field lists twice counts once.
    fn of(model: &'a DataModel, tables: &[Table]) -> Options<'a> {
        let mut options = Options::default();
        let mirrored: HashSet<_> = tables.iter().map(|table| table.object_id).collect();
        for object in model.objects.iter().filter(|object| mirrored.contains(&object.id)) {
            for field in object.fields.iter().filter(|field| field.is_active) {
                let mut seen = HashSet::new();
                for option in
                    field.options.iter().filter(|option| seen.insert(stored::label(&option.value)))
                {
                    options.push(object, &field.name, option);
                }
            }
        }
        options
    }

    fn push(&mut self, object: &'a Object, field: &'a str, option: &'a PicklistOption) {
        self.object.push(stored::name(&object.name_plural));
        self.field.push(stored::name(field));
        self.value.push(stored::label(&option.value));
        self.label.push(stored::label(&option.label));
        self.color.push(option.color.as_deref().map(stored::label));
        self.position.push(option.position);
    }
}

/// Replaces what differs.
pub(super) async fn replace(
    mirror: &Mirror,
    connection: &mut PgConnection,
    model: &DataModel,
    tables: &[Table],
) -> Result<(), MirrorError> {
    let options = Options::of(model, tables);
    sqlx::query(
        "delete from sync.picklist p where workspace_id = $1 and not exists (select \
         from unnest($2::text[], $3::text[], $4::text[]) as o (object, field, value) \
         where (o.object, o.field, o.value) = (p.object, p.field, p.value))",
    )
    .bind(mirror.workspace_id)
    .bind(&options.object)
    .bind(&options.field)
    .bind(&options.value)
    .execute(&mut *connection)
    .await
    .map_err(MirrorError::query("remove old options from sync.picklist"))?;
    sqlx::query(
        "insert into sync.picklist as p (workspace_id, object, field, value, label, color, position) \
         select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[]) \
         on conflict (workspace_id, object, field, value) do update set \
         label = excluded.label, color = excluded.color, position = excluded.position \
         where (p.label, p.color, p.position) is distinct from (excluded.label, excluded.color, excluded.position)",
    )
    .bind(mirror.workspace_id)
    .bind(&options.object)
    .bind(&options.field)
    .bind(&options.value)
    .bind(&options.label)
    .bind(&options.color)
    .bind(&options.position)
    .execute(connection)
    .await
    .map(drop)
    .map_err(MirrorError::query("write sync.picklist"))
}
