//! Several workspaces in one configuration and one database: each is kept as if it were alone.

use fake_twenty::FakeTwenty;
use serde_json::Value;

use super::{stage::id_of, two::Two};

fn both(acme: &str, beta: &str) -> (String, String) {
    (acme.to_owned(), beta.to_owned())
}

/// Where the first person lives, by one Twenty.
fn city(fake: &FakeTwenty) -> String {
    fake.world(|world| {
        let row = world.row("people", id_of(world, "people", 0)).expect("the person is there");
        row["city"].as_str().unwrap_or_default().to_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workspaces_in_one_database_are_kept_side_by_side_and_apart() {
    let two = Two::set().await;
    Two::edit(&two.acme.fake, "Oslo");
    Two::edit(&two.beta, "Kiel");
    let ended = two.run(&["--once", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    for name in ["acme", "beta"] {
        assert_eq!(told[name]["outcome"], "in_sync", "{told}");
    }
    assert_eq!(two.cities().await, both("Oslo", "Kiel"));

    // Records of both have the same ids, so a change that lost its workspace would go astray.
    let pool = two.acme.database.pool().await;
    sqlx::raw_sql("update acme.people set city = 'Bonn'; delete from beta.notes")
        .execute(&pool)
        .await
        .unwrap();
    let notes = two.acme.fake.world(|world| world.rows("notes").len());
    let ended = two.run(&["--once"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((city(&two.acme.fake), city(&two.beta)), both("Bonn", "Kiel"));
    let live = |world: &mut fake_twenty::World| {
        world.rows("notes").iter().filter(|row| row["deletedAt"].is_null()).count()
    };
    assert_eq!(two.beta.world(live), 0);
    assert!(two.acme.fake.world(live) > 0 && notes > 0);
    for name in ["acme", "beta"] {
        let ended = two.run(&["verify", "--workspace", name]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("equal"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_does_not_stop_the_others_and_gives_the_exit_code() {
    let two = Two::set().await;
    two.beta.set_revoked(true);
    Two::edit(&two.acme.fake, "Oslo");
    let ended = two.run(&["--once"]).await;
    assert_eq!(ended.code, Some(77), "{ended:?}");
    assert!(ended.stderr.contains("error: workspace beta: "), "{ended:?}");
    assert!(ended.stdout.contains("acme\n"), "{ended:?}");
    let city: String = sqlx::query_scalar("select city from acme.people where city = 'Oslo'")
        .fetch_one(&two.acme.database.pool().await)
        .await
        .unwrap();
    assert_eq!(city, "Oslo");
    let ended = two.run(&["--once", "--workspace", "acme"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_one_of_several_says_which_there_are() {
    let two = Two::set().await;
    for (arguments, words) in [
        (&["status"][..], "acme, beta"),
        (&["doctor"], "acme, beta"),
        (&["status", "--workspace", "gamma"], "acme, beta"),
        (&["--once", "--workspace", "gamma"], "acme, beta"),
    ] {
        let ended = two.run(arguments).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let ended = two.acme.run(&["status", "--workspace", "acme"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("names none"), "{ended:?}");

    let ended = two.run(&["config", "check"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("workspaces.beta.mirror.schema"), "{ended:?}");
    let ended = two.run(&["config", "check", "--workspace", "beta"]).await;
    assert!(ended.stdout.contains("mirror.schema  "), "{ended:?}");
    assert!(!ended.stdout.contains("workspaces."), "{ended:?}");

    // One alone needs not be named.
    two.write(&two.section("acme", &two.acme.fake));
    assert_eq!(two.run(&["--once"]).await.code, Some(0));
    let ended = two.run(&["status"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
