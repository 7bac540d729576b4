//! Two writers: random edits on both sides of the same records, with the program at work between them.

use std::time::Duration;

use fake_twenty::World;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    history::{FIELDS, History},
    scene::Scene,
};

/// Few records, so that most edits meet others.
const RECORDS: usize = 4;

/// Numbers that are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }
}

/// A fixed seed, or the one that `PUSH_SEED` names.
fn seed(fixed: u64) -> u64 {
    std::env::var("PUSH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(fixed)
}

/// One edit of a random field of a random record on a random side.
async fn edit(scene: &Scene, history: &History, records: &[Uuid], number: u32, dice: &mut Dice) {
    let (record, field) = (records[dice.roll(records.len())], FIELDS[dice.roll(FIELDS.len())]);
    if dice.roll(2) == 0 {
        scene.stage.fake.world(|world| history.edit_source(world, record, field, number));
    } else {
        history.edit_mirror(scene, record, field, number).await;
    }
}

fn records(scene: &Scene) -> Vec<Uuid> {
    (0..RECORDS).map(|place| scene.some("machines", place)).collect()
}

/// So many edits while the daemon syncs; the policy decides what it takes.
async fn beside_a_daemon(policy: &str, edits: u32, fixed: u64) {
    let seed = seed(fixed);
    let context = format!("policy {policy}, PUSH_SEED={seed}");
    println!("{context}");
    let scene = Scene::with(World::sample(), &[("PUSH__POLICY", policy)]).await;
    let (records, history, mut dice) = (records(&scene), History::default(), Dice(seed));
    let daemon = scene.daemon("100ms");
    for number in 1..=edits {
        edit(&scene, &history, &records, number, &mut dice).await;
        if dice.roll(3) == 0 {
            sleep(Duration::from_millis(dice.roll(60) as u64)).await;
        }
    }
    daemon.stop().await;
    if policy == "hold" {
        scene.run().await;
    } else {
        scene.sync_at_last().await;
        scene.assert_quiet_and_equal().await;
    }
    history.assert_nothing_lost(&scene, &context).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_edits_on_both_sides_none_is_lost() {
    beside_a_daemon("source", 1_000, 20_261_125).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_mirror_wins_no_edit_is_lost_either() {
    beside_a_daemon("mirror", 300, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_newest_wins_no_edit_is_lost_either() {
    beside_a_daemon("newest", 300, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_conflicts_are_held_no_edit_is_lost_either() {
    beside_a_daemon("hold", 300, 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_single_runs_no_edit_is_lost() {
    let seed = seed(11);
    let context = format!("single runs, PUSH_SEED={seed}");
    let scene = Scene::of(World::sample()).await;
    let (records, history, mut dice) = (records(&scene), History::default(), Dice(seed));
    for number in 1..=200 {
        edit(&scene, &history, &records, number, &mut dice).await;
        if dice.roll(12) == 0 {
            scene.sync().await;
        }
    }
    scene.sync().await;
    scene.assert_quiet_and_equal().await;
    history.assert_nothing_lost(&scene, &context).await;
}
