//! What became of every edit that was acknowledged, on whichever side it was made.
//!
//! Every edit writes a value that no other edit writes, and notes the value that it replaced. So an edit is accounted
//! for if its value is what both sides hold in the end, if a later edit replaced it before the eyes of its writer, or
//! if it stands in `sync.conflict`. Anything else is a lost update, whichever way it was lost.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use fake_twenty::World;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::scene::Scene;

/// What can be edited of a machine on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// The column in the mirror.
    pub(crate) column: &'static str,
    /// Where the value stands in Twenty's record.
    pub(crate) pointer: &'static str,
    /// The form of its values.
    pub(crate) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Text,
    Email,
    Options,
    List,
    Document,
}

pub(crate) const NAME: Field = Field { column: "name", pointer: "/name", form: Form::Text };
pub(crate) const CITY: Field =
    Field { column: "site_city", pointer: "/site/addressCity", form: Form::Text };
pub(crate) const EMAIL: Field =
    Field { column: "contact_primary_email", pointer: "/contact/primaryEmail", form: Form::Email };
pub(crate) const HAZARDS: Field =
    Field { column: "hazards", pointer: "/hazards", form: Form::Options };
pub(crate) const LABELS: Field = Field { column: "labels", pointer: "/labels", form: Form::List };
pub(crate) const READINGS: Field =
    Field { column: "readings", pointer: "/readings", form: Form::Document };

/// Guarded by a filter, and not; alone in their field, and not.
pub(crate) const FIELDS: [Field; 6] = [NAME, CITY, EMAIL, HAZARDS, LABELS, READINGS];

impl Field {
    /// A value that no other number has.
    pub(crate) fn value(self, number: u32) -> Value {
        match self.form {
            Form::Text => json!(format!("v{number}")),
            Form::Email => json!(format!("v{number}@example.com")),
            Form::Options => options(number),
            Form::List => json!([format!("v{number}"), "x"]),
            Form::Document => json!({"number": number, "nested": [number]}),
        }
    }

    /// The body of an update in Twenty.
    fn body(self, value: &Value) -> Value {
        match self.form {
            // Twenty blanks what is left out of an EMAILS field.
            Form::Email => json!({"contact": {"primaryEmail": value, "additionalEmails": null}}),
            _ => {
                self.pointer[1..].rsplit('/').fold(value.clone(), |inner, key| json!({key: inner}))
            }
        }
    }

    /// How SQL takes the value from its JSON.
    fn in_sql(self) -> &'static str {
        match self.form {
            Form::Text | Form::Email => "$1 #>> '{}'",
            Form::Options | Form::List => "array(select jsonb_array_elements_text($1))",
            Form::Document => "$1",
        }
    }
}

/// A number in base three: Twenty keeps duplicates and the order of options.
fn options(number: u32) -> Value {
    let names = ["HEAT", "NOISE", "DUST"];
    let (mut rest, mut digits) = (number, Vec::new());
    while rest > 0 {
        digits.push(names[(rest % 3) as usize]);
        rest /= 3;
    }
    digits.push(names[0]);
    json!(digits)
}

/// An edit that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    side: &'static str,
    record: Uuid,
    field: Field,
    before: Value,
    after: Value,
}

/// Every edit of a test, also those that a hook makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct History(Arc<Mutex<Vec<Edit>>>);

impl History {
    fn note(&self, edit: Edit) {
        self.0.lock().unwrap().push(edit);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Somebody edits a record in Twenty.
    pub(crate) fn edit_source(&self, world: &mut World, record: Uuid, field: Field, number: u32) {
        let held = world.row("machines", record).unwrap();
        let before = held.pointer(field.pointer).cloned().unwrap_or_default();
        let after = field.value(number);
        world.update("machines", record, &field.body(&after));
        self.note(Edit { side: "source", record, field, before, after });
    }

    /// Somebody edits a row by SQL.
    pub(crate) async fn edit_mirror(&self, scene: &Scene, record: Uuid, field: Field, number: u32) {
        let (column, after) = (field.column, field.value(number));
        let mut transaction = scene.pool.begin().await.unwrap();
        let look = format!(
            "select coalesce(to_jsonb({column}), 'null') from twenty.machines where id = $1 for update"
        );
        let before: Value = sqlx::query_scalar(AssertSqlSafe(look))
            .bind(record)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        let update =
            format!("update twenty.machines set {column} = {} where id = $2", field.in_sql());
        let update = sqlx::query(AssertSqlSafe(update)).bind(&after).bind(record);
        update.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        self.note(Edit { side: "mirror", record, field, before, after });
    }

    /// The edits of which nothing is left and that nobody knowingly replaced.
    async fn lost(&self, scene: &Scene) -> Vec<Edit> {
        let edits = self.0.lock().unwrap().clone();
        let key = |record: Uuid, field: Field, value: &Value| (record, field, value.to_string());
        let replaced: BTreeSet<_> =
            edits.iter().map(|edit| key(edit.record, edit.field, &edit.before)).collect();
        let mut kept = BTreeSet::new();
        for conflict in scene.conflicts().await {
            for values in [conflict.source, conflict.mirror].into_iter().flatten() {
                for field in FIELDS {
                    if let Some(value) = values.get(field.column) {
                        kept.insert(key(conflict.record_id, field, value));
                    }
                }
            }
        }
        let mut lost = Vec::new();
        for edit in edits {
            let this = key(edit.record, edit.field, &edit.after);
            if !replaced.contains(&this) && !kept.contains(&this) && !is_held(scene, &edit).await {
                lost.push(edit);
            }
        }
        lost
    }

    /// Nothing was lost: `context` is told if something was.
    pub(crate) async fn assert_nothing_lost(&self, scene: &Scene, context: &str) {
        let lost = self.lost(scene).await;
        let conflicts = scene.conflicts().await.len();
        assert!(
            lost.is_empty(),
            "{context}: {} of {} edits lost ({conflicts} conflicts): {lost:#?}",
            lost.len(),
            self.len()
        );
        println!("{context}: {} edits, {conflicts} conflicts, 0 lost", self.len());
    }
}

/// Whether the side of the edit holds its value in the end. Where both are equal, that is both sides.
async fn is_held(scene: &Scene, edit: &Edit) -> bool {
    if edit.side == "source" {
        let record = scene.live("machines", edit.record);
        return record.pointer(edit.field.pointer) == Some(&edit.after);
    }
    let row = scene.row("machines", edit.record).await.unwrap();
    row[edit.field.column] == edit.after
}
