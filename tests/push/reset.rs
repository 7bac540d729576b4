//! A table that is read anew beside the old rows: repaired, never empty, and with everything that people did to it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use fake_twenty::World;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use super::{
    scene::Scene,
    stage::{Ended, finish},
};

const ENGINE: &str = "begin; set local sync.origin = 'engine';";

pub(super) async fn reset(scene: &Scene) -> Ended {
    finish(scene.program().args(["reset", "people", "--yes", "--json"])).await
}

/// Resets people, which must succeed; the report.
pub(super) async fn done(scene: &Scene) -> Value {
    let ended = reset(scene).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Changes rows behind the program's back.
pub(super) async fn corrupt(scene: &Scene, sql: &str) {
    scene.sql(&format!("{ENGINE} {sql}; commit")).await;
}

pub(super) async fn leftovers(scene: &Scene) -> i64 {
    scene
        .number("select count(*) from pg_class where relname like 'reset\\_%' and relkind = 'r'")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_differ_are_missing_or_should_not_be_there_are_put_right() {
    let scene = Scene::of(World::sample()).await;
    let [wrong, missing] = [0, 1].map(|place| scene.some("people", place));
    corrupt(
        &scene,
        &format!(
            "update twenty.people set city = 'wrong', company_id = null where id = '{wrong}'; \
             delete from twenty.people where id = '{missing}'; \
             insert into twenty.people (name_first_name) values ('Stranger')"
        ),
    )
    .await;
    let before = scene.stage.database.writes_in("twenty").await;
    let report = done(&scene).await;
    assert_eq!(
        (&report["inserted"], &report["updated"], &report["removed"]),
        (&json!(1), &json!(1), &json!(1)),
        "{report}"
    );
    let after = scene.stage.database.writes_in("twenty").await;
    assert_eq!((after - before).total(), 3, "only what was wrong is written");
    assert_eq!(leftovers(&scene).await, 0);
    assert_eq!(scene.writes(), []);
    scene.assert_quiet_and_equal().await;
    let verified = finish(scene.program().args(["verify", "--object", "people"])).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_an_index_a_default_and_a_trigger_that_people_dropped_come_back() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql(
            "alter table twenty.people drop constraint people_pkey, alter id drop default; \
             drop index twenty.people_company_id_idx; drop trigger zz_sync_log on twenty.people",
        )
        .await;
    let report = done(&scene).await;
    assert_eq!(report["mended"].as_array().unwrap().len(), 3, "{report}");
    let indexed = "select count(*) from pg_indexes where tablename = 'people' and schemaname = 'twenty' \
                   and indexdef like '%company_id%'";
    assert_eq!(scene.number(indexed).await, 1);
    let id = scene
        .id("insert into twenty.people (name_first_name) values ('Captured') returning id")
        .await;
    scene.sync().await;
    assert_eq!(scene.live("people", id)["name"]["firstName"], "Captured");
    scene.assert_quiet_and_equal().await;
    assert_eq!(done(&scene).await["mended"], json!([]), "nothing is left to mend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_whose_type_was_altered_is_made_and_filled_again() {
    let scene = Scene::of(World::sample()).await;
    scene
        .sql("alter table twenty.people alter column city type varchar(3) using left(city, 3)")
        .await;
    let report = done(&scene).await;
    assert!(report["updated"].as_u64().unwrap() > 0, "{report}");
    let id = scene.some("people", 0);
    assert_eq!(scene.row("people", id).await.unwrap()["city"], scene.live("people", id)["city"]);
}

/// Counts rows until it is told to stop, in transactions of both kinds; the fewest rows and the mixtures that it saw.
fn reader(pool: PgPool, over: Arc<AtomicBool>) -> tokio::task::JoinHandle<(i64, usize, usize)> {
    tokio::spawn(async move {
        let (mut fewest, mut mixed, mut looks) = (i64::MAX, 0, 0);
        while !over.load(SeqCst) {
            let begin = ["begin", "begin isolation level repeatable read"][looks % 2];
            let mut look = pool.begin_with(begin).await.unwrap();
            // The snapshot is older than what the table shows next.
            sqlx::query("select count(*) from sync.object").execute(&mut *look).await.unwrap();
            let (rows, wrong): (i64, i64) = sqlx::query_as(
                "select count(*), count(*) filter (where city = 'wrong') from twenty.people",
            )
            .fetch_one(&mut *look)
            .await
            .unwrap();
            look.rollback().await.unwrap();
            fewest = fewest.min(rows);
            mixed += usize::from(wrong != 0 && wrong != rows);
            looks += 1;
        }
        (fewest, mixed, looks)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_all_rows_all_the_time_and_the_change_at_once() {
    const PEOPLE: i64 = 3_000;
    let scene = Scene::of(World::with_people(3_000)).await;
    corrupt(&scene, "update twenty.people set city = 'wrong'").await;
    let mut old = scene.pool.begin_with("begin isolation level repeatable read").await.unwrap();
    sqlx::query("select count(*) from sync.object").execute(&mut *old).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let readers = [0, 1].map(|_| reader(scene.pool.clone(), Arc::clone(&over)));
    let report = done(&scene).await;
    over.store(true, SeqCst);
    assert_eq!(report["updated"], PEOPLE);
    for reader in readers {
        let (fewest, mixed, looks) = reader.await.unwrap();
        assert!(looks > 10, "{looks} looks show nothing");
        assert_eq!((fewest, mixed), (PEOPLE, 0));
    }
    let seen: i64 = sqlx::query_scalar("select count(*) from twenty.people where city = 'wrong'")
        .fetch_one(&mut *old)
        .await
        .unwrap();
    assert_eq!(seen, PEOPLE, "a transaction that began before sees what was there then");
    drop(old);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsent_changes_survive_and_are_sent_afterwards() {
    let scene = Scene::of(World::sample()).await;
    let [edited, deleted] = [0, 1].map(|place| scene.some("people", place));
    scene
        .sql(&format!(
            "update twenty.people set city = 'Oulu' where id = '{edited}'; \
             delete from twenty.people where id = '{deleted}'"
        ))
        .await;
    let inserted = scene
        .id("insert into twenty.people (name_first_name) values ('Unsent') returning id")
        .await;
    scene.edit("people", edited, &json!({"jobTitle": "Captain"}));
    let report = done(&scene).await;
    assert_eq!(report["unsent"], 3, "{report}");
    let row = scene.row("people", edited).await.unwrap();
    assert_eq!((&row["city"], &row["job_title"]), (&json!("Oulu"), &json!("Captain")));
    assert!(scene.row("people", inserted).await.is_some());
    assert!(scene.row("people", deleted).await.is_none());
    assert_eq!(scene.writes(), [], "a reset sends nothing");

    scene.sync().await;
    assert_eq!(scene.live("people", edited)["city"], "Oulu");
    assert_eq!(scene.live("people", inserted)["name"]["firstName"], "Unsent");
    assert!(scene.is_in_trash("people", deleted));
    assert_eq!(scene.conflicts().await.len(), 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_added_to_a_table_stays() {
    let scene = Scene::of(World::sample()).await;
    let id = scene.some("people", 0);
    scene
        .sql(
            "alter table twenty.people add column note text; \
             create view public.contact as select id, city, note from twenty.people; \
             grant select on twenty.people to public; \
             comment on column twenty.people.note is 'ours'; \
             create index own on twenty.people (city); \
             alter table twenty.people enable row level security; \
             create policy everyone on twenty.people using (true); \
             create table public.call (person uuid references twenty.people (id))",
        )
        .await;
    corrupt(&scene, "update twenty.people set note = 'mine ' || id, city = 'wrong'").await;
    scene.sql(&format!("insert into public.call values ('{id}')")).await;
    let shape = "select md5(string_agg(x, ' ' order by x)) from (\
         select c.oid || c.relacl::text || c.relrowsecurity from pg_class c where oid = 'twenty.people'::regclass \
         union all select oid::text from pg_policy union all select indexrelid::text from pg_index \
         where indrelid = 'twenty.people'::regclass \
         union all select description from pg_description where objoid = 'twenty.people'::regclass) as s (x)";
    let look = || async {
        sqlx::query_scalar::<_, String>(AssertSqlSafe(shape.to_owned()))
            .fetch_one(&scene.pool)
            .await
            .unwrap()
    };
    let before = look().await;
    let report = done(&scene).await;
    assert_eq!(report["removed"], 0);
    assert_eq!(look().await, before);
    assert_eq!(scene.number("select count(*) from contact where note <> 'mine ' || id").await, 0);
    let city: Option<String> = sqlx::query_scalar("select city from contact where id = $1")
        .bind(id)
        .fetch_one(&scene.pool)
        .await
        .unwrap();
    assert_eq!(json!(city), scene.live("people", id)["city"]);
    assert_eq!(scene.number("select count(*) from call").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_breaks_a_rule_of_the_table_is_set_aside_and_keeps_its_row() {
    let scene = Scene::of(World::sample()).await;
    let [bad, wrong] = [0, 1].map(|place| scene.some("people", place));
    scene.sql("alter table twenty.people add check (city <> 'Bad')").await;
    scene.edit("people", bad, &json!({"city": "Bad"}));
    corrupt(&scene, &format!("update twenty.people set city = 'wrong' where id = '{wrong}'")).await;
    let report = done(&scene).await;
    assert_eq!(
        (&report["set_aside"], &report["updated"], &report["removed"]),
        (&json!(1), &json!(1), &json!(0)),
        "{report}"
    );
    assert!(scene.row("people", bad).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_twenty_destroyed_goes_and_what_referred_to_it_is_read_anew() {
    let scene = Scene::of(World::sample()).await;
    let company = scene.some("companies", 0);
    let referring = format!("select count(*) from twenty.people where company_id = '{company}'");
    assert!(scene.number(&referring).await > 0);
    scene.stage.fake.world(|world| world.destroy("companies", company));
    let ended = finish(scene.program().args(["reset", "company", "--yes"])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(scene.row("companies", company).await.is_none());
    assert_eq!(scene.number(&referring).await, 0);
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_fuse_allows_is_not_removed() {
    let scene = Scene::of(World::sample()).await;
    corrupt(
        &scene,
        "insert into twenty.people (name_first_name) select 'S' from generate_series(1, 60)",
    )
    .await;
    let ended = reset(&scene).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("60 of 83 rows of people are not in Twenty"), "{ended:?}");
    assert_eq!(scene.number("select count(*) from twenty.people").await, 83);
    assert_eq!(leftovers(&scene).await, 0);
    let mut program = scene.program();
    program.env("TWENTY_SYNC__FUSE__SHARE", "1").args(["reset", "people", "--yes"]);
    assert_eq!(finish(&mut program).await.code, Some(0));
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_refused_where_it_cannot_ask_is_stopped_or_does_not_know_the_object() {
    let scene = Scene::of(World::sample()).await;
    let run = |arguments: &'static [&'static str]| {
        let mut program = scene.program();
        program.args(arguments);
        async move { finish(&mut program).await }
    };
    assert_eq!(run(&["reset", "people"]).await.code, Some(2));
    let ended = run(&["reset", "peple", "--yes"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("did you mean people"), "{ended:?}");
    run(&["pause", "people", "--flow", "pull", "--reason", "moving house"]).await;
    let ended = run(&["reset", "people", "--yes"]).await;
    assert!(
        ended.code == Some(1) && ended.stderr.contains("people is not read: moving house"),
        "{ended:?}"
    );
}
