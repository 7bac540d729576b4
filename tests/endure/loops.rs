//! Loops of one fault each: the same again and again, at moments of chance, under load from both sides.
//!
//! Each takes the number of its cycles, so that the ordinary run of tests plays a few, and `make endure` many.

use std::{sync::Arc, time::Duration};

use fake_twenty::{Effect, Fault};
use rustix::process::Signal;
use test_postgres::TestCluster;
use tokio::time::{Instant, sleep};

use super::{
    dice::Dice,
    figures::Figures,
    ground::Ground,
    load::Load,
    proxy::Mode,
    running::Running,
    verdict::{Trail, behind, judge},
};

/// What `run` promises to its supervisor.
pub(crate) const DEADLINE: Duration = Duration::from_secs(25);

/// After the signal, calls may begin for so long.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// The program is started and stopped by SIGTERM.
pub(crate) async fn stops(cycles: usize, seed: u64) -> Figures {
    let ground = laid(Ground::lay().await).await;
    let (load, mut dice, mut trail) =
        (Load::begin(&ground, seed), Dice::new(seed), Trail::default());
    let (mut times, mut late_calls) = (Vec::new(), 0);
    for _ in 0..cycles {
        let running = ground.start();
        sleep(moment(&mut dice, 1_500)).await;
        ground.stage.fake.clear_calls();
        let asked = std::time::Instant::now();
        let log = running.log();
        times.push(running.stop().await);
        let calls = ground.stage.fake.calls();
        late_calls += calls.iter().filter(|call| call.at > asked + LAST_CALLS).count();
        assert_no_fault(&log);
        trail.follow(&ground);
    }
    let verdict = rest(&ground, load, trail).await;
    Figures { what: "SIGTERM", cycles, times, late_calls, verdict }
}

/// The program is started and killed.
pub(crate) async fn kills(cycles: usize, seed: u64) -> Figures {
    let ground = laid(Ground::lay().await).await;
    let (load, mut dice, mut trail) =
        (Load::begin(&ground, seed), Dice::new(seed), Trail::default());
    for _ in 0..cycles {
        // Whoever is killed cannot give the lease up, and the next one waits for it.
        let mut program = ground.program();
        let mut running = ground.start_with(program.env("TWENTY_SYNC__MIRROR__LEASE", "1s"));
        sleep(moment(&mut dice, 2_500)).await;
        assert!(running.runs(), "{}", running.tail());
        running.signal(Signal::KILL);
        running.ended().await;
        assert_no_fault(&running.log());
        trail.follow(&ground);
    }
    let running = ground.start();
    let times = vec![ground.crosses().await];
    running.stop().await;
    let verdict = rest(&ground, load, trail).await;
    Figures { what: "kill -9", cycles, times, late_calls: 0, verdict }
}

/// PostgreSQL is restarted as by a crash; nothing where this machine has no PostgreSQL to start.
pub(crate) async fn restarts(cycles: usize, seed: u64) -> Option<Figures> {
    let ground = laid(Ground::on(TestCluster::start_if_installed().await?).await).await;
    let fault = async |dice: &mut Dice, _| {
        sleep(moment(dice, 700)).await;
        {
            let mut cluster = ground.cluster.as_ref().unwrap().lock().await;
            cluster.crash().await;
            cluster.resume().await;
        }
        assert_eq!(behind(&ground).await, Vec::<String>::new(), "a page that was written in part");
    };
    Some(outlives("PostgreSQL restart", &ground, (cycles, seed), fault).await)
}

/// The way to Twenty is out for a while, in each of five ways in turn.
pub(crate) async fn outages(cycles: usize, seed: u64) -> Figures {
    let ground = laid(Ground::lay().await).await;
    let fault = async |dice: &mut Dice, cycle| {
        sleep(moment(dice, 400)).await;
        let fake = &ground.stage.fake;
        match cycle % 5 {
            0 => ground.proxy.set(Mode::CutAnswers),
            1 => ground.proxy.set(Mode::Refuse),
            2 => ground.proxy.set(Mode::Stall),
            3 => fake.fault(Fault::status(503).chance(0.9, seed)),
            _ => fake.fault(Fault::new(Effect::RateLimited).chance(0.9, seed)),
        }
        sleep(moment(dice, 2_500)).await;
        ground.proxy.set(Mode::Pass);
        fake.clear_faults();
    };
    outlives("outage of Twenty", &ground, (cycles, seed), fault).await
}

/// The way to PostgreSQL is out for a while, in each of three ways in turn: what was committed and what was not, nobody
/// tells the program, and longer than the lease runs.
pub(crate) async fn database_outages(cycles: usize, seed: u64) -> Figures {
    let mut ground = Ground::lay().await;
    let line = ground.lay_line().await;
    let ground = laid(ground).await;
    let fault = async |dice: &mut Dice, cycle: usize| {
        sleep(moment(dice, 400)).await;
        line.set([Mode::CutAnswers, Mode::Refuse, Mode::Stall][cycle % 3]);
        sleep(moment(dice, 2_500) + Duration::from_secs(1)).await;
        line.set(Mode::Pass);
    };
    outlives("outage of PostgreSQL's line", &ground, (cycles, seed), fault).await
}

/// One program goes on while something else fails again and again, and is whole again after each time.
async fn outlives(
    what: &'static str,
    ground: &Arc<Ground>,
    (cycles, seed): (usize, u64),
    mut fault: impl AsyncFnMut(&mut Dice, usize),
) -> Figures {
    let (load, mut dice, mut trail) =
        (Load::begin(ground, seed), Dice::new(seed), Trail::default());
    let mut running = ground.start();
    ground.crosses().await;
    let mut times = Vec::new();
    for cycle in 0..cycles {
        fault(&mut dice, cycle).await;
        times.push(ground.crosses().await);
        assert!(running.runs(), "{}", running.tail());
        trail.follow(ground);
    }
    assert_no_fault(&running.log());
    let ledger = load.end().await;
    let verdict = judge(ground, &ledger, trail).await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
    Figures { what, cycles, times, late_calls: 0, verdict }
}

async fn laid(ground: Ground) -> Arc<Ground> {
    ground.call_witnesses().await;
    Arc::new(ground)
}

/// A moment from zero to below the limit, in milliseconds.
fn moment(dice: &mut Dice, limit: usize) -> Duration {
    Duration::from_millis(dice.below(limit) as u64)
}

/// People go home, the program runs once more, and everything is judged.
async fn rest(ground: &Ground, load: Load, trail: Trail) -> super::verdict::Verdict {
    let running: Running = ground.start();
    let ledger = load.end().await;
    let verdict = judge(ground, &ledger, trail).await;
    running.stop().await;
    ground.assert_quiet_and_equal().await;
    verdict
}

/// Faults around it are warnings; an error, or a panic, would be its own.
fn assert_no_fault(log: &str) {
    let is_fault = |line: &&str| line.contains("\"ERROR\"") || line.contains("panicked");
    let faults: Vec<&str> = log.lines().filter(is_fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Asked to stop while Twenty does not answer; a second signal ends it at once.
pub(crate) async fn stalled(seed: u64) -> (Duration, Duration) {
    let ground = laid(Ground::lay().await).await;
    let load = Load::begin(&ground, seed);
    let patient = |ground: &Ground| {
        let mut command = ground.program();
        for name in ["READ_TIMEOUT", "REQUEST_TIMEOUT", "RETRY_DEADLINE"] {
            command.env(format!("TWENTY_SYNC__SOURCE__{name}"), "5m");
        }
        command.env("TWENTY_SYNC__SWEEP__INTERVAL", "100ms");
        command
    };
    let mut took = Vec::new();
    for signals in 1..=2 {
        ground.proxy.set(Mode::Pass);
        let mut running = ground.start_with(&mut patient(&ground));
        ground.crosses().await;
        ground.proxy.set(Mode::Stall);
        // All loops shall have begun a call.
        sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        for _ in 0..signals {
            running.signal(Signal::TERM);
            sleep(Duration::from_millis(100)).await;
        }
        let code = running.ended().await.code();
        assert_eq!(code, Some(if signals == 1 { 0 } else { 143 }), "{}", running.tail());
        took.push(began.elapsed());
    }
    ground.proxy.set(Mode::Pass);
    let verdict = rest(&ground, load, Trail::default()).await;
    assert!(verdict.lost.is_empty() && verdict.divergent.is_empty(), "{verdict:#?}");
    (took[0], took[1])
}
