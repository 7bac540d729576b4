//! Orders of small and of random graphs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use uuid::Uuid;

use super::{Kind, Node, Order, Step, Waiting, behind, order};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn node(record: u128, kind: Kind, references: &[(usize, u128)]) -> Node {
    let references = references.iter().map(|&(column, target)| (column, id(target))).collect();
    Node { record: id(record), kind, references }
}

fn step(record: u128, postponed: &[usize]) -> Step {
    Step { record: id(record), postponed: postponed.to_vec() }
}

fn waves(nodes: &[Node]) -> Vec<Vec<Step>> {
    order(nodes, &BTreeSet::new()).waves
}

#[test]
fn parents_come_before_children_and_deletes_the_other_way_round() {
    let nodes = [
        node(1, Kind::Create, &[(0, 2), (1, 99)]),
        node(2, Kind::Create, &[]),
        node(3, Kind::Update, &[(0, 1)]),
        node(4, Kind::Delete, &[]),
        node(5, Kind::Delete, &[(0, 4)]),
    ];
    let expected = [2, 1, 3, 5, 4].map(|record| vec![step(record, &[])]);
    assert_eq!(waves(&nodes), expected);
}

#[test]
fn what_waits_for_a_stopped_record_is_told_from_what_waits_for_a_refused_one() {
    let nodes = [
        node(1, Kind::Create, &[(0, 8)]),
        node(2, Kind::Update, &[(0, 1)]),
        node(3, Kind::Create, &[(0, 9)]),
    ];
    let waiting = order(&nodes, &BTreeSet::from([id(8), id(9)])).waiting;
    let (stopped, refused) = behind(waiting, BTreeMap::from([(id(8), 'a')]));
    assert_eq!(stopped, [(id(1), 'a'), (id(2), 'a')]);
    assert_eq!(refused, [Waiting { record: id(3), parent: id(9) }]);
}

#[test]
fn a_reference_to_oneself_or_in_a_circle_follows_later() {
    assert_eq!(waves(&[node(1, Kind::Create, &[(7, 1)])]), [[step(1, &[7])]]);
    let circle = [
        node(1, Kind::Create, &[(7, 2)]),
        node(2, Kind::Create, &[(7, 3)]),
        node(3, Kind::Create, &[(7, 1)]),
    ];
    assert_eq!(waves(&circle), [[step(1, &[7])], [step(3, &[])], [step(2, &[])]]);
}

#[test]
fn deletes_in_a_circle_are_all_deleted() {
    let nodes = [node(1, Kind::Delete, &[(7, 2)]), node(2, Kind::Delete, &[(7, 1)])];
    let all: Vec<Step> = waves(&nodes).concat();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|step| step.postponed.is_empty()));
}

/// Two circles through one record: which was cut first followed from the order in which the records came.
#[test]
fn deletes_in_two_circles_go_in_one_order_whatever_order_they_came_in() {
    let mut nodes = vec![
        node(1, Kind::Delete, &[(0, 5)]),
        node(4, Kind::Delete, &[(0, 5)]),
        node(5, Kind::Delete, &[(0, 4), (1, 1)]),
    ];
    let found = waves(&nodes);
    nodes.reverse();
    assert_eq!(waves(&nodes), found);
}

#[test]
fn a_stuck_parent_holds_back_its_children_and_nobody_else() {
    let nodes = [
        node(1, Kind::Create, &[(0, 9)]),
        node(2, Kind::Create, &[(0, 1)]),
        node(3, Kind::Create, &[]),
    ];
    let expected = Order {
        waves: vec![vec![step(3, &[])]],
        waiting: vec![
            Waiting { record: id(1), parent: id(9) },
            Waiting { record: id(2), parent: id(1) },
        ],
    };
    assert_eq!(order(&nodes, &BTreeSet::from([id(9)])), expected);
}

fn graph() -> impl Strategy<Value = Vec<Node>> {
    let kind =
        prop_oneof![4 => Just(Kind::Create), 1 => Just(Kind::Update), 1 => Just(Kind::Delete)];
    let references = proptest::collection::vec(0..14u128, 0..3);
    proptest::collection::vec((kind, references), 0..12).prop_map(|nodes| {
        let number = |(record, (kind, targets)): (u128, (Kind, Vec<u128>))| {
            let references: Vec<(usize, u128)> = targets.into_iter().enumerate().collect();
            node(record, kind, &references)
        };
        (0..).zip(nodes).map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8000, ..ProptestConfig::default() })]

    #[test]
    fn each_record_comes_once_and_after_all_it_refers_to(nodes in graph(), stuck in proptest::collection::btree_set(12..14u128, 0..2)) {
        let stuck: BTreeSet<Uuid> = stuck.into_iter().map(id).collect();
        let found = order(&nodes, &stuck);
        let place: HashMap<Uuid, (usize, &Step)> = found.waves.iter().enumerate()
            .flat_map(|(wave, steps)| steps.iter().map(move |step| (step.record, (wave, step)))).collect();
        let count = found.waves.iter().map(Vec::len).sum::<usize>();
        prop_assert_eq!(count + found.waiting.len(), nodes.len());
        prop_assert_eq!(place.len(), count);
        let kind = |record: &Uuid| nodes.iter().find(|node| node.record == *record).map(|node| node.kind);
        for node in &nodes {
            let Some((wave, step)) = place.get(&node.record) else { continue };
            for (column, target) in &node.references {
                let sent = node.kind != Kind::Delete && !step.postponed.contains(column);
                prop_assert!(!(sent && stuck.contains(target)), "sent before a stuck parent");
                if sent && kind(target) == Some(Kind::Create) {
                    prop_assert!(place[target].0 < *wave, "a child before its parent");
                }
            }
            prop_assert!(step.postponed.is_empty() || node.kind == Kind::Create);
        }
        let mut backwards = nodes.clone();
        backwards.reverse();
        prop_assert_eq!(order(&backwards, &stuck), found, "the order of nodes does not matter");
    }

    #[test]
    fn nothing_is_left_out_where_there_is_no_circle(nodes in graph()) {
        let downhill = nodes.into_iter().map(|mut node| {
            node.references.retain(|(_, target)| *target < node.record);
            node
        });
        let nodes: Vec<Node> = downhill.collect();
        prop_assert!(waves(&nodes).concat().iter().all(|step| step.postponed.is_empty()));
    }
}
