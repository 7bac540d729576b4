//! A flow that is stopped stands still, is shown, and stops nothing else.

use fake_twenty::World;
use serde_json::json;

use super::{scene::Scene, stage::finish};

async fn stop(scene: &Scene, object: &str, flow: &str) {
    let stopped = scene
        .sql(&format!(
            "insert into sync.stop (workspace_id, object_id, flow, cause, reason, hint) \
             select workspace_id, object_id, '{flow}', 'fuse', 'it would be too much', 'let it go on' \
             from sync.object where name_plural = '{object}'"
        ))
        .await;
    assert_eq!(stopped, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn local_changes_behind_a_stop_wait_and_the_others_go() {
    let scene = Scene::of(World::sample()).await;
    let (person, company) = (scene.some("people", 0), scene.some("companies", 0));
    stop(&scene, "companies", "push").await;
    let mut session = scene.pool.acquire().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "update twenty.companies set name = 'Held' where id = '{company}'; \
         update twenty.people set city = 'Oulu' where id = '{person}'; \
         with new as (insert into twenty.companies (name) values ('Parent') returning id) \
         insert into twenty.people (name_first_name, company_id) select 'Child', id from new"
    )))
    .execute(&mut *session)
    .await
    .unwrap();
    let ended = scene.run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stdout.contains("companies: push is stopped: it would be too much (let it go on)"),
        "{ended:?}"
    );
    assert_eq!(scene.live("people", person)["city"], "Oulu");
    assert_ne!(scene.live("companies", company)["name"], "Held");
    let states =
        "select count(*) from sync.pending where object = 'companies' and state = 'stopped'";
    assert_eq!(scene.number(states).await, 2);
    let heard: Vec<(String, String)> =
        sqlx::query_as("select object, outcome from sync.wait('30 s')")
            .fetch_all(&mut *session)
            .await
            .unwrap();
    assert!(heard.contains(&("companies".to_owned(), "stopped".to_owned())), "{heard:?}");
    assert!(heard.contains(&("people".to_owned(), "written".to_owned())), "{heard:?}");
    assert_eq!(scene.number("select count(*) from sync.problem").await, 0);
    let child = "select count(*) from sync.pending where object = 'people' and state = 'stopped'";
    assert_eq!(
        scene.number(child).await,
        1,
        "the child of a new record that is not sent waits with it"
    );

    scene.sql("delete from sync.stop").await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_pull_is_stopped_is_not_read_and_the_others_are() {
    let scene = Scene::of(World::sample()).await;
    let (person, company) = (scene.some("people", 0), scene.some("companies", 0));
    stop(&scene, "companies", "pull").await;
    scene.edit("companies", company, &json!({ "name": "Unread" }));
    scene.edit("people", person, &json!({ "city": "Vaasa" }));
    scene.sync_to_attention().await;
    assert_eq!(scene.row("people", person).await.unwrap()["city"], "Vaasa");
    assert_ne!(scene.row("companies", company).await.unwrap()["name"], "Unread");
    assert!(scene.stage.fake.calls().iter().all(|call| call.info.bare_path() != "/rest/companies"));
    let status = finish(scene.program().arg("status")).await;
    assert_eq!(status.code, Some(3), "{status:?}");
    assert!(status.stdout.contains("companies: pull is stopped"), "{status:?}");

    scene.sql("delete from sync.stop").await;
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
}
