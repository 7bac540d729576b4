//! What holds of every decision, whatever the three states are.

use proptest::prelude::*;

use super::{MirrorStep, NewBase, Next, Reconciled, reconcile};
use crate::{
    plan::{
        pending::{DeletedRecords, Pending, Rules, Sighting},
        policy::{DeletePolicy, Policies, Policy, Side},
        schema::Table,
    },
    record::{DeleteMode, Direction, FieldKind, Image, Row, Value, canonical, units},
};
use std::sync::LazyLock;

use crate::plan::fixture::{ID, NOON, columns};

/// Small, so that many cases can be tried.
static TABLE: LazyLock<Table> = LazyLock::new(|| small(&["text", "emails", "count"]));

fn small(order: &[&str]) -> Table {
    let kind = |name: &str| match name {
        "emails" => FieldKind::Emails,
        "text" => FieldKind::Text,
        "count" => FieldKind::Numeric,
        "id" => FieldKind::Uuid,
        _ => FieldKind::DateTime,
    };
    let names = ["id", "updatedAt", "deletedAt"].iter().chain(order);
    let fields: Vec<_> = names.map(|&name| (name, kind(name))).collect();
    Table {
        object_id: ID,
        name_singular: "gadget".to_owned(),
        name_plural: "gadgets".to_owned(),
        name: "gadgets".to_owned(),
        direction: Direction::Both,
        lost: Vec::new(),
        generation: 0,
        columns: columns(&fields),
    }
}

/// A record by what it holds: text, e-mail, whether it is in the trash.
type Small = (u8, u8, bool);

fn image(table: &Table, (text, email, dead): Small) -> Image {
    let word = |number: u8| match number {
        0 => Value::Null,
        number => Value::Text(["", "a@x.io", "A@x.io", "b@x.io"][usize::from(number)].to_owned()),
    };
    let value = |name: &str| match name {
        "id" => Value::Uuid(ID),
        "updated_at" => Value::Timestamp(NOON),
        "deleted_at" if dead => Value::Timestamp(NOON),
        "text" => word(text),
        "emails_primary_email" => word(email),
        _ => Value::Null,
    };
    Image::new(table.columns.iter().map(|column| Some(value(&column.name))).collect())
}

fn as_row(image: &Image) -> Row {
    let deleted_at = image.get(2).filter(|value| **value != Value::Null).map(|_| NOON);
    Row { id: ID, updated_at: NOON, deleted_at, values: image.values().to_vec() }
}

fn record() -> impl Strategy<Value = Option<Small>> {
    proptest::option::weighted(0.85, (0..4u8, 0..4u8, proptest::bool::weighted(0.2)))
}

/// Base, mirror, source, policies, whether the trash is kept.
type Case = (Option<Small>, Option<Small>, Option<Small>, Policies, bool);

fn case() -> impl Strategy<Value = Case> {
    let policy = prop_oneof![Just(Policy::Source), Just(Policy::Mirror), Just(Policy::Hold)];
    let deletes = prop_oneof![Just(DeletePolicy::DeleteWins), Just(DeletePolicy::EditRestores)];
    let policies = (policy, deletes).prop_map(|(object, deletes)| Policies {
        object,
        deletes,
        ..Policies::default()
    });
    (record(), record(), record(), policies, any::<bool>())
}

fn facts(table: &Table, case: &Case) -> (Pending, Sighting) {
    let of = |small: Option<Small>| small.map(|small| image(table, small));
    let pending = Pending {
        id: ID,
        base: of(case.0),
        sent: None,
        given_up: None,
        mirror: of(case.1),
        operations: Vec::new(),
        changed_at: NOON,
        waiting: std::collections::BTreeSet::new(),
    };
    let sighting = of(case.2).map_or(Sighting::Absent, |image| Sighting::of(as_row(&image)));
    (pending, sighting)
}

fn rules<'a>(table: &'a Table, case: &'a Case) -> Rules<'a> {
    let deleted = if case.4 { DeletedRecords::Keep } else { DeletedRecords::Remove };
    Rules { table, policies: &case.3, deleted, delete_mode: DeleteMode::Soft }
}

/// The mirror's row afterwards.
fn applied(mirror: Option<&Image>, step: &MirrorStep) -> Option<Image> {
    match step {
        MirrorStep::Keep => mirror.cloned(),
        MirrorStep::Insert(row) => Some(Image::of(row)),
        MirrorStep::Remove => None,
        MirrorStep::Update(patch) => {
            let mut mirror = mirror.unwrap().clone();
            for (index, value) in patch {
                mirror.set(*index, Some(value.clone()));
            }
            Some(mirror)
        }
    }
}

/// What is pending afterwards, if anything is.
fn after(pending: &Pending, found: &Reconciled) -> Option<Pending> {
    let mirror = applied(pending.mirror.as_ref(), &found.mirror);
    match &found.base {
        NewBase::Unchanged => Some(pending.clone()),
        NewBase::Settled => None,
        NewBase::Pending { base, waiting, given_up } => Some(Pending {
            base: base.clone(),
            given_up: given_up.clone(),
            mirror,
            waiting: waiting.iter().copied().collect(),
            ..pending.clone()
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12_000, ..ProptestConfig::default() })]

    #[test]
    fn deciding_twice_is_deciding_once(case in case()) {
        let (pending, sighting) = facts(&TABLE, &case);
        let rules = rules(&TABLE, &case);
        let once = reconcile(rules, &pending, &sighting);
        let Some(again) = after(&pending, &once) else { return Ok(()) };
        let twice = reconcile(rules, &again, &sighting);
        prop_assert_eq!(applied(again.mirror.as_ref(), &twice.mirror), again.mirror.clone());
        prop_assert!(twice.conflicts.iter().all(|conflict| conflict.winner.is_none()), "{:?}", twice);
        prop_assert_eq!(twice.next, once.next);
        let third = after(&again, &twice);
        prop_assert_eq!(third.map(|third| third.base), Some(again.base));
    }

    #[test]
    fn every_value_comes_from_a_side_and_every_losing_edit_is_in_a_conflict(case in case()) {
        let (pending, sighting) = facts(&TABLE, &case);
        let found = reconcile(rules(&TABLE, &case), &pending, &sighting);
        let mirror = applied(pending.mirror.as_ref(), &found.mirror);
        let source = case.2.map(|small| image(&TABLE, small));
        let same = |unit, a: &Option<Image>, b: &Option<Image>| match (a, b) {
            (Some(a), Some(b)) => canonical::units_equal(&TABLE.columns, unit, a, b) == Some(true),
            _ => false,
        };
        for unit in units(&TABLE.columns).iter().skip(3) {
            let known = mirror.is_none() || same(unit, &mirror, &pending.mirror) || same(unit, &mirror, &source);
            prop_assert!(known, "invented in {}", unit.name);
            let edited = match (&pending.base, &pending.mirror) {
                (Some(_), Some(_)) => !same(unit, &pending.base, &pending.mirror),
                (None, Some(image)) => canonical::unit_empty(&TABLE.columns, unit, image) == Some(false),
                (_, None) => false,
            };
            let stays = same(unit, &mirror, &pending.mirror) || same(unit, &source, &pending.mirror);
            let kept = found.conflicts.iter().any(|conflict| {
                conflict.columns.contains(&unit.columns[0])
            });
            prop_assert!(!edited || stays || kept, "{} lost in silence: {:?}", unit.name, found);
        }
    }

    #[test]
    fn what_is_settled_is_equal_and_what_is_not_has_a_next_step(case in case()) {
        let (pending, sighting) = facts(&TABLE, &case);
        let found = reconcile(rules(&TABLE, &case), &pending, &sighting);
        let mirror = applied(pending.mirror.as_ref(), &found.mirror);
        let kept = case.2.filter(|(_, _, dead)| case.4 || !dead).map(|small| image(&TABLE, small));
        match &found.base {
            NewBase::Settled => prop_assert_eq!(mirror, kept),
            NewBase::Pending { waiting, .. } => {
                prop_assert!(found.next == Next::Push || !waiting.is_empty());
            }
            NewBase::Unchanged => prop_assert!(false, "something was seen"),
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter(case in case()) {
        let other = small(&["emails", "count", "text"]);
        let outcome = |table: &Table| {
            let (pending, sighting) = facts(table, &case);
            let found = reconcile(rules(table, &case), &pending, &sighting);
            let mirror = applied(pending.mirror.as_ref(), &found.mirror);
            let mut fields: Vec<_> = found.conflicts.iter()
                .map(|conflict| (conflict.field.clone(), conflict.winner.map(Side::as_str))).collect();
            fields.sort();
            let json = mirror.map(|mirror| serde_json::from_str::<serde_json::Value>(&mirror.to_json(&table.columns)).unwrap());
            (json, found.next, fields)
        };
        prop_assert_eq!(outcome(&TABLE), outcome(&other));
    }
}
