//! The ledger against the server's own bucket, over simulated minutes.

use std::time::Duration;

use super::{Budget, Lane, Limit, ledger::Ledger};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const HUNDRED: Limit = Limit { calls: 100, window: Duration::from_mins(1) };

/// The bucket as Twenty keeps it.
struct Server {
    limit: Limit,
    tokens: u128,
    clock: Duration,
}

impl Server {
    fn full(limit: Limit) -> Server {
        Server { limit, tokens: u128::from(limit.calls), clock: Duration::ZERO }
    }

    fn call(&mut self, now: Duration) -> bool {
        let full = u128::from(self.limit.calls);
        let refill =
            now.saturating_sub(self.clock).as_millis() * full / self.limit.window.as_millis();
        let available = full.min(self.tokens + refill);
        if available == 0 {
            return false;
        }
        (self.tokens, self.clock) = (available - 1, now);
        true
    }
}

/// Calls one after the other for `minutes`; returns how many passed and how many were refused.
fn run(ledger: &mut Ledger, server: &mut Server, minutes: u64, latency: Duration) -> (u32, u32) {
    let (mut now, mut passed, mut refused) = (Duration::ZERO, 0, 0);
    while now < Duration::from_mins(minutes) {
        if let Err(until) = ledger.take(now, Lane::Pull, 1) {
            now = until;
            continue;
        }
        let taken = server.call(now + latency / 2);
        now += latency;
        if taken {
            passed += 1;
            ledger.accepted();
        } else {
            refused += 1;
            ledger.refused(now, Some(server.limit), None);
        }
        ledger.settle(now);
    }
    (passed, refused)
}

#[test]
fn alone_with_a_full_bucket_no_call_is_ever_refused() {
    for latency in [ms(1), ms(40), ms(120), ms(700), ms(5000)] {
        let (passed, refused) =
            run(&mut Ledger::new(Some(HUNDRED), 0), &mut Server::full(HUNDRED), 10, latency);
        assert_eq!(refused, 0, "{latency:?}");
        assert!(
            latency > ms(120) || passed > 80 * 10,
            "{passed} calls in 10 minutes at {latency:?}"
        );
    }
}

#[test]
fn an_empty_bucket_of_the_server_costs_one_refusal() {
    let mut server = Server::full(HUNDRED);
    server.tokens = 0;
    let (passed, refused) = run(&mut Ledger::new(Some(HUNDRED), 0), &mut server, 5, ms(50));
    assert_eq!(refused, 1);
    assert!(passed > 80 * 5 - 20, "{passed}");
}

#[test]
fn a_fresh_budget_allows_a_full_burst() {
    let mut ledger = Ledger::new(Some(HUNDRED), 0);
    for _ in 0..100 {
        assert_eq!(ledger.take(ms(1), Lane::Pull, 1), Ok(()));
    }
    assert!(ledger.take(ms(1), Lane::Pull, 1).is_err());
}

#[test]
fn without_a_limit_of_our_own_only_the_server_teaches_one() {
    let mut ledger = Ledger::new(None, 0);
    for _ in 0..10_000 {
        assert_eq!(ledger.take(ms(1), Lane::Pull, 1), Ok(()));
        ledger.settle(ms(1));
    }
    let limit = Limit { calls: 50, window: Duration::from_mins(1) };
    let (passed, refused) = run(&mut Ledger::new(None, 0), &mut Server::full(limit), 10, ms(10));
    assert_eq!(refused, 1);
    assert!((400..=551).contains(&passed), "{passed}");
}

#[test]
fn a_lower_limit_is_learned_and_a_higher_one_does_not_lift_ours() {
    let low = Limit { calls: 50, window: Duration::from_mins(1) };
    let (_, refused) = run(&mut Ledger::new(Some(HUNDRED), 0), &mut Server::full(low), 10, ms(10));
    assert_eq!(refused, 1);
    let high = Limit { calls: 1000, window: Duration::from_mins(1) };
    let mut ledger = Ledger::new(Some(HUNDRED), 0);
    ledger.refused(ms(0), Some(high), None);
    let (passed, _) = run(&mut ledger, &mut Server::full(high), 10, ms(1));
    assert!(passed <= 1000, "{passed}");
}

#[test]
fn a_refusal_pauses_everyone_and_longer_each_time() {
    let mut ledger = Ledger::new(None, 0);
    let mut now = Duration::ZERO;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        ledger.take(now, Lane::Pull, 1).unwrap();
        ledger.take(now, Lane::Pull, 1).unwrap();
        ledger.refused(now, None, None);
        ledger.refused(now, None, None);
        ledger.settle(now);
        ledger.settle(now);
        let until = ledger.take(now, Lane::Pull, 1).unwrap_err();
        pauses.push(until.saturating_sub(now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    ledger.accepted();
    ledger.refused(now, None, Some(Duration::from_secs(90)));
    assert_eq!(ledger.take(now, Lane::Pull, 1), Err(now + Duration::from_secs(90)));
}

#[test]
fn a_request_of_many_root_fields_costs_as_many_calls() {
    let mut ledger = Ledger::new(Some(HUNDRED), 0);
    assert_eq!(ledger.take(ms(0), Lane::Pull, 60), Ok(()));
    assert!(ledger.take(ms(0), Lane::Pull, 60).is_err());
    let mut ledger = Ledger::new(Some(HUNDRED), 0);
    assert_eq!(
        ledger.take(ms(0), Lane::Pull, 250),
        Ok(()),
        "more than the limit goes when the bucket is full"
    );
}

#[test]
fn nonsense_in_a_limit_is_not_believed() {
    for text in [
        "Limit reached",
        "Limit reached (0 tokens per 60000 ms)",
        "Limit reached (5 tokens per 1 ms)",
        "Limit reached (5 tokens per 99999999999 ms)",
        "Limit reached (x tokens per 60000 ms)",
    ] {
        assert_eq!(Limit::in_text(text), None, "{text}");
    }
    assert_eq!(Limit::in_text("Limit reached (100 tokens per 60000 ms)"), Some(HUNDRED));
}

#[tokio::test]
async fn clones_share_one_budget() {
    let budget = Budget::new(10, 0);
    let clone = budget.clone();
    for _ in 0..5 {
        drop(budget.acquire(Lane::Pull, 1).await);
        drop(clone.acquire(Lane::Pull, 1).await);
    }
    let eleventh = tokio::time::timeout(ms(20), clone.acquire(Lane::Pull, 1)).await;
    assert!(eleventh.is_err());
}

/// Calls of two lanes for ten minutes, the first as often as it may, the second with what that leaves.
fn side_by_side(ledger: &mut Ledger, lane: Lane, beside: Option<(Lane, Duration)>) -> (u32, u32) {
    let (mut now, mut calls, mut others) = (Duration::ZERO, 0, 0);
    let mut next = Duration::ZERO;
    while now < Duration::from_mins(10) {
        if let Some((other, every)) = beside.filter(|_| now >= next)
            && ledger.take(now, other, 1).is_ok()
        {
            ledger.settle(now);
            others += 1;
            next = now + every;
        }
        if ledger.take(now, lane, 1).is_ok() {
            ledger.settle(now);
            calls += 1;
        }
        now += ms(50);
    }
    (calls, others)
}

#[test]
fn sweeps_and_backfills_leave_the_reserve_to_others_and_the_rest_does_not() {
    for (lane, most) in
        [(Lane::Push, 100), (Lane::Pull, 100), (Lane::Sweep, 70), (Lane::Backfill, 70)]
    {
        let (calls, _) = side_by_side(&mut Ledger::new(Some(HUNDRED), 30), lane, None);
        assert!((most * 8..=most * 11).contains(&calls), "{lane:?}: {calls}");
    }
    let mut ledger = Ledger::new(Some(HUNDRED), 30);
    let (sweep, push) =
        side_by_side(&mut ledger, Lane::Sweep, Some((Lane::Push, Duration::from_secs(2))));
    assert!(push >= 250, "{push} of 300");
    assert!(sweep + push <= 770 && sweep > 200, "{sweep} beside {push}");
}

#[test]
fn a_learned_limit_has_its_reserve_and_a_small_limit_still_lets_something_pass() {
    let mut ledger = Ledger::new(None, 30);
    ledger.refused(ms(0), Some(HUNDRED), None);
    let (calls, _) = side_by_side(&mut ledger, Lane::Backfill, None);
    assert!((500..=700).contains(&calls), "{calls}");
    let tiny = Limit { calls: 5, window: Duration::from_mins(1) };
    let (calls, _) = side_by_side(&mut Ledger::new(Some(tiny), 30), Lane::Sweep, None);
    assert!((8..=12).contains(&calls), "{calls}");
}

#[tokio::test]
async fn the_most_urgent_caller_goes_first_when_calls_are_there_again() {
    // A call in 150 ms, used up.
    let budget = Budget::new(0, 0);
    budget.refused(Some(Limit { calls: 1, window: ms(150) }), None);
    let went = std::sync::Mutex::new(Vec::new());
    let call = async |lane| {
        drop(budget.acquire(lane, 1).await);
        went.lock().unwrap().push(lane);
    };
    let given_up = tokio::time::timeout(ms(1), budget.acquire(Lane::Push, 1)).await;
    assert!(given_up.is_err());
    tokio::join!(call(Lane::Backfill), call(Lane::Sweep), call(Lane::Pull), call(Lane::Push));
    assert_eq!(went.into_inner().unwrap(), Lane::ALL);
}

#[test]
fn what_is_left_is_told_by_the_slowest_limit() {
    assert_eq!(Ledger::new(None, 10).state(ms(0)), None);
    let mut ledger = Ledger::new(Some(HUNDRED), 10);
    for _ in 0..40 {
        ledger.take(ms(0), Lane::Push, 1).unwrap();
        ledger.settle(ms(0));
    }
    let left = |ledger: &Ledger, now| {
        let state = ledger.state(now).expect("a limit is known");
        (state.limit.calls, state.left, state.reserve)
    };
    assert_eq!(left(&ledger, ms(0)), (100, 60, 10));
    assert_eq!(left(&ledger, ms(6000)), (100, 70, 10), "ten come back in six seconds");
    assert_eq!(left(&ledger, Duration::from_mins(2)), (100, 100, 10));
    ledger.refused(ms(0), Some(Limit { calls: 10, window: Duration::from_secs(1) }), None);
    assert_eq!(left(&ledger, ms(0)).0, 100, "ten a second are more than a hundred a minute");
    assert_eq!(left(&ledger, ms(0)).1, 0, "nobody may call while the server wants a pause");
    ledger.refused(ms(0), Some(Limit { calls: 50, window: Duration::from_mins(1) }), None);
    assert_eq!(left(&ledger, ms(0)), (50, 0, 10));
}
