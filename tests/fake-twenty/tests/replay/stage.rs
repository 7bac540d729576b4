//! The state that the recordings start from, and what happened between them without being recorded.
//!
//! The export was made after the recordings (except 09 and 10), so the opening state is the export with every row
//! taken out that was made later, and with the companies' fields put back that 04#54 and 04#56 changed. The rest
//! comes from the exchanges themselves: rows that an answer shows although no recorded request made them.

use std::path::{Path, PathBuf};

use fake_twenty::World;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::recording::{self, Line};

/// When the first recording began.
pub(crate) const BEGINNING: &str = "2026-11-23T16:45:50.000Z";

/// After the last one.
pub(crate) const END: &str = "2026-11-23T18:00:00.000Z";

/// The tasks of the workspace; the export was cut at 1,600 (05#4 counts them, one made by 04#40).
const TASKS: usize = 1800;

/// When 04#56 moved all companies to the trash, and when they came back.
const TRASHED: &str = "2026-11-23T16:49:18.850Z";
const RESTORED: &str = "2026-11-23T17:11:07.191Z";

/// Knows what was where.
pub(crate) struct Stage {
    shared: PathBuf,
    lines: std::collections::HashMap<&'static str, Vec<Value>>,
}

/// Microseconds since 1970.
pub(crate) fn micros(time: &str) -> i64 {
    let parsed = OffsetDateTime::parse(time, &Rfc3339).expect("a time of the wire");
    i64::try_from(parsed.unix_timestamp_nanos() / 1000).expect("a time of this millennium")
}

/// One millisecond later.
pub(crate) fn a_moment_after(time: &str) -> String {
    let parsed = OffsetDateTime::parse(time, &Rfc3339).expect("a time of the wire");
    let later = parsed + time::Duration::milliseconds(1);
    let text = later.format(&Rfc3339).expect("a time of this millennium");
    let text = text.trim_end_matches('Z');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    format!("{whole}.{fraction:0<3}Z")
}

impl Stage {
    pub(crate) fn load(shared: &Path) -> Self {
        let answers = |file| {
            let answer = |line: Line| match line {
                Line::Exchange(exchange) => exchange.answer,
                Line::Delivery(_) => Value::Null,
            };
            (file, recording::load(shared, file).into_iter().map(answer).collect())
        };
        Self {
            shared: shared.to_owned(),
            lines: ["03", "04", "09"].into_iter().map(answers).collect(),
        }
    }

    fn export(&self) -> World {
        World::load(&self.shared.join("workspace")).expect("the export loads")
    }

    /// The workspace before 01#0.
    pub(crate) fn opening(&self) -> World {
        let mut world = self.export();
        world.delete_object("gadgets");
        let plurals: Vec<String> =
            world.objects().iter().map(|object| object.name_plural.clone()).collect();
        for plural in plurals {
            for row in world.rows(&plural) {
                if row["createdAt"].as_str().is_some_and(|made| made > BEGINNING) {
                    world.remove_record(&plural, id_of(&row));
                } else if plural == "companies" {
                    put(&mut world, &plural, &untouched_company(row));
                }
            }
        }
        fill_up_tasks(&mut world);
        world
    }

    /// What happened before an exchange and was not recorded.
    pub(crate) fn before(&self, file: &str, line: usize, world: &mut World) {
        match (file, line) {
            ("03", 1) => self.timeline_of_the_first_company(world),
            ("03", 7) => self.pages(world),
            ("04", 54) => self.batch_of_200(world),
            ("08", 0) => self.export_companies(world),
            ("09", 0) => self.restored_companies(world),
            ("09", 33) => self.deleted_gadgets(world),
            _ => {}
        }
    }

    /// 03#1 shows a timeline entry, which the export leaves out.
    fn timeline_of_the_first_company(&self, world: &mut World) {
        let company = &self.lines["03"][1]["data"]["companies"][0];
        for entry in company["timelineActivities"].as_array().into_iter().flatten() {
            put(world, "timelineActivities", entry);
        }
    }

    /// Five gadgets were made for the reads of 03.
    fn pages(&self, world: &mut World) {
        let export = self.export();
        let named = |row: &Value| row["name"].as_str().is_some_and(|name| name.starts_with("page"));
        for row in export.rows("gadgets").into_iter().filter(named) {
            put(world, "gadgets", &row);
        }
    }

    /// A batch of 200 companies was made before the update of all in 04#54, whose answer shows them.
    fn batch_of_200(&self, world: &mut World) {
        let updated = &self.lines["04"][54]["data"]["updateCompanies"];
        for row in updated.as_array().into_iter().flatten() {
            if world.row("companies", id_of(row)).is_none() {
                put(world, "companies", &untouched_company(row.clone()));
            }
        }
    }

    /// Between 06 and 08 companies came and went; those that 04#56 had moved to the trash were still there.
    fn export_companies(&self, world: &mut World) {
        self.replace_companies(world, |mut row| {
            if row["updatedAt"] == RESTORED {
                row["deletedAt"] = json!(TRASHED);
                row["updatedAt"] = json!(TRASHED);
            }
            row
        });
    }

    /// Between 08 and 09 they were taken out of the trash.
    fn restored_companies(&self, world: &mut World) {
        self.replace_companies(world, |row| row);
    }

    fn replace_companies(&self, world: &mut World, change: fn(Value) -> Value) {
        for row in world.rows("companies") {
            world.remove_record("companies", id_of(&row));
        }
        for row in self.export().rows("companies") {
            put(world, "companies", &change(row));
        }
    }

    /// 09#33 restores gadgets that were made and deleted unseen.
    fn deleted_gadgets(&self, world: &mut World) {
        let restored = &self.lines["09"][33]["data"]["updateGadgets"];
        for row in restored.as_array().into_iter().flatten() {
            let id = id_of(row);
            world.create("gadgets", &json!({"id": id.to_string()}));
            world.soft_delete("gadgets", id);
        }
    }
}

fn id_of(row: &Value) -> Uuid {
    row["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()).expect("a row has an id")
}

fn put(world: &mut World, plural: &str, row: &Value) {
    world.put_record(plural, row).unwrap_or_else(|reason| panic!("{plural}: {reason}"));
}

/// A company before 04#54 wrote its tagline and 04#56 moved it to the trash.
fn untouched_company(mut row: Value) -> Value {
    row["tagline"] = json!("");
    row["deletedAt"] = Value::Null;
    row["updatedAt"] = row["createdAt"].clone();
    row
}

/// Puts copies of an exported task in the place of those that the export left out.
fn fill_up_tasks(world: &mut World) {
    let rows = world.rows("tasks");
    let Some(model) = rows.first() else { return };
    for at in rows.len()..TASKS {
        let mut row = model.clone();
        row["id"] = json!(Uuid::from_u128(id_of(model).as_u128() + at as u128));
        put(world, "tasks", &row);
    }
}
