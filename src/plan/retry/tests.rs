//! What follows each failure.

use std::time::Duration;

use super::{Disposition, Failure, Patience, after};

fn word(failure: Failure, attempt: u32) -> &'static str {
    match after(failure, attempt, Patience::default(), 0) {
        Disposition::Retry(_) => "retry",
        Disposition::Read(_) => "read",
        Disposition::RefreshSchema => "schema",
        Disposition::Halve => "halve",
        Disposition::Quarantine { .. } => "quarantine",
        Disposition::StopObject { .. } => "stop object",
        Disposition::Halt { .. } => "halt",
    }
}

#[test]
fn each_failure_has_its_consequence() {
    for (failure, attempt, expected) in [
        (Failure::InDoubt, 1, "read"),
        (Failure::InDoubt, 50, "read"),
        (Failure::Unavailable, 50, "retry"),
        (Failure::RateLimited, 1, "retry"),
        (Failure::Unauthorized, 1, "halt"),
        (Failure::Forbidden, 1, "stop object"),
        (Failure::IdExists, 1, "read"),
        (Failure::GuardFailed, 1, "read"),
        (Failure::NotUnique, 1, "quarantine"),
        (Failure::MissingReference, 1, "retry"),
        (Failure::MissingReference, 3, "quarantine"),
        (Failure::UnknownField, 1, "schema"),
        (Failure::UnknownField, 2, "quarantine"),
        (Failure::BadValue, 1, "quarantine"),
        (Failure::Batch, 1, "halve"),
    ] {
        assert_eq!(word(failure, attempt), expected, "{failure:?} {attempt}");
    }
}

#[test]
fn waiting_grows_to_a_limit_and_is_spread_from_nothing_on() {
    let patience = Patience::default();
    let longest = |attempt| {
        let waits =
            (0..2000u64).map(|random| after(Failure::Unavailable, attempt, patience, random * 157));
        waits
            .map(|wait| match wait {
                Disposition::Retry(wait) => wait,
                other => panic!("{other:?}"),
            })
            .max()
            .unwrap()
    };
    assert!(longest(1) <= Duration::from_secs(1));
    assert!(longest(4) <= Duration::from_secs(8) && longest(4) > Duration::from_secs(6));
    assert!(longest(u32::MAX) <= patience.longest && longest(u32::MAX) > Duration::from_secs(250));
    assert_eq!(after(Failure::Unavailable, 9, patience, 0), Disposition::Retry(Duration::ZERO));
}
