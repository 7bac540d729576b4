//! Records that Twenty destroyed without a trace: they go, with what went with them; and nothing else ever goes.

use bytes::Bytes;
use fake_twenty::{CallInfo, Effect, Fault, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    equality,
    stage::{Stage, finish, id_of},
};

fn reads_by_id(call: &CallInfo) -> bool {
    call.path.starts_with("/rest/people") && call.path.contains("id%5Bin%5D")
}

/// Counts what there is, after the walk.
fn counts(call: &CallInfo) -> bool {
    call.document().is_some_and(|document| document.starts_with("{ p0:"))
}

fn is_of_people(call: &CallInfo) -> bool {
    call.path.starts_with("/rest/people")
}

async fn count(stage: &Stage, table: &str) -> i64 {
    let pool = stage.database.pool().await;
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from twenty.{table}"));
    sqlx::query_scalar(sql).fetch_one(&pool).await.expect("the mirror answers")
}

/// Destroys the record at each of these places; they are counted before any is gone.
fn destroy(world: &mut World, object: &str, places: impl Iterator<Item = usize>) -> Vec<Uuid> {
    let rows = world.rows(object);
    let id = |place: usize| rows[place]["id"].as_str().and_then(|id| id.parse().ok());
    let ids: Vec<Uuid> = places.filter_map(id).collect();
    for id in &ids {
        world.destroy(object, *id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn destroyed_records_go_and_what_pointed_at_them_is_read_anew() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let companies = stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        let people = world.rows("people");
        let company = people.iter().find_map(|person| person["companyId"].as_str()).unwrap();
        let company: Uuid = company.parse().unwrap();
        let moved = |world: &World| -> Vec<Value> {
            world.rows("people").iter().map(|row| row["updatedAt"].clone()).collect()
        };
        let before = moved(world);
        world.destroy("companies", company);
        assert_eq!(moved(world), before);
        world.rows("companies").len()
    });
    let report = stage.once().await;
    assert!(report["rows_changed"].as_u64().unwrap() >= 2, "{report}");
    assert!(count(&stage, "companies").await < i64::try_from(companies).unwrap());
    equality::assert_equal(&stage).await;
    let again = stage.once().await;
    assert_eq!(again["rows_changed"], 0, "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_destroyed_among_many_are_found_by_counting() {
    let stage = Stage::set(World::with_people(100_000)).await;
    stage.once().await;
    stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        assert_eq!(destroy(world, "people", (0..10).map(|n| n * 9_999)).len(), 10);
    });
    stage.fake.clear_calls();
    stage.once().await;
    let calls = stage.fake.calls().iter().filter(|call| is_of_people(&call.info)).count();
    println!("{calls} calls for people");
    assert_eq!(count(&stage, "people").await, 99_990);
    // Reading everything takes 500.
    assert!(calls <= 150, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deleted_records_are_kept_those_destroyed_in_the_trash_go_too() {
    let stage = Stage::set(World::sample()).await;
    let keep = async || {
        let mut program = stage.program();
        program.args(["--once"]).env("TWENTY_SYNC__PULL__DELETED_RECORDS", "keep");
        let ended = finish(&mut program).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    keep().await;
    assert_eq!(count(&stage, "companies").await, 10);
    stage.fake.world(|world| {
        let rows = world.rows("companies");
        let trashed = rows.iter().find(|row| !row["deletedAt"].is_null()).unwrap();
        world.destroy("companies", trashed["id"].as_str().unwrap().parse().unwrap());
    });
    keep().await;
    assert_eq!(count(&stage, "companies").await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cannot_be_believed_remove_nothing() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        destroy(world, "people", [3, 500].into_iter());
    });
    for fault in [
        Fault::new(Effect::EndEarly(0.2)).when(reads_by_id),
        Fault::new(Effect::EndEarly(0.0)).when(reads_by_id),
        Fault::new(Effect::WrongTotal(-100)).when(is_of_people),
        Fault::new(Effect::WrongTotal(-100)).when(reads_by_id),
        Fault::new(Effect::IgnoredFilter).when(reads_by_id),
        Fault::status(500).when(reads_by_id),
    ] {
        stage.fake.fault(fault.clone());
        let ended = stage.run(&["--once"]).await;
        assert_eq!(ended.code, Some(1), "{fault:?}: {ended:?}");
        assert_eq!(count(&stage, "people").await, 1_000, "{fault:?}");
        stage.fake.clear_faults();
    }
    stage.once().await;
    assert_eq!(count(&stage, "people").await, 998);
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_went_into_the_trash_since_it_was_read_is_told_from_a_destroyed_one() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    let id = stage.fake.world(|world| id_of(world, "people", 500));
    stage.fake.on_request(Box::new(move |call, world| {
        let is_live =
            |world: &World| world.row("people", id).is_some_and(|row| row["deletedAt"].is_null());
        if counts(call) && is_live(world) {
            world.soft_delete("people", id);
        }
    }));
    stage.fake.clear_calls();
    stage.once().await;
    let looks = stage.fake.calls().iter().filter(|call| reads_by_id(&call.info)).count();
    assert_eq!((count(&stage, "people").await, looks), (999, 1));
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_looked_for_after_a_walk_that_did_not_end() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    stage.fake.world(|world| destroy(world, "people", [7].into_iter()));
    let pool = stage.database.pool().await;
    sqlx::raw_sql("delete from sync.checkpoint").execute(&pool).await.unwrap();
    stage.fake.fault(Fault::status(500).when(|call| call.path.contains("starting_after")));
    assert_eq!(stage.run(&["--once"]).await.code, Some(1));
    assert_eq!(count(&stage, "people").await, 1_000);
    assert!(!stage.fake.calls().iter().any(|call| reads_by_id(&call.info)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_back_or_appears_meanwhile_is_not_removed() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    let gone = stage.fake.world(|world| {
        world.set_clock(world.clock().advanced(std::time::Duration::from_mins(10)));
        let ids = destroy(world, "people", [100, 900].into_iter());
        world.create("people", &json!({"city": "Oslo"}));
        // One that a walk has seen must be missing, too, or the new one hides it.
        destroy(world, "people", [300].into_iter());
        ids
    });
    let back = gone[0];
    stage.fake.on_request(Box::new(move |call, world| {
        // The second look is for the few that the first one did not find.
        let is_second = reads_by_id(call) && call.path.matches("%2C").count() < 20;
        if is_second && world.row("people", back).is_none() {
            world.create("people", &json!({"id": back, "city": "Oslo"}));
        }
    }));
    stage.once().await;
    stage.fake.clear_on_request();
    assert!(stage.fake.world(|world| world.row("people", back).is_some()));
    let pool = stage.database.pool().await;
    let there: Vec<(Uuid, String)> =
        sqlx::query_as("select id, city from twenty.people where id = any($1)")
            .bind(&gone)
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(there, [(back, "Oslo".to_owned())], "its row is the new one's already");
    stage.once().await;
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_changes_are_reconciled_before_a_destroyed_record_goes() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    let edited = stage.fake.world(|world| id_of(world, "people", 0));
    sqlx::query("update twenty.people set job_title = 'CTO' where id = $1")
        .bind(edited)
        .execute(&pool)
        .await
        .unwrap();
    let made: Uuid =
        sqlx::query_scalar("insert into twenty.people (city) values ('Ulm') returning id")
            .fetch_one(&pool)
            .await
            .unwrap();
    stage.fake.world(|world| world.destroy("people", edited));
    stage.run(&["--once"]).await;
    let conflicts: i64 =
        sqlx::query_scalar("select count(*) from sync.conflict where record_id = $1")
            .bind(edited)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(conflicts, 1);
    assert!(stage.fake.world(|world| world.row("people", made).is_some()));
    equality::assert_equal(&stage).await;
}

/// Syncs once with this setting for deleted records.
async fn once_with(stage: &Stage, deleted: &str) {
    let mut program = stage.program();
    program.args(["--once"]).env("TWENTY_SYNC__PULL__DELETED_RECORDS", deleted);
    let ended = finish(&mut program).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_ends_after_a_fifth_removes_nothing_and_says_so() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    let pool = stage.database.pool().await;
    sqlx::raw_sql("delete from sync.checkpoint").execute(&pool).await.unwrap();
    stage.fake.fault(Fault::new(Effect::EndEarly(0.2)).when(is_of_people));
    let ended = stage.run(&["--once"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("the listing ended after 200 records, but the server counts 1000")
            && ended.stderr.contains("nothing was removed"),
        "{}",
        ended.stderr
    );
    assert_eq!(count(&stage, "people").await, 1_000);
    stage.fake.clear_faults();
    let report = stage.once().await;
    assert_eq!(report["rows_changed"], 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_purge_of_the_trash_took_goes_where_deleted_records_are_kept_and_nothing_else() {
    for (deleted, kept) in [("remove", 0), ("keep", 1)] {
        let stage = Stage::set(World::sample()).await;
        once_with(&stage, deleted).await;
        let before = count(&stage, "companies").await;
        let (old, young) = stage.fake.world(|world| {
            let (old, young) = (id_of(world, "companies", 0), id_of(world, "companies", 1));
            world.soft_delete("companies", old);
            world.set_clock(world.clock().advanced(std::time::Duration::from_hours(10 * 24)));
            world.soft_delete("companies", young);
            (old, young)
        });
        once_with(&stage, deleted).await;
        let (removed, purged) = stage.fake.world(|world| {
            let trash = world.rows("companies");
            let trash = trash.iter().filter(|row| !row["deletedAt"].is_null()).count();
            world.set_clock(world.clock().advanced(std::time::Duration::from_hours(6 * 24)));
            world.empty_trash(14);
            let rows = world.rows("companies");
            let left = rows.iter().filter(|row| !row["deletedAt"].is_null()).count();
            (world.row("companies", old).is_none(), trash - left)
        });
        assert!(removed && purged >= 1);
        once_with(&stage, deleted).await;
        let pool = stage.database.pool().await;
        let there: Vec<Uuid> =
            sqlx::query_scalar("select id from twenty.companies where id = any($1)")
                .bind(vec![old, young])
                .fetch_all(&pool)
                .await
                .unwrap();
        assert_eq!(there, vec![young; kept], "{deleted}");
        let gone = if deleted == "keep" { i64::try_from(purged).unwrap() } else { 2 };
        assert_eq!(count(&stage, "companies").await, before - gone, "{deleted}");
        let report = stage
            .program()
            .args(["--once", "--json"])
            .env("TWENTY_SYNC__PULL__DELETED_RECORDS", deleted)
            .output()
            .await
            .unwrap();
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(report["rows_changed"], 0, "{report}");
    }
}

/// A single run has no next pass: what it left undone must not look done.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_run_that_could_not_count_fails_and_still_sends_what_was_changed_here() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    let (gone, edited) = stage.fake.world(|world| {
        let gone = destroy(world, "notes", 0..1);
        (gone[0], id_of(world, "people", 0))
    });
    let one_of_all = Bytes::from_static(br#"{"data": {"p0": {"totalCount": 1000000}}}"#);
    for (effect, words, city) in [
        (Effect::Status { status: 503, body: None }, "503", "Oslo"),
        (Effect::Raw { body: one_of_all, gzip: false }, "Twenty did not count", "Turku"),
    ] {
        let pool = stage.database.pool().await;
        let edit = "update twenty.people set city = $1 where id = $2";
        sqlx::query(edit).bind(city).bind(edited).execute(&pool).await.unwrap();
        stage.fake.fault(Fault::new(effect).when(counts));
        let mut program = stage.program();
        let run = program.arg("--once").env("TWENTY_SYNC__SOURCE__RETRY_DEADLINE", "100ms");
        let ended = finish(run).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains("destroyed records were not looked for"), "{ended:?}");
        assert!(ended.stderr.contains("error: ") && ended.stderr.contains(words), "{ended:?}");
        let there = stage.fake.world(|world| world.row("people", edited).unwrap()["city"].clone());
        assert_eq!(there, city, "the push goes on");
        assert_eq!(has_note(&stage, gone).await, 1, "nothing was counted");
        stage.fake.clear_faults();
    }
    stage.once().await;
    assert_eq!(has_note(&stage, gone).await, 0);
    equality::assert_equal(&stage).await;
}

async fn has_note(stage: &Stage, id: Uuid) -> i64 {
    let pool = stage.database.pool().await;
    let sql = "select count(*) from twenty.notes where id = $1";
    sqlx::query_scalar(sql).bind(id).fetch_one(&pool).await.expect("the mirror answers")
}
