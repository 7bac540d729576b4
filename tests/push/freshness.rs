//! How soon a committed change is on the wire.

use std::time::{Duration, Instant};

use fake_twenty::World;
use tokio::time::sleep;

use super::scene::Scene;

const SAMPLES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_change_is_on_the_wire_within_a_second() {
    let scene = Scene::of(World::sample()).await;
    let daemon = scene.daemon("1h");
    let id = scene.some("people", 0);
    // The first one only shows that the daemon listens.
    let mut delays = Vec::new();
    for number in 0..=SAMPLES {
        scene.stage.fake.clear_calls();
        scene.sql(&format!("update twenty.people set city = 'C{number}' where id = '{id}'")).await;
        let committed = Instant::now();
        while scene.writes().is_empty() {
            sleep(Duration::from_millis(1)).await;
            assert!(committed.elapsed() < Duration::from_secs(30), "nothing was sent");
        }
        delays.push(committed.elapsed());
        scene.settled().await;
    }
    let mut delays = delays.split_off(1);
    delays.sort_unstable();
    let median = delays[SAMPLES / 2];
    println!("from commit to the wire: median {median:.1?}, longest {:.1?}", delays[SAMPLES - 1]);
    assert!(median < Duration::from_secs(1), "{delays:?}");
    daemon.stop().await;
    scene.assert_quiet_and_equal().await;
}
