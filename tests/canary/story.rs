//! The story: what can happen in the life of a mirror, one after the other, and then everything that was left behind.

use std::net::TcpListener;

use fake_twenty::{Effect, Fault, World};
use serde_json::json;
use url::Url;

use super::{
    daemon::Daemon,
    scene::Scene,
    stage::{finish, secrets::Secrets},
};

const WEBHOOK_SECRET: &str = "canary-of-the-webhook-secret";

/// Syncs once, however it ends; [`finish`] searches what it says.
async fn once(scene: &Scene) -> Option<i32> {
    finish(scene.program().args(["--once", "--json"])).await.code
}

/// Pull, push, a conflict, refused records, and a server that shows the headers it was sent.
async fn both_ways(scene: &Scene) {
    let id = scene.some("people", 0);
    scene.edit("people", id, &json!({"city": "there"}));
    scene.sql(&format!("update twenty.people set city = 'here' where id = '{id}'")).await;
    scene.sql("update twenty.companies set name = 'Canary Ltd' where id in (select id from twenty.companies limit 1)").await;
    scene.sql("update twenty.machines set state = 'NOPE' where id in (select id from twenty.machines limit 1)").await;
    assert_eq!(once(scene).await, Some(3), "somebody must decide");
    assert_eq!((scene.conflicts().await.len(), scene.problems().await.len()), (1, 1));

    let shown = format!("bad header authorization: Bearer {}", scene.stage.fake.api_key());
    let body =
        Some(json!({"statusCode": 400, "error": "BadRequest", "messages": [shown]}).to_string());
    scene
        .stage
        .fake
        .fault(Fault::new(Effect::Status { status: 400, body }).path("/rest/companies"));
    scene.sql("update twenty.companies set name = 'Canary AG' where id in (select id from twenty.companies limit 1)").await;
    assert_ne!(once(scene).await, Some(0));
    scene.stage.fake.clear_faults();
}

/// A key that is refused, a server and a database that are not there, and a database that refuses the password.
async fn misfortunes(scene: &Scene) {
    scene.stage.fake.set_revoked(true);
    assert_eq!(once(scene).await, Some(77));
    scene.stage.fake.set_revoked(false);
    scene.stage.fake.pause_listening().await;
    assert_eq!(once(scene).await, Some(1));
    scene.stage.fake.resume_listening().await;
    let url = scene.stage.database.url();
    let (start, end) = url.split_once('@').expect("a URL with a password");
    let (_, database) = end.split_once('/').expect("a URL with a database");
    let password = Url::parse(url).expect("a URL").password().expect("a password").to_owned();
    for away in [
        format!("{start}@127.0.0.1:1/{database}"),
        format!("{start}@127.0.0.1:no-port/{database}"),
        format!("{start}@{end}_that_is_not_there"),
        format!("{start}@{end}?sslmode=nonsense"),
        format!("postgres://somebody@127.0.0.1:1/{database}?password={password}"),
    ] {
        let ended = finish(scene.program().env("DATABASE_URL", &away).arg("--once")).await;
        assert!(![Some(0), Some(3)].contains(&ended.code), "{ended:?}");
    }
    let away = format!("{start}@127.0.0.1:1/{database}");
    let ended = finish(scene.program().env("DATABASE_URL", away).arg("doctor")).await;
    assert!(ended.stdout.contains("could not connect"), "{ended:?}");
}

/// What the commands say.
async fn commands(scene: &Scene) {
    let id = scene.some("people", 0).to_string();
    for command in [
        &["config", "check", "--json"][..],
        &["doctor"],
        &["plan"],
        &["why", "people", &id],
        &["webhook", "list"],
        &["verify"],
    ] {
        let ended = finish(scene.program().args(command)).await;
        assert!(!ended.stdout.is_empty(), "{command:?}: {ended:?}");
    }
}

/// What the daemon answers, while all is well and while Twenty is away.
async fn answers(scene: &Scene, secrets: &Secrets) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut program = scene.program();
    program
        .env("TWENTY_SYNC__WEBHOOK__LISTEN", &address)
        .env("TWENTY_SYNC__WEBHOOK__SECRET", WEBHOOK_SECRET);
    let daemon = Daemon::start(&mut program, "127.0.0.1").await;
    daemon.until("/readyz", 200).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let delivery = client.post(format!("http://{address}/hook")).body("{}");
    let delivery = delivery.bearer_auth(scene.stage.fake.api_key());
    let refused = delivery.header("X-Twenty-Webhook-Signature", WEBHOOK_SECRET).send().await;
    assert_eq!(refused.unwrap().status().as_u16(), 401);
    for away in [false, true] {
        if away {
            scene.stage.fake.pause_listening().await;
            daemon.until("/readyz", 503).await;
        }
        for path in ["/", "/livez", "/readyz", "/metrics", "/api/status", "/nowhere"] {
            let answer = daemon.get(path).await;
            let head = format!("{:?}", answer.headers());
            secrets.assert_untold(path, &(head + "\n" + &answer.text().await.unwrap()));
        }
    }
    scene.stage.fake.resume_listening().await;
    secrets.assert_untold("the daemon's log", &daemon.end().await);
}

/// Every row of every table and view, and what else a dump of the database holds.
async fn dump(scene: &Scene) -> String {
    let tables = "select format('%I.%I', n.nspname, c.relname) from pg_class c \
                  join pg_namespace n on n.oid = c.relnamespace \
                  where n.nspname in ('sync', 'twenty') and c.relkind in ('r', 'p', 'v', 'm')";
    let mut sources: Vec<String> =
        sqlx::query_scalar(tables).fetch_all(&scene.pool).await.expect("the catalog can be read");
    assert!(sources.len() > 20, "{sources:?}");
    sources.extend(
        ["pg_description", "pg_proc", "pg_trigger", "pg_db_role_setting", "pg_stat_activity"]
            .map(str::to_owned),
    );
    let mut text = String::new();
    for source in sources {
        let rows = format!("select t::text from {source} t");
        let rows: Vec<Option<String>> = sqlx::query_scalar(sqlx::AssertSqlSafe(rows))
            .fetch_all(&scene.pool)
            .await
            .unwrap_or_else(|error| panic!("{source}: {error}"));
        text.extend(
            rows.into_iter()
                .flatten()
                .flat_map(|row| [source.clone(), ": ".to_owned(), row, "\n".to_owned()]),
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_and_the_password_are_told_nowhere() {
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", "hold")]).await;
    let mut secrets = Secrets::given_to(&scene.program());
    secrets.add("the webhook's secret", WEBHOOK_SECRET);
    both_ways(&scene).await;
    misfortunes(&scene).await;
    commands(&scene).await;
    answers(&scene, &secrets).await;
    let dump = dump(&scene).await;
    assert!(dump.contains("Canary AG") && dump.contains("bad header"), "the dump is one");
    secrets.assert_untold("a table", &dump);
}

#[tokio::test]
async fn every_form_of_a_secret_is_found() {
    let mut command = tokio::process::Command::new("true");
    command.env("TWENTY_API_KEY", "eyJh.eyJwYXlsb2Fk.c2lnbmF0dXJl");
    command.env("DATABASE_URL", "postgres://u:pa%2Fss+w%40rd@host/db");
    let secrets = Secrets::given_to(&command);
    for told in [
        "key eyJh.eyJwYXlsb2Fk.c2lnbmF0dXJl",
        "claims eyJwYXlsb2Fk",
        "signature c2lnbmF0dXJl",
        "bytes 7369676e6174757265",
        "pa/ss+w@rd",
        "pa%2Fss+w%40rd",
        "pa%2Fss%2Bw%40rd",
        "basic dTpwYS9zcyt3QHJk",
        "basic dXNlcjpwYS9zcyt3QHJk",
        "basic bWU6cGEvc3Mrd0ByZA==",
    ] {
        assert!(secrets.told(told).is_some(), "{told}");
    }
    for untold in ["eyJh", "postgres://u@host/db", "payload", "the API key was refused"] {
        assert_eq!(secrets.told(untold), None);
    }
    let told = secrets.told("x pa/ss+w@rd y").expect("it is told");
    assert_eq!(told, "the database's password: x ••• y");
}
