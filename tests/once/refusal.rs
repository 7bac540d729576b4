//! Bad input: each gets one clear line, a hint and its exit code, and nothing is half done.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path};

use fake_twenty::{BadKey, Effect, Fault, Options, World};
use serde_json::json;

use super::{
    equality,
    stage::{Ended, Stage, finish, id_of},
};

/// The failure is one line with `words` in it, and a hint; no secret is in it.
fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let error = lines
        .iter()
        .position(|line| line.starts_with("error: "))
        .unwrap_or_else(|| panic!("{ended:?}"));
    for word in words {
        assert!(lines[error].contains(word), "{word:?} is not in {:?}", lines[error]);
    }
    assert!(
        lines.get(error + 1).is_some_and(|line| line.starts_with("hint: ")),
        "no hint: {ended:?}"
    );
    assert!(!ended.stderr.contains("eyJ"), "a key is in {ended:?}");
}

async fn is_untouched(stage: &Stage) -> bool {
    let pool = stage.database.pool().await;
    let query = "select count(*) from pg_namespace where nspname in ('sync', 'twenty')";
    sqlx::query_scalar::<_, i64>(query).fetch_one(&pool).await.expect("the mirror answers") == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_bad_key_is_told_apart() {
    let stage = Stage::set(World::sample()).await;
    for (key, code, words) in [
        (String::new(), 78, "the API key is not set"),
        (stage.fake.bad_key(BadKey::NotAJwt), 78, "no signed token"),
        (stage.fake.bad_key(BadKey::Expired), 77, "expired"),
        (stage.fake.bad_key(BadKey::Revoked), 77, "revoked"),
        (stage.fake.bad_key(BadKey::BadSignature), 77, "key"),
    ] {
        let ended = finish(stage.program().arg("--once").env("TWENTY_API_KEY", key)).await;
        assert_refused(&ended, code, &[words]);
    }
    let pool = stage.database.pool().await;
    let tables: i64 =
        sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'twenty'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_another_workspace_is_refused_and_nothing_is_read() {
    let stage = Stage::set(World::sample()).await;
    stage.once().await;
    stage.fake.clear_calls();
    let key = stage.fake.bad_key(BadKey::OtherWorkspace);
    let ended = finish(stage.program().arg("--once").env("TWENTY_API_KEY", key)).await;
    assert_refused(&ended, 78, &["mirrors workspace", "the API key belongs to workspace"]);
    assert!(stage.fake.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_and_one_without_tls_are_told_apart() {
    let stage = Stage::set(World::sample()).await;
    let at = async |url: String| finish(stage.program().arg("--once").env("TWENTY_URL", url)).await;
    assert_refused(&at("http://127.0.0.1:1".to_owned()).await, 1, &["could not", "connect"]);
    let tls = at(stage.fake.url().replace("http://", "https://")).await;
    assert_refused(&tls, 1, &["could not"]);
    let plain = at("http://crm.example.org".to_owned()).await;
    assert_refused(&plain, 78, &["unencrypted", "crm.example.org"]);
    assert_refused(&at("crm".to_owned()).await, 78, &["source.url"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_does_not_exist_is_refused_with_the_nearest_names() {
    let stage = Stage::set(World::sample()).await;
    let ended = finish(
        stage.program().arg("--once").env("TWENTY_SYNC__OBJECTS__COMPANYS__DIRECTION", "pull"),
    )
    .await;
    assert_refused(&ended, 78, &["objects.companys"]);
    assert!(ended.stderr.contains("did you mean companies"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_rights_is_refused() {
    let stage = Stage::set(World::sample()).await;
    let role = stage.database.create_role().await;
    let ended = finish(stage.program().arg("--once").env("DATABASE_URL", role.url())).await;
    assert_refused(&ended, 78, &["could not prepare the control schema"]);
    assert!(ended.stderr.contains("GRANT CREATE"), "{ended:?}");
    assert!(is_untouched(&stage).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_holds_foreign_tables_is_refused() {
    let stage = Stage::set(World::sample()).await;
    let pool = stage.database.pool().await;
    sqlx::raw_sql("create schema twenty; create table twenty.mine ()")
        .execute(&pool)
        .await
        .unwrap();
    assert_refused(&stage.run(&["--once"]).await, 78, &["twenty", "mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_cannot_be_believed_fails_its_object_and_removes_nothing() {
    let stage = Stage::set(World::with_people(1_000)).await;
    stage.once().await;
    for effect in [
        Effect::EndEarly(0.2),
        Effect::WrongTotal(100),
        Effect::StuckCursor,
        Effect::RepeatedId,
        Effect::BrokenJson,
        Effect::Html,
        Effect::CutBody,
    ] {
        start_over(&stage).await;
        stage.fake.fault(Fault::new(effect.clone()).path("/rest/people"));
        let ended = stage.run(&["--once"]).await;
        assert_eq!(ended.code, Some(1), "{effect:?}: {ended:?}");
        assert!(
            ended.stdout.contains("people") && ended.stdout.contains("failed"),
            "{effect:?}: {ended:?}"
        );
        assert_eq!(people(&stage).await, 1_000, "{effect:?}");
        stage.fake.clear_faults();
    }
    stage.once().await;
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_costs_nothing_but_time() {
    let stage = Stage::set(World::with_people(1_000)).await;
    for effect in [
        Effect::Status { status: 502, body: None },
        Effect::RateLimited,
        Effect::CutBefore,
        Effect::CutAfter,
        Effect::Html,
        Effect::BrokenJson,
        Effect::EndEarly(0.2),
    ] {
        stage.fake.fault(Fault::new(effect).path("/rest/people").nth(2));
    }
    let ended =
        finish(stage.program().args(["--once"]).env("TWENTY_SYNC__SOURCE__RETRY_DEADLINE", "60s"))
            .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_cannot_hold_goes_to_quarantine_and_everything_else_arrives() {
    let stage = Stage::set(World::sample()).await;
    let broken = stage.fake.world(|world| {
        let id = id_of(world, "people", 3);
        world.change_silently("people", id, "city", fake_twenty::world::Cell::text("a\0b"));
        id
    });
    let ended = stage.run(&["--once"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let pool = stage.database.pool().await;
    let held: Vec<(uuid::Uuid, String)> =
        sqlx::query_as("select record_id, reason from sync.quarantine")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(held.len(), 1);
    assert!(held[0].0 == broken && held[0].1.contains("NUL"), "{held:?}");
    stage.fake.world(|world| world.update("people", broken, &json!({"city": "Oslo"})));
    stage.once().await;
    equality::assert_equal(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_server_ends_in_a_time_out_not_in_a_hang() {
    let stage = Stage::set_with(Options { world: World::sample(), ..Options::default() }).await;
    stage.fake.fault(Fault::new(Effect::Stall).path("/rest/people"));
    let ended =
        finish(stage.program().arg("--once").env("TWENTY_SYNC__SOURCE__REQUEST_TIMEOUT", "1s"))
            .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("people: "), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_a_secret() {
    let stage = Stage::set(World::sample()).await;
    let key = stage.fake.api_key().to_owned();
    for arguments in [
        &["-vv", "--once"][..],
        &["-vv", "doctor"],
        &["config", "check"],
        &["-vv", "status", "--json"],
    ] {
        let ended = stage.run(arguments).await;
        assert!(!format!("{ended:?}").contains(&key), "{arguments:?}");
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    }
}

async fn people(stage: &Stage) -> i64 {
    let pool = stage.database.pool().await;
    sqlx::query_scalar("select count(*) from twenty.people")
        .fetch_one(&pool)
        .await
        .expect("the mirror answers")
}

/// Forgets how far everything was read, so that the next run walks it all.
async fn start_over(stage: &Stage) {
    let pool = stage.database.pool().await;
    sqlx::raw_sql("delete from sync.checkpoint").execute(&pool).await.expect("the mirror answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_everybody_may_read_is_refused_and_told_with_its_place() {
    let stage = Stage::set(World::sample()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, stage.fake.api_key()).unwrap();
    let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode));
    set(folder.path(), 0o755).unwrap();
    let run = async |arguments: &[&str]| {
        let mut program = stage.program();
        program.args(arguments).env_remove("TWENTY_API_KEY").env("TWENTY_API_KEY_FILE", &file);
        finish(&mut program).await
    };
    let place = file.display().to_string();
    set(&file, 0o644).unwrap();
    let once = run(&["--once"]).await;
    assert_refused(&once, 78, &["source.api_key_file", &place, "every user of this machine"]);
    assert!(once.stderr.contains("hint: chmod 600"), "{once:?}");
    let doctor = run(&["doctor"]).await;
    assert!(doctor.code == Some(78) && doctor.stdout.contains(&place), "{doctor:?}");
    assert!(is_untouched(&stage).await);
    set(&file, 0o600).unwrap();
    let once = run(&["--once"]).await;
    assert_eq!(once.code, Some(0), "{once:?}");
}
