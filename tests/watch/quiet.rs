//! The log has a line when something changes, and none because it stays as it is.

use std::time::Duration;

use fake_twenty::{Effect, Fault, World};
use tokio::time::{Instant, sleep};

use super::{daemon::Daemon, stage::Stage};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_fails_at_every_tick_is_told_once_and_once_more_when_it_is_over() {
    let stage = Stage::set(World::sample()).await;
    stage.fake.fault(Fault::new(Effect::EndEarly(0.0)).path("/rest/people"));
    let mut daemon = Daemon::start(&mut stage.program(), "127.0.0.1").await;
    let pool = stage.database.pool().await;
    let failed = "select count(*) from sync.run where outcome = 'failed'";
    let began = Instant::now();
    loop {
        // Before the first start is over there is no table.
        let passes = sqlx::query_scalar::<_, i64>(failed).fetch_one(&pool).await.unwrap_or(0);
        if passes >= 4 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "only {passes} passes failed");
        sleep(Duration::from_millis(50)).await;
    }
    stage.fake.clear_faults();
    let entries = daemon.logged_until("object_recovered").await;
    assert_eq!(entries.last().unwrap()["object"], "people");
    let warnings: Vec<_> = entries.iter().filter(|entry| entry["level"] == "WARN").collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0]["event"], "object_failed");
    assert_eq!(warnings[0]["object"], "people");
    assert!(warnings[0]["error"].as_str().unwrap().contains("ended after"), "{warnings:?}");
}
