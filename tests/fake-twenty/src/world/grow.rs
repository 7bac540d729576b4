//! Synthetic records in any number, the same for the same seed.
//!
//! The benchmark pulls a hundred thousand people, so rows are made directly, without bodies and checks. Ids are
//! version 4, spread evenly; names, mails and times vary so that pages look like real ones.

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
        let mut dice = Dice::new(seed);
        for number in 0..count {
            let moment = START + i64::try_from(number / BATCH).unwrap_or(0) * 20_000_417 + 417;
            let id = dice.id();
            let mut row = Row {
                cells: object.columns.iter().map(|column| initial(column, moment)).collect(),
            };
            row.cells[object.system_column("id")] = Cell::Uuid(id);
            decorate(&object, &mut row, number, &mut dice);
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

/// Fills what a reader would recognise; everything else keeps its default.
fn decorate(object: &Object, row: &mut Row, number: usize, dice: &mut Dice) {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let slug = format!("{}.{}.{number}", first.to_lowercase(), last.to_lowercase());
    let mut set = |path: &str, cell: Cell| {
        if let Some(at) =
            object.column_index(path).filter(|at| fits(object.columns[*at].kind, &cell))
        {
            row.cells[at] = cell;
        }
    };
    set("name", Cell::text(format!("{last} {number}")));
    set("name.firstName", Cell::text(first));
    set("name.lastName", Cell::text(last));
    set("emails.primaryEmail", Cell::text(format!("{slug}@example.com")));
    set(
        "domainName.primaryLinkUrl",
        Cell::text(format!("https://{}-{number}.example", last.to_lowercase())),
    );
    set("linkedinLink.primaryLinkUrl", Cell::text(format!("https://social.example/in/{slug}")));
    set("phones.primaryPhoneNumber", Cell::text(format!("{:09}", 600_000_000 + number)));
    set("phones.primaryPhoneCountryCode", Cell::text("FR"));
    set("phones.primaryPhoneCallingCode", Cell::text("+33"));
    set("jobTitle", Cell::text(dice.pick(&TITLES)));
    set("city", Cell::text(dice.pick(&CITIES)));
    set("avatarUrl", Cell::text(format!("https://images.example/people/{}.png", number % 100)));
    set("createdBy.source", Cell::text("IMPORT"));
    set("createdBy.name", Cell::text("Import of the benchmark"));
    set("createdBy.context", Cell::json(json!({})));
    #[expect(clippy::cast_precision_loss, reason = "a number of records is far below 2^53")]
    set("position", Cell::Number(number as f64));
}

fn fits(kind: Kind, cell: &Cell) -> bool {
    match cell {
        Cell::Text(_) => matches!(kind, Kind::Text | Kind::Enum),
        Cell::Number(_) => kind == Kind::Number,
        Cell::Json(_) => kind == Kind::Json,
        _ => true,
    }
}
