//! What each side holds, read by means that share nothing with the program.

use std::collections::BTreeMap;

use fake_twenty::World;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Source,
    Mirror,
}

/// A field that people edit.
#[derive(Debug)]
pub(crate) struct Field {
    /// The column in the mirror.
    pub(crate) column: &'static str,
    /// Where the value stands in Twenty's record.
    pub(crate) pointer: &'static str,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// Twenty takes it whole.
    Email,
    /// No filter guards it.
    List,
}

/// A reference that people edit.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) column: &'static str,
    pub(crate) key: &'static str,
    /// The place of the object in [`OBJECTS`].
    pub(crate) target: usize,
}

#[derive(Debug)]
pub(crate) struct Object {
    /// In Twenty, and in the mirror.
    pub(crate) plural: &'static str,
    pub(crate) table: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) references: &'static [Reference],
}

/// Parents; children whose reference is cleared when their parent is destroyed; and children that go with it.
pub(crate) const OBJECTS: [Object; 3] = [
    Object {
        plural: "companies",
        table: "companies",
        fields: &[Field { column: "name", pointer: "/name", form: Form::Text }],
        references: &[],
    },
    Object {
        plural: "machines",
        table: "machines",
        fields: &[
            Field { column: "name", pointer: "/name", form: Form::Text },
            Field { column: "serial", pointer: "/serial", form: Form::Text },
            Field {
                column: "contact_primary_email",
                pointer: "/contact/primaryEmail",
                form: Form::Email,
            },
            Field { column: "labels", pointer: "/labels", form: Form::List },
        ],
        references: &[Reference { column: "owner_id", key: "ownerId", target: 0 }],
    },
    Object {
        plural: "noteTargets",
        table: "note_targets",
        fields: &[],
        references: &[
            Reference { column: "company_id", key: "companyId", target: 0 },
            Reference { column: "machine_id", key: "machineId", target: 1 },
        ],
    },
];

impl Field {
    /// A value that no other number has.
    pub(crate) fn value(&self, number: u32) -> Value {
        match self.form {
            Form::Text => json!(format!("v{number}")),
            Form::Email => json!(format!("v{number}@example.com")),
            Form::List => json!([format!("v{number}"), "x"]),
        }
    }

    /// The body of a write in Twenty.
    pub(crate) fn body(&self, value: &Value) -> Value {
        match self.form {
            Form::Email => json!({"primaryEmail": value, "additionalEmails": null}),
            Form::Text | Form::List => value.clone(),
        }
    }

    /// The field's name in Twenty.
    pub(crate) fn key(&self) -> &'static str {
        self.pointer[1..].split('/').next().unwrap()
    }

    /// How SQL spells a value.
    pub(crate) fn literal(&self, value: &Value) -> String {
        match self.form {
            Form::Text | Form::Email => format!("'{}'", value.as_str().unwrap()),
            Form::List => {
                let items = value.as_array().unwrap().iter();
                let items: Vec<_> =
                    items.map(|item| format!("'{}'", item.as_str().unwrap())).collect();
                format!("array[{}]", items.join(", "))
            }
        }
    }
}

/// A record: the place of its object in [`OBJECTS`], and its id.
pub(crate) type Key = (usize, Uuid);

/// What people see of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// When it went into the trash, in milliseconds.
    pub(crate) deleted_at: Option<i128>,
    pub(crate) updated_at: Option<i128>,
    /// By column; empty ones are null.
    pub(crate) values: BTreeMap<&'static str, Value>,
    pub(crate) references: BTreeMap<&'static str, Value>,
}

impl Record {
    pub(crate) fn is_live(&self) -> bool {
        self.deleted_at.is_none()
    }
}

/// All that a side holds.
pub(crate) type Held = BTreeMap<Key, Record>;

/// What Twenty holds, trash included.
pub(crate) fn source(world: &World) -> Held {
    let mut held = Held::new();
    for (place, object) in OBJECTS.iter().enumerate() {
        for row in world.rows(object.plural) {
            let value = |field: &Field| {
                (field.column, filled(row.pointer(field.pointer).cloned().unwrap_or_default()))
            };
            let reference = |reference: &Reference| (reference.column, row[reference.key].clone());
            let record = Record {
                deleted_at: moment(&row["deletedAt"]),
                updated_at: moment(&row["updatedAt"]),
                values: object.fields.iter().map(value).collect(),
                references: object.references.iter().map(reference).collect(),
            };
            held.insert((place, row["id"].as_str().unwrap().parse().unwrap()), record);
        }
    }
    held
}

/// What the mirror holds.
pub(crate) async fn mirror(connection: &mut PgConnection) -> Held {
    let tables: Vec<String> = OBJECTS
        .iter()
        .enumerate()
        .map(|(place, object)| {
            format!("select {place}::int8, to_jsonb(t) from twenty.{} t", object.table)
        })
        .collect();
    let query = AssertSqlSafe(tables.join(" union all "));
    let rows: Vec<(i64, Value)> = sqlx::query_as(query).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|(place, row)| of_row(usize::try_from(place).unwrap(), &row)).collect()
}

fn of_row(place: usize, row: &Value) -> (Key, Record) {
    let object = &OBJECTS[place];
    let value = |field: &Field| (field.column, filled(row[field.column].clone()));
    let reference = |reference: &Reference| (reference.column, row[reference.column].clone());
    let record = Record {
        deleted_at: moment(&row["deleted_at"]),
        updated_at: moment(&row["updated_at"]),
        values: object.fields.iter().map(value).collect(),
        references: object.references.iter().map(reference).collect(),
    };
    ((place, row["id"].as_str().unwrap().parse().unwrap()), record)
}

/// Nothing is nothing, however it is spelt.
fn filled(value: Value) -> Value {
    if value == json!("") || value == json!([]) { Value::Null } else { value }
}

fn moment(value: &Value) -> Option<i128> {
    let text = value.as_str()?;
    let time =
        OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|error| panic!("{text}: {error}"));
    Some(time.unix_timestamp_nanos() / 1_000_000)
}
