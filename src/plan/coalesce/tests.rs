//! Sequences of edits, told and lived through.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Net, coalesce};
use crate::plan::{
    fixture::NOON,
    pending::{Operation, OperationKind},
};

fn operation(kind: OperationKind, changed: &[&str]) -> Operation {
    let changed = changed.iter().map(|&name| name.to_owned()).collect();
    Operation { id: 0, kind, changed, changed_at: NOON }
}

#[test]
fn many_edits_are_one() {
    use OperationKind::{Delete, Insert, Update};
    let columns = |names: &[&str]| Net::Update(names.iter().map(|&name| name.to_owned()).collect());
    for (kinds, net) in [
        (&[][..], Net::Nothing),
        (&[Insert, Update], Net::Insert),
        (&[Insert, Update, Delete], Net::Nothing),
        (&[Update, Update], columns(&["a"])),
        (&[Update, Delete], Net::Delete),
        (&[Delete, Insert], Net::Replace),
        (&[Delete, Insert, Delete], Net::Delete),
        (&[Insert, Delete, Insert], Net::Insert),
    ] {
        let operations: Vec<_> = kinds.iter().map(|&kind| operation(kind, &["a"])).collect();
        assert_eq!(coalesce(&operations), net, "{kinds:?}");
    }
}

type Row = Option<BTreeMap<&'static str, u32>>;

/// What a person can do to a row that is there, or to one that is not.
fn live(start: &Row, choices: &[(u8, usize)]) -> (Row, Vec<Operation>) {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let (mut row, mut operations) = (start.clone(), Vec::new());
    for (number, &(choice, column)) in (1..).zip(choices) {
        let (kind, changed) = match &mut row {
            None => {
                row = Some(NAMES.map(|name| (name, number)).into());
                (OperationKind::Insert, vec![])
            }
            Some(_) if choice == 0 => {
                row = None;
                (OperationKind::Delete, vec![])
            }
            Some(values) => {
                values.insert(NAMES[column], number);
                (OperationKind::Update, vec![NAMES[column]])
            }
        };
        operations.push(operation(kind, &changed));
    }
    (row, operations)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(there in any::<bool>(), choices in proptest::collection::vec((0..4u8, 0..3usize), 0..8)) {
        let start: Row = there.then(|| ["a", "b", "c"].map(|name| (name, 0)).into());
        let (end, operations) = live(&start, &choices);
        match (coalesce(&operations), &start, &end) {
            (Net::Nothing, None, None) | (Net::Insert, None, Some(_))
            | (Net::Delete, Some(_), None) | (Net::Replace, Some(_), Some(_)) => {}
            (Net::Nothing, Some(_), Some(_)) => prop_assert_eq!(&start, &end),
            (Net::Update(columns), Some(start), Some(end)) => {
                let differ = start.keys().filter(|name| start[*name] != end[*name]);
                let differ: BTreeSet<String> = differ.map(|name| (*name).to_owned()).collect();
                prop_assert_eq!(differ, columns);
            }
            (net, start, end) => prop_assert!(false, "{:?} {:?} {:?}", net, start, end),
        }
    }

    #[test]
    fn it_does_not_matter_where_a_sequence_is_cut(
        choices in proptest::collection::vec((0..4u8, 0..3usize), 0..8), cut in 0..8usize
    ) {
        let (_, operations) = live(&None, &choices);
        let (left, right) = operations.split_at(cut.min(operations.len()));
        prop_assert_eq!(coalesce(left).then(coalesce(right)), coalesce(&operations));
    }
}
