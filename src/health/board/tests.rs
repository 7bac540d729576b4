//! What is told of several workspaces at once.

use time::OffsetDateTime;

use super::Board;
use crate::health::{Calls, Health, ObjectReading, Reading, Side};

fn object(name: &str) -> ObjectReading {
    ObjectReading {
        object: name.to_owned(),
        is_pushed: true,
        is_walked: false,
        read_up_to: Some(OffsetDateTime::UNIX_EPOCH),
        succeeded_at: None,
        proven_at: None,
        rows: 0,
        waiting: 0,
        waiting_since: None,
        quarantined: 0,
        conflicts: 0,
        stops: Vec::new(),
    }
}

fn reads(health: &Health, objects: Vec<ObjectReading>) {
    let at = OffsetDateTime::UNIX_EPOCH;
    health.source(Side::Answers, Calls::default());
    health.mirror(Reading { at, json: "{}".to_owned(), objects });
}

fn named(names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| Some((*name).to_owned())).collect()
}

#[test]
fn the_line_for_a_supervisor_counts_and_stays_one_line() {
    let board = Board::default();
    let health = board.workspace(None);
    reads(&health, vec![object("people")]);
    assert_eq!(board.in_a_line(), "objects: 1");
    reads(
        &health,
        vec![
            ObjectReading { waiting: 2, conflicts: 1, ..object("people") },
            ObjectReading { read_up_to: None, quarantined: 3, ..object("notes") },
        ],
    );
    assert_eq!(
        board.in_a_line(),
        "objects: 2, changes waiting: 2, problems: 4, objects not read to the end yet: 1"
    );
    health.source(Side::Fails("refused\nREADY=1".to_owned()), Calls::default());
    assert_eq!(board.in_a_line(), "Twenty: refused READY=1");
}

#[test]
fn one_workspace_that_is_not_ready_makes_the_process_unready_and_is_named() {
    let board = Board::default();
    for name in ["acme", "beta"] {
        reads(&board.workspace(Some(name)), vec![object("people")]);
    }
    assert_eq!(board.obstacles(), [] as [&str; 0]);
    assert_eq!(board.in_a_line(), "objects: 2");
    board.workspace(Some("beta")).mirror_fails("could not connect".to_owned());
    assert_eq!(board.obstacles(), ["beta: PostgreSQL: could not connect"]);
    assert_eq!(board.in_a_line(), "beta: PostgreSQL: could not connect");
}

#[test]
fn what_is_known_stays_over_a_change_and_what_is_gone_is_forgotten() {
    let board = Board::default();
    reads(&board.workspace(Some("acme")), vec![object("people")]);
    board.workspace(Some("beta"));
    assert!(!board.is_opened());
    board.keep(&named(&["acme"]));
    assert!(board.is_opened());
    assert_eq!(board.all().len(), 1);
    board.keep(&named(&["gamma"]));
    assert!(!board.is_opened(), "nothing is known of what was not begun");
}

#[test]
fn who_stands_by_everywhere_says_for_whom_in_one_line() {
    let board = Board::default();
    let [acme, beta] = ["acme", "beta"].map(|name| board.workspace(Some(name)));
    for health in [&acme, &beta] {
        reads(health, vec![object("people")]);
    }
    acme.stands_by("there,\nprocess 7");
    assert_eq!(board.standby(), ["acme: standby: there,\nprocess 7 works on the mirror"]);
    assert_eq!(board.in_a_line(), "objects: 2", "it works for the other one");
    beta.stands_by("here");
    let line = "acme: standby: there, process 7 works on the mirror; beta: standby: here works on the mirror";
    assert_eq!(board.in_a_line(), line);
}
