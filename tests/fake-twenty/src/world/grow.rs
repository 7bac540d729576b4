//! Synthetic records in any number, the same for the same seed.
//!
//! The benchmark pulls a hundred thousand people, so rows are made directly, without bodies and checks. Ids are
//! version 4, spread evenly; names, mails and times vary so that pages look like real ones.

use std::collections::HashMap;

use serde_json::json;

use super::World;
use super::cell::{Cell, Kind};
use super::column::{Column, Fill};
use super::row::Row;
use super::schema::Object;
use crate::dice::Dice;
use crate::value::vector;

const FIRST: [&str; 16] = [
    "Ada",
    "Björn",
    "Chloé",
    "Dmitri",
    "Elif",
    "Fatima",
    "Giorgos",
    "Hana",
    "Ines",
    "Jun",
    "Katarzyna",
    "Liam",
    "Mina",
    "Noor",
    "Oluwaseun",
    "Søren",
];
const LAST: [&str; 16] = [
    "Abadi",
    "Brandt",
    "Castellanos",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Gruber",
    "Hakimi",
    "Ivanova",
    "Jansen",
    "Kowalczyk",
    "Lindqvist",
    "Moreau",
    "Nakagawa",
    "Okonkwo",
    "Petrov",
];
const TITLES: [&str; 8] = [
    "Head of Logistics",
    "Account Manager",
    "Chief Financial Officer",
    "Field Engineer",
    "Purchasing",
    "Founder",
    "Office Manager",
    "Research Lead",
];
const CITIES: [&str; 8] =
    ["Bergen", "Lyon", "Kraków", "Osaka", "Porto", "Quito", "Tartu", "Zürich"];

/// Records that were made by one import: they share their times to the microsecond.
const BATCH: usize = 1000;

/// When the first import was: 2026-01-05.
const START: i64 = 1_767_603_600_000_000;

impl World {
    /// Adds records to an object: the same ones for the same seed.
    pub fn grow(&mut self, plural: &str, count: usize, seed: u64) {
        let object = self.expect_object(plural);
        let (mut dice, id_column) = (Dice::new(seed), object.system_column("id"));
        let mut places = HashMap::new();
        for number in 0..count {
            let moment = START + i64::try_from(number / BATCH).unwrap_or(0) * 20_000_417 + 417;
            let id = dice.id();
            let mut row = Row {
                cells: object.columns.iter().map(|column| initial(column, moment)).collect(),
            };
            row.cells[id_column] = Cell::Uuid(id);
            for (path, cell) in decoration(number, &mut dice) {
                let place = places.entry(path).or_insert_with(|| place(&object, path, &cell));
                if let Some(at) = *place {
                    row.cells[at] = cell;
                }
            }
            vector::fill(&object, &mut row);
            self.table_mut(&object).put(id, row);
        }
    }
}

fn initial(column: &Column, moment: i64) -> Cell {
    match (&column.fill, column.kind) {
        (Fill::Now, _) => Cell::Instant(moment),
        (Fill::Value(cell), _) => cell.clone(),
        (Fill::NewId, _) => Cell::Null,
    }
}

/// Where a cell goes, if the object has such a column.
fn place(object: &Object, path: &str, cell: &Cell) -> Option<usize> {
    object.column_index(path).filter(|at| fits(object.columns[*at].kind, cell))
}

/// What a reader would recognise; everything else keeps its default.
fn decoration(number: usize, dice: &mut Dice) -> Vec<(&'static str, Cell)> {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let slug = format!("{}.{}.{number}", first.to_lowercase(), last.to_lowercase());
    let site = format!("https://{}-{number}.example", last.to_lowercase());
    #[expect(clippy::cast_precision_loss, reason = "a number of records is far below 2^53")]
    let position = number as f64;
    vec![
        ("name", Cell::text(format!("{last} {number}"))),
        ("name.firstName", Cell::text(first)),
        ("name.lastName", Cell::text(last)),
        ("emails.primaryEmail", Cell::text(format!("{slug}@example.com"))),
        ("domainName.primaryLinkUrl", Cell::text(site)),
        ("linkedinLink.primaryLinkUrl", Cell::text(format!("https://social.example/in/{slug}"))),
        ("phones.primaryPhoneNumber", Cell::text(format!("{:09}", 600_000_000 + number))),
        ("phones.primaryPhoneCountryCode", Cell::text("FR")),
        ("phones.primaryPhoneCallingCode", Cell::text("+33")),
        ("jobTitle", Cell::text(dice.pick(&TITLES))),
        ("city", Cell::text(dice.pick(&CITIES))),
        ("createdBy.source", Cell::text("IMPORT")),
        ("createdBy.name", Cell::text("Import")),
        ("createdBy.context", Cell::json(json!({}))),
        ("position", Cell::Number(position)),
    ]
}

fn fits(kind: Kind, cell: &Cell) -> bool {
    match cell {
        Cell::Text(_) => matches!(kind, Kind::Text | Kind::Enum),
        Cell::Number(_) => kind == Kind::Number,
        Cell::Json(_) => kind == Kind::Json,
        _ => true,
    }
}
