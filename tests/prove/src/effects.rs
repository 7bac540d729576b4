//! Fails the first, the second, the third … effect of a run, until a run has no more of them.
//!
//! It exists because chance may miss a place, and counting cannot: it is said of how many places all were tried.

use crate::{
    daemon::{Daemon, poll},
    play::{History, Setup},
    world::{Failing, Fate, Wrong},
};

/// Ways in which an effect fails: the process is killed after it, it does not happen, its answer is lost.
pub const WAYS: [&str; 3] = ["killed after it", "not done", "answer lost"];

/// What came of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// How many effects failed, each in a run of its own, in each of the [`WAYS`]: all that there are.
    pub points: [u64; 3],
    /// The first that ended wrong.
    pub wrong: Option<(u64, &'static str, Wrong)>,
}

/// Tries every failure of one run in the scenario of this seed: whatever people did before it on both sides.
pub fn try_all(seed: u64) -> Tried {
    let mut tried = Tried::default();
    for (place, way) in WAYS.into_iter().enumerate() {
        for at in 1.. {
            let (hit, wrong) = try_one(seed, at, way);
            if !hit {
                break;
            }
            tried.points[place] += 1;
            tried.wrong = tried.wrong.or(wrong.map(|wrong| (at, way, wrong)));
        }
    }
    tried
}

/// One failure; whether the run came so far, and what is wrong in the end.
fn try_one(seed: u64, at: u64, way: &'static str) -> (bool, Option<Wrong>) {
    let mut history = History::new(seed, Setup::default());
    history.quietly();
    for round in 0..12 {
        let mut world = history.world.borrow_mut();
        world.people_act(1 + 14 * round);
        world.statement(8 + 14 * round);
        drop(world);
        if round == 5 {
            history.cycle();
        }
    }
    let began = history.world.borrow().effects;
    let at = began + at;
    history.world.borrow_mut().failing = match way {
        "killed after it" => None,
        "not done" => Some(Failing { at, fate: Fate::Lost }),
        _ => Some(Failing { at, fate: Fate::ReplyLost }),
    };
    let daemon = Daemon::start(&history.world);
    let mut task = daemon.once();
    let is_killed = || way == "killed after it" && history.world.borrow().effects >= at;
    while !is_killed() && !poll(&mut task) {}
    let hit = history.world.borrow().effects >= at;
    drop(task);
    history.peace();
    (hit, history.end().wrong)
}
