//! Several workspaces in one daemon, as operators see them.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{daemon::Daemon, reload::hang_up, two::Two};

const PATIENCE: Duration = Duration::from_mins(1);

async fn cities_are(two: &Two, acme: &str, beta: &str) {
    let began = Instant::now();
    let wanted = (acme.to_owned(), beta.to_owned());
    while two.cities().await != wanted {
        assert!(began.elapsed() < PATIENCE, "still not {wanted:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_workspace_is_told_by_its_name_and_one_that_stands_still_leaves_the_others_running() {
    let two = Two::set().await;
    let mut daemon = Daemon::start(&mut two.program(), "127.0.0.1").await;
    daemon.until("/readyz", 200).await;
    Two::edit(&two.acme.fake, "Oslo");
    Two::edit(&two.beta, "Kiel");
    cities_are(&two, "Oslo", "Kiel").await;

    let metrics = daemon.body("/metrics").await;
    for name in ["acme", "beta"] {
        let series = format!("twenty_sync_rows{{workspace=\"{name}\",object=\"people\"}} ");
        assert_eq!(metrics.matches(&series).count(), 1, "{series} in {metrics}");
    }
    assert_eq!(metrics.matches("# TYPE twenty_sync_rows gauge").count(), 1, "{metrics}");
    let status: Value = serde_json::from_str(&daemon.body("/api/status").await).unwrap();
    for name in ["acme", "beta"] {
        assert_eq!(status["workspaces"][name]["schema"], name, "{status}");
    }

    two.beta.set_revoked(true);
    let why = daemon.until_text("/readyz", |text| text.contains("stands still")).await;
    assert!(why.starts_with("beta: ") && !why.contains("acme"), "{why}");
    let told = daemon.logs("standing still until the configuration changes").await;
    assert!(told.contains("\"workspace\":\"beta\""), "{told}");
    Two::edit(&two.acme.fake, "Bergen");
    cities_are(&two, "Bergen", "Kiel").await;

    two.write(&two.section("acme", &two.acme.fake));
    hang_up(&daemon);
    daemon.logs("taking the new configuration").await;
    daemon.until("/readyz", 200).await;
    assert!(!daemon.body("/metrics").await.contains("workspace=\"beta\""), "it is kept no more");
    Two::edit(&two.acme.fake, "Oslo");
    cities_are(&two, "Oslo", "Kiel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_opened_leaves_the_others_running_and_none_ends_the_program() {
    let two = Two::set().await;
    // The schema of beta holds something else.
    let pool = two.acme.database.pool().await;
    sqlx::raw_sql("create schema beta; create table beta.mine (id int)")
        .execute(&pool)
        .await
        .unwrap();
    let daemon = Daemon::start(&mut two.program(), "127.0.0.1").await;
    let why = daemon.until_text("/readyz", |text| text.contains("stands still")).await;
    assert!(why.contains("beta: it stands still"), "{why}");
    daemon.until_text("/readyz", |text| !text.contains("acme")).await;

    daemon.end().await;
    let ended = two.run(&["run", "--workspace", "beta"]).await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("error: workspace beta: "), "{ended:?}");
}
