//! The demo from the outside: it comes up, it shows an edit, and however it ends, nothing of it is left.

use std::time::Duration;

use reqwest::Client;
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};

mod stage;

use stage::{Programs, Stage};

/// An edit must arrive within this; the demo looks every few seconds.
const ARRIVAL: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_edit_in_the_crm_arrives_in_the_mirror() {
    let Some(mut stage) = Stage::set(Programs::Real) else { return };
    let invitation = stage.invitation();
    let mut mirror = PgConnection::connect(&invitation.database_url).await.unwrap();
    let people: i64 = sqlx::query_scalar("select count(*) from twenty.people")
        .fetch_one(&mut mirror)
        .await
        .unwrap();
    assert!(people > 0);

    let edit = Client::new().patch(&invitation.record_url).bearer_auth(&invitation.key);
    let answer = edit
        .header("content-type", "application/json")
        .body(r#"{"city": "Reykjavik"}"#)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());

    let id = invitation.record_url.rsplit('/').next().unwrap();
    let arrival = async {
        let query =
            "select exists (select from twenty.people where id = $1::uuid and city = 'Reykjavik')";
        while !sqlx::query_scalar::<_, bool>(query).bind(id).fetch_one(&mut mirror).await.unwrap() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(ARRIVAL, arrival).await.unwrap();

    stage.signal(Signal::INT);
    assert!(stage.end().success());
    stage.assert_empty();
}

#[test]
fn ctrl_c_and_kill_end_everything_the_demo_started() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let Some(mut stage) = Stage::set(Programs::StandIns) else { return };
        stage.invitation();
        stage.signal(signal);
        assert!(stage.end().success(), "{signal:?}");
        stage.assert_empty();
    }
}

#[test]
fn a_killed_demo_leaves_nothing_behind_either() {
    let Some(mut stage) = Stage::set(Programs::StandIns) else { return };
    stage.invitation();
    stage.signal(Signal::KILL);
    assert!(!stage.end().success());
    stage.assert_empty();
}

#[test]
fn a_demo_stopped_while_it_starts_leaves_nothing_behind() {
    let Some(mut stage) = Stage::set(Programs::StandIns) else { return };
    stage.wait_for("starting a private PostgreSQL");
    stage.signal(Signal::INT);
    assert!(stage.end().success());
    stage.assert_empty();
}

#[test]
fn the_demo_fails_and_cleans_up_when_the_daemon_ends() {
    let Some(mut stage) = Stage::set(Programs::StandInsWhoseDaemonEnds) else { return };
    assert_eq!(stage.end().code(), Some(1));
    assert!(stage.complaint().contains("twenty-sync run has ended: exit status: 7"));
    stage.assert_empty();
}

#[test]
fn the_demo_fails_and_cleans_up_when_the_first_sync_fails() {
    let Some(mut stage) = Stage::set(Programs::StandInsWhoseFirstSyncFails) else { return };
    assert_eq!(stage.end().code(), Some(1));
    assert!(stage.complaint().contains("twenty-sync --once failed: exit status: 78"));
    stage.assert_empty();
}

#[test]
fn two_demos_run_at_once() {
    let Some(mut one) = Stage::set(Programs::StandIns) else { return };
    let Some(mut other) = Stage::set(Programs::StandIns) else { return };
    assert_ne!(one.invitation().database_url, other.invitation().database_url);
    for stage in [&mut one, &mut other] {
        stage.signal(Signal::INT);
        assert!(stage.end().success());
    }
}
