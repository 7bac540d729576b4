//! What became of everything that people were told was done: lost, doubled, brought back, or different.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fake_twenty::world::Event;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    ground::{Ground, OBJECTS},
    load::{Key, Ledger, id_of},
    running::PATIENCE,
};

/// Both fields of a record, as text.
type Values = [Option<String>; 2];

/// What went wrong, each with a sentence.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) writes: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) divergent: Vec<String>,
    /// Values that were overwritten and kept: whether the write in doubt had arrived, nobody could tell.
    pub(crate) conflicts: usize,
}

/// Every value that a field of a record ever had in Twenty, in order.
#[derive(Debug, Default)]
pub(crate) struct Trail(BTreeMap<(Key, usize), Vec<String>>);

impl Trail {
    /// Reads on.
    pub(crate) fn follow(&mut self, ground: &Ground) {
        for event in ground.stage.fake.take_trail() {
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Event) {
        let Some(after) = &event.after else { return };
        let named = |object: &super::ground::Object| object.singular == event.name_singular;
        let Some(place) = OBJECTS.iter().position(named) else { return };
        let row = Value::Object(after.clone());
        for (field, value) in of_record(place, &row).into_iter().enumerate() {
            self.put((place, id_of(&row)), field, value);
        }
    }

    fn put(&mut self, key: Key, field: usize, value: Option<String>) {
        let Some(value) = value else { return };
        let values = self.0.entry((key, field)).or_default();
        if values.last() != Some(&value) {
            values.push(value);
        }
    }

    /// Values that came back after another one, but for those that a conflict brought back.
    fn returns(&self, side: &str, kept: &BTreeSet<(Key, String)>) -> Vec<String> {
        let mut found = Vec::new();
        for ((key, field), values) in &self.0 {
            let mut seen = BTreeSet::new();
            let mut before = None;
            let mut is_return = |value: &String| {
                let by_conflict = before.replace((*key, value.clone()));
                let by_conflict = by_conflict.is_some_and(|before| kept.contains(&before));
                !seen.insert(value.clone()) && !by_conflict
            };
            if values.iter().any(&mut is_return) {
                found.push(format!("{side} {key:?} field {field} went {values:?}"));
            }
        }
        found
    }
}

/// Judges when both sides have come to rest.
pub(crate) async fn judge(ground: &Ground, ledger: &Ledger, mut trail: Trail) -> Verdict {
    let began = Instant::now();
    let (theirs, ours) = loop {
        let (theirs, ours) = (source(ground), mirror(ground).await);
        let waiting = ground.number("select count(*) from sync.base").await;
        if (theirs == ours && waiting == 0) || began.elapsed() > PATIENCE {
            break (theirs, ours);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    trail.follow(ground);
    let kept = kept(ground).await;
    let conflicts = kept.len();
    let mut verdict = Verdict { writes: ledger.writes, conflicts, ..Verdict::default() };
    verdict.divergent.extend(differences(&theirs, &ours));
    for (key, told) in &ledger.records {
        let wanted = [
            told.theirs.map(|number| format!("t{number}")),
            told.ours.map(|number| {
                let letter = if OBJECTS[key.0].is_number { "" } else { "o" };
                format!("{letter}{number}")
            }),
        ];
        for (side, held) in [("Twenty", &theirs), ("the mirror", &ours)] {
            match (told.is_deleted, held.get(key)) {
                (true, None) => {}
                (true, Some(_)) => verdict.lost.push(format!("the delete of {key:?}: {side}")),
                (false, None) => verdict.lost.push(format!("{key:?} {told:?}: not in {side}")),
                (false, Some(values)) => {
                    let is_kept = kept.contains(&(*key, wanted[1].clone().unwrap_or_default()));
                    let wanted = if is_kept { [wanted[0].clone(), None] } else { wanted.clone() };
                    verdict.lost.extend(missing(key, side, &wanted, values));
                }
            }
        }
    }
    told_by_the_program(ground, &mut verdict.lost).await;
    verdict.doubled = trail.returns("Twenty", &BTreeSet::new());
    verdict.doubled.extend(seen(ground).await.returns("the mirror", &kept));
    for (side, held) in [("Twenty", &theirs), ("the mirror", &ours)] {
        verdict.doubled.extend(twice(side, held));
    }
    verdict
}

/// Values of the mirror that lost and stand in a conflict.
async fn kept(ground: &Ground) -> BTreeSet<(Key, String)> {
    let query = "select object, record_id, mirror from sync.conflict where kind = 'field' and mirror is not null";
    let rows: Vec<(String, Uuid, Value)> =
        sqlx::query_as(query).fetch_all(&ground.pool).await.unwrap();
    let of_row = |(plural, id, values): (String, Uuid, Value)| {
        let place = OBJECTS.iter().position(|object| object.plural == plural)?;
        Some(((place, id), text(&values[OBJECTS[place].ours])?))
    };
    rows.into_iter().filter_map(of_row).collect()
}

/// People whom the mirror should know of by how far it was read, and does not; those that were deleted meanwhile, or
/// whose local changes are under way, aside.
pub(crate) async fn behind(ground: &Ground) -> Vec<String> {
    let people = || ground.stage.fake.world(|world| world.rows("people"));
    let before = people();
    let mut transaction = ground.pool.begin().await.unwrap();
    let isolate = "set transaction isolation level repeatable read";
    sqlx::raw_sql(isolate).execute(&mut *transaction).await.unwrap();
    let query = "select t.id, t.updated_at, c.watermark from twenty.people t, sync.checkpoint c \
                 join sync.object o using (workspace_id, object_id) where o.name_plural = 'people'";
    // A row that was inserted here has no time of change until Twenty has it.
    let rows: Vec<(Uuid, Option<OffsetDateTime>, Option<OffsetDateTime>)> =
        sqlx::query_as(query).fetch_all(&mut *transaction).await.unwrap();
    let edited: BTreeSet<Uuid> = sqlx::query_scalar("select record_id from sync.base")
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
        .into_iter()
        .collect();
    let watermark = rows[0].2.expect("people were read once");
    let known: BTreeMap<Uuid, OffsetDateTime> =
        rows.into_iter().filter_map(|(id, at, _)| Some((id, at?))).collect();
    let live: BTreeSet<Uuid> =
        people().iter().filter(|row| row["deletedAt"].is_null()).map(id_of).collect();
    let is_behind = |row: &&Value| {
        let (id, at) = (id_of(row), row["updatedAt"].as_str().unwrap());
        let at = OffsetDateTime::parse(at, &Rfc3339).unwrap();
        let is_known = known.get(&id).is_some_and(|known| *known >= at);
        at < watermark && live.contains(&id) && !edited.contains(&id) && !is_known
    };
    before.iter().filter(is_behind).map(|row| format!("{row} at {watermark}")).collect()
}

/// Adds what the program itself says about local changes that are lost.
async fn told_by_the_program(ground: &Ground, lost: &mut Vec<String>) {
    if lost.is_empty() {
        return;
    }
    let query = "select concat_ws(' ', 'outbox', outbox_id, record_id, operation, changed_at, settled_at, outcome, reason) \
                 from sync.outbox where record_id::text = any($1) union all \
                 select concat_ws(' ', 'conflict', record_id, kind, field, source, mirror, resolution) \
                 from sync.conflict where record_id::text = any($1) order by 1";
    let ids: Vec<String> =
        lost.iter().filter_map(|text| text.get(4..40)).map(str::to_owned).collect();
    let told: Vec<String> =
        sqlx::query_scalar(query).bind(&ids).fetch_all(&ground.pool).await.unwrap();
    lost.extend(told);
}

fn missing(key: &Key, side: &str, wanted: &Values, values: &Values) -> Vec<String> {
    let pairs = wanted.iter().zip(values);
    let lost = pairs.filter(|(wanted, value)| wanted.is_some() && wanted != value);
    lost.map(|(wanted, value)| format!("{key:?}: {side} has {value:?}, not {wanted:?}")).collect()
}

fn differences(theirs: &BTreeMap<Key, Values>, ours: &BTreeMap<Key, Values>) -> Vec<String> {
    let keys: BTreeSet<&Key> = theirs.keys().chain(ours.keys()).collect();
    let differing = keys.into_iter().filter(|key| theirs.get(key) != ours.get(key));
    differing.map(|key| format!("{key:?}: {:?} {:?}", theirs.get(key), ours.get(key))).collect()
}

/// Values that stand in two records: one create that was made twice.
fn twice(side: &str, held: &BTreeMap<Key, Values>) -> Vec<String> {
    let mut found: BTreeMap<(usize, usize, &String), usize> = BTreeMap::new();
    for ((place, _), values) in held {
        for (field, value) in values.iter().enumerate() {
            if let Some(value) = value.as_ref().filter(|value| is_of_load(*place, field, value)) {
                *found.entry((*place, field, value)).or_default() += 1;
            }
        }
    }
    let twice = found.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(what, count)| format!("{side}: {what:?} in {count} records")).collect()
}

/// Whether people at work wrote it; the sample has values of its own.
fn is_of_load(place: usize, field: usize, value: &str) -> bool {
    let digits = match field {
        0 => value.strip_prefix('t'),
        _ if OBJECTS[place].is_number => None,
        _ => value.strip_prefix('o'),
    };
    digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
}

fn of_record(place: usize, row: &Value) -> Values {
    let object = &OBJECTS[place];
    [text(&row[object.theirs]), text(&row[object.our_field])]
}

/// A value as text; nothing is nothing, however it is spelt.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        other => Some(other.to_string()),
    }
}

fn source(ground: &Ground) -> BTreeMap<Key, Values> {
    let mut held = BTreeMap::new();
    for (place, object) in OBJECTS.iter().enumerate() {
        for row in ground.stage.fake.world(|world| world.rows(object.plural)) {
            if row["deletedAt"].is_null() {
                held.insert((place, id_of(&row)), of_record(place, &row));
            }
        }
    }
    held
}

async fn mirror(ground: &Ground) -> BTreeMap<Key, Values> {
    let mut held = BTreeMap::new();
    for (place, object) in OBJECTS.iter().enumerate() {
        let query = format!(
            "select id, nullif({}::text, '') a, {}::text b from twenty.{}",
            object.theirs, object.ours, object.plural
        );
        for row in sqlx::query(AssertSqlSafe(query)).fetch_all(&ground.pool).await.unwrap() {
            let values = [row.get("a"), row.get::<Option<String>, _>("b")];
            held.insert(
                (place, row.get::<Uuid, _>("id")),
                values.map(|value| value.filter(|text| !text.is_empty())),
            );
        }
    }
    held
}

/// What witnesses saw in the mirror.
async fn seen(ground: &Ground) -> Trail {
    let mut trail = Trail::default();
    let query = "select place, record_id, theirs, ours from witness.seen order by seen_id";
    for row in sqlx::query(query).fetch_all(&ground.pool).await.unwrap() {
        let key = (usize::try_from(row.get::<i32, _>("place")).unwrap(), row.get("record_id"));
        for (field, column) in ["theirs", "ours"].into_iter().enumerate() {
            let value: Option<String> = row.get(column);
            trail.put(key, field, value.filter(|text| !text.is_empty()));
        }
    }
    trail
}
