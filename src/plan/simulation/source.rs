//! A model of the source: one record, and the filters and bodies that the planner makes.

use std::sync::LazyLock;

use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    plan::{
        fixture::{ID, NOON, columns},
        guard::value::timestamp,
        patch::Body,
        pending::Sighting,
        schema::Table,
    },
    record::{Decimal, Direction, FieldKind, Image, Row, Unit, Value, units},
};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    object_id: Uuid::from_u128(1),
    name_singular: "gadget".to_owned(),
    name_plural: "gadgets".to_owned(),
    name: "gadgets".to_owned(),
    direction: Direction::Both,
    lost: Vec::new(),
    generation: 0,
    columns: columns(&[
        ("text", FieldKind::Text),
        ("emails", FieldKind::Emails),
        ("revenue", FieldKind::Currency),
        ("tags", FieldKind::MultiSelect),
        ("phones", FieldKind::Phones),
        ("id", FieldKind::Uuid),
        ("updatedAt", FieldKind::DateTime),
        ("deletedAt", FieldKind::DateTime),
        ("position", FieldKind::Position),
    ]),
});

/// How many units people write.
pub(super) const UNITS: usize = 5;

pub(super) fn unit(index: usize) -> Unit {
    units(&TABLE.columns).swap_remove(index)
}

pub(super) fn column(name: &str) -> usize {
    TABLE.columns.iter().position(|column| column.name == name).unwrap()
}

/// The values of a unit: empty, common to many writers, or one of a kind.
pub(super) fn values(unit: usize, choice: u8, number: u32) -> Vec<Value> {
    let text = |text: String| Value::Text(text);
    let own = choice > 1;
    match (unit, choice) {
        (0, 0) => vec![text(String::new())],
        (0, _) => vec![text(if own { format!("t{number}") } else { "same".to_owned() })],
        (1, 0) => vec![text(String::new()), Value::Null],
        (1, 1) => vec![text("Same@x.io".to_owned()), Value::Null],
        (1, _) => {
            vec![text(format!("U{number}@x.io")), Value::Json(format!("[\"A{number}@x.io\"]"))]
        }
        (2, 0) => vec![Value::Null, text(String::new())],
        (2, _) => {
            let amount = if own { number } else { 1_000_000 };
            let currency = if number.is_multiple_of(2) || !own { "USD" } else { "EUR" };
            vec![
                Value::Decimal(Decimal::parse(&amount.to_string()).unwrap()),
                text(currency.to_owned()),
            ]
        }
        (3, 0) => vec![Value::Null],
        (3, _) => {
            vec![Value::List(vec![if own { format!("t{number}") } else { "same".to_owned() }])]
        }
        (_, 0) => vec![text(String::new()), text(String::new()), text(String::new()), Value::Null],
        _ => {
            let digits = if own { 100_000 + number } else { 501_234 };
            let blank = || text(String::new());
            vec![text(format!("+972 5{digits}")), blank(), blank(), Value::Null]
        }
    }
}

/// The record at the source.
pub(super) struct Source {
    pub(super) record: Option<Image>,
    clock: OffsetDateTime,
}

impl Source {
    pub(super) fn new() -> Source {
        Source { record: None, clock: NOON }
    }

    pub(super) fn sight(&self) -> Sighting {
        match &self.record {
            None => Sighting::Absent,
            Some(image) => Sighting::of(row(image)),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.sight(), Sighting::Present(_))
    }

    /// Everybody's clock goes on with each write, here or there.
    pub(super) fn tick(&mut self) -> OffsetDateTime {
        self.clock += Duration::seconds(1);
        self.clock
    }

    pub(super) fn create(&mut self, body: &Body) {
        let mut image = Image::empty(TABLE.columns.len());
        image.set(column("position"), Some(Value::Double(-7.0)));
        for unit in (0..UNITS).map(unit) {
            for index in unit.columns {
                let is_text = TABLE.columns[index].kind == crate::record::ColumnType::Text;
                image.set(
                    index,
                    Some(if is_text { Value::Text(String::new()) } else { Value::Null }),
                );
            }
        }
        self.record = Some(image);
        self.write(body);
    }

    pub(super) fn write(&mut self, body: &Body) {
        let now = self.tick();
        let record = self.record.as_mut().unwrap();
        let mut json = Body::new();
        for column in &TABLE.columns {
            let value = body.get(&column.path.key);
            let value = match column.path.part {
                Some(part) => value.and_then(|value| value.get(part)),
                None => value,
            };
            if let Some(value) = value {
                json.insert(column.name.clone(), value.clone());
            }
        }
        let written = Image::decode(&TABLE.columns, &Json::from(json).to_string()).unwrap();
        for (index, value) in written.into_values().into_iter().enumerate() {
            if let Some(value) = value {
                record.set(index, Some(value));
            }
        }
        rewrite(record);
        record.set(column("updated_at"), Some(Value::Timestamp(now)));
    }

    /// Writes a unit as a person does, by way of the server's own rules.
    pub(super) fn edit(&mut self, index: usize, values: Vec<Value>) {
        let now = self.tick();
        let record = self.record.as_mut().unwrap();
        for (index, value) in unit(index).columns.into_iter().zip(values) {
            record.set(index, Some(value));
        }
        rewrite(record);
        record.set(column("updated_at"), Some(Value::Timestamp(now)));
    }

    pub(super) fn bury(&mut self, dead: bool) {
        let now = self.tick();
        let record = self.record.as_mut().unwrap();
        let deleted_at = if dead { Value::Timestamp(now) } else { Value::Null };
        record.set(column("deleted_at"), Some(deleted_at));
        record.set(column("updated_at"), Some(Value::Timestamp(now)));
    }

    /// Whether the record passes a filter.
    pub(super) fn passes(&self, filter: &Json) -> bool {
        self.record.as_ref().is_some_and(|record| passes(record, filter))
    }
}

pub(super) fn row(image: &Image) -> Row {
    let time = |name| match image.get(column(name)) {
        Some(Value::Timestamp(time)) => Some(*time),
        _ => None,
    };
    Row {
        id: ID,
        updated_at: time("updated_at").unwrap(),
        deleted_at: time("deleted_at"),
        values: image.values().to_vec(),
    }
}

/// What the server makes of values: e-mails in lower case, phones split, amounts without a currency kept.
pub(super) fn rewrite(record: &mut Image) {
    for name in ["emails_primary_email", "emails_additional_emails"] {
        let lower = match record.get(column(name)) {
            Some(Value::Text(text)) => Value::Text(text.to_lowercase()),
            Some(Value::Json(text)) => Value::Json(text.to_lowercase()),
            _ => continue,
        };
        record.set(column(name), Some(lower));
    }
    let number = column("phones_primary_phone_number");
    let Some(Value::Text(text)) = record.get(number) else { return };
    let Some(national) = text.strip_prefix("+972 ") else { return };
    let national = Value::Text(national.to_owned());
    record.set(number, Some(national));
    record.set(column("phones_primary_phone_country_code"), Some(Value::Text("IL".to_owned())));
    record.set(column("phones_primary_phone_calling_code"), Some(Value::Text("+972".to_owned())));
}

fn passes(record: &Image, filter: &Json) -> bool {
    let members = filter.as_object().unwrap();
    assert_eq!(members.len(), 1, "only one of several operators counts: {filter}");
    let (key, value) = members.iter().next().unwrap();
    match key.as_str() {
        "and" => value.as_array().unwrap().iter().all(|filter| passes(record, filter)),
        "or" => value.as_array().unwrap().iter().any(|filter| passes(record, filter)),
        _ => compares(record, key, value),
    }
}

fn compares(record: &Image, key: &str, value: &Json) -> bool {
    let (name, value) = value.as_object().unwrap().iter().next().unwrap();
    let here = |part: Option<&str>| {
        let at =
            |column: &crate::record::Column| column.path.key == key && column.path.part == part;
        TABLE.columns.iter().position(at)
    };
    let (index, operator, value) = match here(Some(name)) {
        Some(index) => {
            let (operator, value) = value.as_object().unwrap().iter().next().unwrap();
            (index, operator, value)
        }
        None => (here(None).unwrap(), name, value),
    };
    let held = held(record.get(index).unwrap());
    match operator.as_str() {
        "is" => held.is_null() == (value == "NULL"),
        _ if held.is_null() => false,
        "eq" => held == *value,
        "gte" => held.as_str().unwrap() >= value.as_str().unwrap(),
        "lt" => held.as_str().unwrap() < value.as_str().unwrap(),
        other => panic!("no operator {other}"),
    }
}

fn held(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Decimal(number) => serde_json::from_str(number.as_str()).unwrap(),
        Value::Timestamp(time) => Json::from(timestamp(*time)),
        Value::Uuid(id) => Json::from(id.to_string()),
        Value::Double(number) => Json::from(*number),
        Value::Null => Json::Null,
        other => Json::from(format!("{other:?}")),
    }
}
