//! What follows from what is known.

use std::time::Duration;

use super::{Health, LONGEST_TURN};
use crate::health::{Calls, ObjectReading, Reading, Side, beat, waiting};
use time::OffsetDateTime;

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

fn reading(objects: Vec<ObjectReading>) -> Reading {
    Reading { at: OffsetDateTime::UNIX_EPOCH, json: "{}".to_owned(), objects }
}

fn ready() -> Health {
    let health = Health::default();
    health.source(Side::Answers, Calls::default());
    health.mirror(reading(vec![object("people")]));
    health
}

#[test]
fn who_stands_by_is_ready_without_twenty_but_not_without_postgresql() {
    let health = Health::default();
    health.stands_by("there,\nprocess 7");
    assert_eq!(health.obstacles(), ["PostgreSQL has not answered yet"]);
    health.mirror(reading(Vec::new()));
    assert_eq!(health.obstacles(), [] as [&str; 0]);
    assert_eq!(health.in_a_line(), "standing by: there, process 7 works on the mirror");
    health.leads(2);
    assert_eq!(health.leader(), None);
    assert_eq!(health.obstacles().len(), 2, "{:?}", health.obstacles());
}

#[test]
fn ready_is_when_both_sides_answer_and_the_first_walk_has_begun() {
    let health = Health::default();
    assert_eq!(health.obstacles().len(), 3, "{:?}", health.obstacles());
    health.source(Side::Answers, Calls::default());
    health.mirror(reading(vec![ObjectReading { read_up_to: None, ..object("people") }]));
    assert_eq!(health.obstacles(), ["the first walk has not begun"]);
    health.mirror(reading(vec![ObjectReading {
        read_up_to: None,
        is_walked: true,
        ..object("people")
    }]));
    assert_eq!(health.obstacles(), [] as [&str; 0]);
}

#[test]
fn a_side_that_stops_answering_makes_it_unready_until_it_answers_again() {
    let health = ready();
    health.source(Side::Fails("the API key was revoked".to_owned()), Calls::default());
    assert_eq!(health.obstacles(), ["Twenty: the API key was revoked"]);
    health.source(Side::Answers, Calls::default());
    health.mirror_fails("could not connect".to_owned());
    assert_eq!(health.obstacles(), ["PostgreSQL: could not connect"]);
    health.mirror(reading(vec![object("people")]));
    assert_eq!(health.obstacles(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_loop_hangs_when_it_has_not_moved_for_too_long() {
    let health = Health::default();
    health
        .turning("pull", async {
            let began = health.turns()["pull"];
            assert_eq!(health.hanging_at(began + LONGEST_TURN), [] as [&str; 0]);
            let late = began + LONGEST_TURN + Duration::from_secs(1);
            assert_eq!(health.hanging_at(late), ["the pull loop has not moved for 601 s"]);
        })
        .await;
    assert!(health.ages().is_empty(), "a loop that ended does not hang");
}

#[tokio::test]
async fn a_beat_is_of_the_loop_it_happens_in_and_of_no_other() {
    let health = Health::default();
    let turn = |name| health.turns()[name];
    let push = health.turning("push", std::future::pending::<()>());
    let pull = health.turning("pull", async {
        let (pull, push) = (turn("pull"), turn("push"));
        waiting(std::future::ready(())).await;
        beat();
        assert!(turn("pull") > pull);
        assert_eq!(turn("push"), push);
    });
    tokio::select! {
        biased;
        () = push => {}
        () = pull => {}
    }
    beat();
    assert!(health.ages().is_empty(), "a beat outside of every loop is nobody's");
}

#[test]
fn the_line_for_a_supervisor_counts_and_stays_one_line() {
    let health = ready();
    assert_eq!(health.in_a_line(), "objects: 1");
    health.mirror(reading(vec![
        ObjectReading { waiting: 2, conflicts: 1, ..object("people") },
        ObjectReading { read_up_to: None, quarantined: 3, ..object("notes") },
    ]));
    assert_eq!(
        health.in_a_line(),
        "objects: 2, changes waiting: 2, problems: 4, objects not read to the end yet: 1"
    );
    health.source(Side::Fails("refused\nREADY=1".to_owned()), Calls::default());
    assert_eq!(health.in_a_line(), "Twenty: refused READY=1");
}
