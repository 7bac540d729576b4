//! Events have the daemon look, and nothing but that.

use std::time::{Duration, Instant};

use fake_twenty::{Disorder, World};
use serde_json::json;

use super::hooked::{Hooked, until};

const SAMPLES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_twenty_is_in_the_mirror_within_a_second_of_its_event() {
    let hooked = Hooked::of(World::sample()).await;
    let daemon = hooked.daemon("1h").await;
    let id = hooked.scene.some("people", 0);
    let mut delays = Vec::new();
    for number in 0..SAMPLES {
        let city = format!("C{number}");
        hooked.scene.edit("people", id, &json!({"city": city}));
        let edited = Instant::now();
        hooked.city_is(id, &city).await;
        delays.push(edited.elapsed());
    }
    delays.sort_unstable();
    println!(
        "from the edit to the mirror: median {:.1?}, longest {:.1?}",
        delays[SAMPLES / 2],
        delays[SAMPLES - 1]
    );
    assert!(delays[SAMPLES / 2] < Duration::from_secs(1), "{delays:?}");
    assert_eq!(hooked.objects_read(), ["people"], "only what the event named is read");
    daemon.stop().await;
    hooked.scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_heard_after_the_configuration_was_read_anew_and_meanwhile() {
    let hooked = Hooked::of(World::sample()).await;
    let daemon = hooked.daemon("1h").await;
    let id = hooked.scene.some("people", 0);
    let passes = "select count(*) from sync.run where mode = 'daemon' and finished_at is not null";
    for number in 0..3 {
        daemon.hang_up();
        hooked.scene.edit("people", id, &json!({"city": format!("M{number}")}));
        hooked.city_is(id, &format!("M{number}")).await;
    }
    until("the loops began anew", async || hooked.scene.number(passes).await >= 3).await;
    hooked.scene.stage.fake.webhooks_drained().await;
    hooked.scene.edit("people", id, &json!({"city": "after"}));
    hooked.city_is(id, "after").await;
    let log = daemon.stop().await;
    assert_eq!(log.matches("listening for webhooks").count(), 1, "the socket stays: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_a_thousand_events_is_a_look_or_two() {
    let hooked =
        Hooked::unregistered(World::sample(), &[("SOURCE__REQUESTS_PER_MINUTE", "600")]).await;
    assert_eq!(hooked.run(&["webhook", "register"]).await.code, Some(0));
    let daemon = hooked.daemon("1h").await;
    let id = hooked.scene.some("people", 0);
    let began = Instant::now();
    hooked.scene.stage.fake.world(|world| {
        for number in 0..1_000 {
            world.update("people", id, &json!({"city": format!("C{number}")}));
        }
    });
    hooked.scene.stage.fake.webhooks_drained().await;
    hooked.city_is(id, "C999").await;
    // Deliveries take their time; each look is paid for with rest, here 0.2 s a call after 0.2 s of gathering.
    let (looks, took) = (hooked.reads_of("people"), began.elapsed());
    println!("1,000 events within {took:.1?} were {looks} looks");
    let bound = 2 + took.as_millis() / 200;
    assert!(looks >= 1 && u128::try_from(looks).unwrap() <= bound, "{looks} looks in {took:?}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_record_leaves_the_mirror_without_waiting_for_the_hourly_sweep() {
    let hooked = Hooked::of(World::sample()).await;
    let daemon = hooked.daemon("1h").await;
    let id = hooked.scene.some("notes", 0);
    hooked.scene.stage.fake.world(|world| world.destroy("notes", id));
    until("the row is gone", async || hooked.scene.row("notes", id).await.is_none()).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_doubled_and_in_reverse_end_equal() {
    let hooked = Hooked::of(World::sample()).await;
    let fake = &hooked.scene.stage.fake;
    fake.set_disorder(Disorder { duplicate: true, reverse: true, drop: false });
    let daemon = hooked.daemon("1h").await;
    let [edited, deleted, restored] = [0, 1, 2].map(|place| hooked.scene.some("people", place));
    let made = fake.world(|world| {
        let made = world.create("people", &json!({"city": "made"}));
        world.update("people", edited, &json!({"city": "first"}));
        world.update("people", edited, &json!({"city": "second"}));
        world.soft_delete("people", deleted);
        world.soft_delete("people", restored);
        world.restore("people", restored);
        world.update("people", made, &json!({"city": "made and edited"}));
        made
    });
    hooked.city_is(edited, "second").await;
    hooked.city_is(made, "made and edited").await;
    until("the deleted one is gone", async || hooked.scene.row("people", deleted).await.is_none())
        .await;
    until("the restored one is there", async || {
        hooked.scene.row("people", restored).await.is_some()
    })
    .await;
    daemon.stop().await;
    hooked.scene.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_told_comes_with_the_next_tick() {
    let hooked = Hooked::of(World::sample()).await;
    let fake = &hooked.scene.stage.fake;
    fake.set_disorder(Disorder { drop: true, ..Disorder::default() });
    let daemon = hooked.daemon("1s").await;
    let [edited, deleted] = [0, 1].map(|place| hooked.scene.some("people", place));
    hooked.scene.edit("people", edited, &json!({"city": "unheard"}));
    fake.world(|world| world.soft_delete("people", deleted));
    hooked.city_is(edited, "unheard").await;
    until("the deleted one is gone", async || hooked.scene.row("people", deleted).await.is_none())
        .await;
    daemon.stop().await;
    hooked.scene.assert_quiet_and_equal().await;
}
