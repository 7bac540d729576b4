//! Registering, removing and testing.

use std::time::Duration;

use fake_twenty::{Disorder, World};
use serde_json::json;
use tokio::time::sleep;

use super::{
    hooked::{Hooked, SECRET},
    stage::{Ended, finish},
};

fn assert_refused(ended: &Ended, words: &str, hint: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(words) && ended.stderr.contains(hint), "{ended:?}");
    assert!(!ended.stderr.contains(SECRET), "{ended:?}");
}

#[tokio::test]
async fn registering_twice_is_one_webhook_and_removing_leaves_those_of_others() {
    let hooked = Hooked::unregistered(World::sample(), &[]).await;
    let foreign =
        json!({"targetUrl": "https://other.example/x?token=canary-query", "secret": "theirs"});
    let fake = &hooked.scene.stage.fake;
    fake.world(|world| world.add_webhook(foreign.as_object().unwrap()).map(drop)).unwrap();
    let ours = json!({"url": hooked.url, "secret": SECRET, "operations": ["*.*"]});
    for outcome in ["made", "unchanged"] {
        let ended = hooked.run(&["webhook", "register", "--json", "-vv"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
        assert!(ended.stdout.contains(outcome), "{ended:?}");
        let hooks = hooked.webhooks();
        assert_eq!((hooks.len(), &hooks[1]), (2, &ours));
    }
    // Somebody changed it, and made it again.
    fake.world(|world| {
        let id = world.webhooks[1].id;
        let changed = json!({"secret": "somebody's", "operations": ["note.*"]});
        world.update_webhook(id, changed.as_object().unwrap()).unwrap();
        let again = json!({"targetUrl": hooked.url, "secret": "twice"});
        world.add_webhook(again.as_object().unwrap()).unwrap();
    });
    assert!(hooked.run(&["webhook", "register", "--json"]).await.stdout.contains("changed"));
    let hooks = hooked.webhooks();
    assert_eq!((hooks.len(), &hooks[1]), (2, &ours));

    let listed = hooked.run(&["webhook", "list"]).await;
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");
    assert!(listed.stdout.contains(&hooked.url) && listed.stdout.contains("other.example"));
    for secret in [SECRET, "theirs", "canary-query"] {
        assert!(!format!("{listed:?}").contains(secret), "{listed:?}");
    }
    for _ in ["the one that is there", "none"] {
        assert_eq!(hooked.run(&["webhook", "remove"]).await.code, Some(0));
        let hooks = hooked.webhooks();
        assert!(hooks.len() == 1 && hooks[0]["secret"] == "theirs", "{hooks:?}");
    }
}

async fn run_with(hooked: &Hooked, settings: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = hooked.scene.program();
    command.envs(settings.iter().map(|(name, value)| (format!("TWENTY_SYNC__{name}"), value)));
    finish(command.arg("webhook").args(arguments)).await
}

/// Runs the test while somebody edits a record again and again.
async fn tested(hooked: &Hooked) -> Ended {
    let id = hooked.scene.some("people", 0);
    let editing = async {
        for number in 0.. {
            hooked.scene.edit("people", id, &json!({"city": format!("C{number}")}));
            sleep(Duration::from_millis(100)).await;
        }
    };
    let mut command = hooked.scene.program();
    tokio::select! {
        ended = finish(command.args(["webhook", "test", "--wait", "20s"])) => ended,
        () = editing => unreachable!("nobody stops editing"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_sees_events_arrive_with_a_daemon_and_without_one() {
    let hooked = Hooked::of(World::sample()).await;
    let ended = tested(&hooked).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("events arrive"), "{ended:?}");
    let daemon = hooked.daemon("1h").await;
    let ended = tested(&hooked).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    daemon.stop().await;
    let doctor = hooked.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("ok       webhook: Twenty calls"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_says_where_events_stay() {
    let hooked = Hooked::unregistered(World::sample(), &[]).await;
    let test = ["webhook", "test", "--wait", "500ms"];
    assert_refused(&hooked.run(&test).await, "Twenty has no webhook", "webhook register");
    let doctor = hooked.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("warning  webhook: Twenty has no webhook"), "{doctor:?}");

    assert_eq!(hooked.run(&["webhook", "register"]).await.code, Some(0));
    assert_refused(&hooked.run(&test).await, "no event arrived", "was a record changed?");

    let fake = &hooked.scene.stage.fake;
    fake.set_disorder(Disorder { drop: true, ..Disorder::default() });
    assert_refused(&hooked.run(&test).await, "no event arrived", "worker does not run");
    fake.set_disorder(Disorder::default());

    fake.world(|world| world.webhooks[0].secret = "somebody's".to_owned());
    assert_refused(&hooked.run(&test).await, "signs with another secret", "webhook register");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_tells_a_daemon_with_another_secret_from_a_stranger() {
    let hooked = Hooked::of(World::sample()).await;
    let daemon = hooked.daemon("1h").await;
    let other = [("WEBHOOK__SECRET", "another-secret-of-ours")];
    assert_eq!(run_with(&hooked, &other, &["register"]).await.code, Some(0));
    let ended = run_with(&hooked, &other, &["test", "--wait", "1s"]).await;
    assert_refused(&ended, "the receiver there has another secret", "webhook.secret_file");
    // Where Twenty itself answers, it is no receiver.
    let stranger = format!("{}/hook", hooked.scene.stage.fake.url());
    let stranger = [("WEBHOOK__URL", stranger.as_str()), ("WEBHOOK__LISTEN", "")];
    assert_eq!(run_with(&hooked, &stranger, &["register"]).await.code, Some(0));
    let ended = run_with(&hooked, &stranger, &["test", "--wait", "1s"]).await;
    assert_refused(&ended, "not twenty-sync", "webhook.url");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_port_says_so() {
    let hooked = Hooked::of(World::sample()).await;
    let daemon = hooked.daemon("1h").await;
    let ended = hooked.run(&["run"]).await;
    assert_refused(&ended, "cannot listen for webhooks on 127.0.0.1", "webhook.listen");
    daemon.stop().await;
}
