//! The ledger against the server's own bucket, over simulated minutes.

use std::time::Duration;

use super::{Budget, Limit, ledger::Ledger};

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
        if let Err(until) = ledger.take(now, 1) {
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
            run(&mut Ledger::new(Some(HUNDRED)), &mut Server::full(HUNDRED), 10, latency);
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
    let (passed, refused) = run(&mut Ledger::new(Some(HUNDRED)), &mut server, 5, ms(50));
    assert_eq!(refused, 1);
    assert!(passed > 80 * 5 - 20, "{passed}");
}

#[test]
fn a_fresh_budget_allows_a_full_burst() {
    let mut ledger = Ledger::new(Some(HUNDRED));
    for _ in 0..100 {
        assert_eq!(ledger.take(ms(1), 1), Ok(()));
    }
    assert!(ledger.take(ms(1), 1).is_err());
}

#[test]
fn without_a_limit_of_our_own_only_the_server_teaches_one() {
    let mut ledger = Ledger::new(None);
    for _ in 0..10_000 {
        assert_eq!(ledger.take(ms(1), 1), Ok(()));
        ledger.settle(ms(1));
    }
    let limit = Limit { calls: 50, window: Duration::from_mins(1) };
    let (passed, refused) = run(&mut Ledger::new(None), &mut Server::full(limit), 10, ms(10));
    assert_eq!(refused, 1);
    assert!((400..=551).contains(&passed), "{passed}");
}

#[test]
fn a_lower_limit_is_learned_and_a_higher_one_does_not_lift_ours() {
    let low = Limit { calls: 50, window: Duration::from_mins(1) };
    let (_, refused) = run(&mut Ledger::new(Some(HUNDRED)), &mut Server::full(low), 10, ms(10));
    assert_eq!(refused, 1);
    let high = Limit { calls: 1000, window: Duration::from_mins(1) };
    let mut ledger = Ledger::new(Some(HUNDRED));
    ledger.refused(ms(0), Some(high), None);
    let (passed, _) = run(&mut ledger, &mut Server::full(high), 10, ms(1));
    assert!(passed <= 1000, "{passed}");
}

#[test]
fn a_refusal_pauses_everyone_and_longer_each_time() {
    let mut ledger = Ledger::new(None);
    let mut now = Duration::ZERO;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        ledger.take(now, 1).unwrap();
        ledger.take(now, 1).unwrap();
        ledger.refused(now, None, None);
        ledger.refused(now, None, None);
        ledger.settle(now);
        ledger.settle(now);
        let until = ledger.take(now, 1).unwrap_err();
        pauses.push(until.saturating_sub(now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    ledger.accepted();
    ledger.refused(now, None, Some(Duration::from_secs(90)));
    assert_eq!(ledger.take(now, 1), Err(now + Duration::from_secs(90)));
}

#[test]
fn a_request_of_many_root_fields_costs_as_many_calls() {
    let mut ledger = Ledger::new(Some(HUNDRED));
    assert_eq!(ledger.take(ms(0), 60), Ok(()));
    assert!(ledger.take(ms(0), 60).is_err());
    let mut ledger = Ledger::new(Some(HUNDRED));
    assert_eq!(ledger.take(ms(0), 250), Ok(()), "more than the limit goes when the bucket is full");
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
    let budget = Budget::new(10);
    let clone = budget.clone();
    for _ in 0..5 {
        drop(budget.acquire(1).await);
        drop(clone.acquire(1).await);
    }
    let eleventh = tokio::time::timeout(ms(20), clone.acquire(1)).await;
    assert!(eleventh.is_err());
}
