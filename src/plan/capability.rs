//! What may be done with a server that can do less, and when to look again what it can.
//!
//! It exists because a write to an older server would destroy where it means to delete (docs/twenty.md, "Version
//! differences"). Invariant: only a server that was seen to be a newer one is written to.

use std::time::Duration;

use crate::record::{Direction, Rest};

/// How long a look at a server that can do everything is believed.
const BELIEVED: Duration = Duration::from_hours(1);

/// Which way records travel, given which way they should.
pub fn allowed(wanted: Direction, rest: Rest) -> Direction {
    match (wanted, rest) {
        (Direction::Both, Rest::Legacy | Rest::Unseen) => Direction::Pull,
        (Direction::Both | Direction::Pull | Direction::Off, _) => wanted,
    }
}

/// Whether to look what the server can do, given what is known of it and for how long. Any other is looked at each
/// time, so that its upgrade is noticed at once.
pub fn is_due(known: Option<(Rest, Duration)>) -> bool {
    match known {
        None | Some((Rest::Legacy | Rest::Unseen, _)) => true,
        Some((Rest::Common, age)) => age >= BELIEVED,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{allowed, is_due};
    use crate::record::{
        Direction::{Both, Off, Pull},
        Rest::{Common, Legacy, Unseen},
    };

    #[test]
    fn a_server_is_written_to_only_where_it_was_seen_to_be_a_newer_one() {
        for (wanted, rest, direction) in [
            (Both, Common, Both),
            (Both, Legacy, Pull),
            (Both, Unseen, Pull),
            (Pull, Common, Pull),
            (Pull, Legacy, Pull),
            (Off, Common, Off),
            (Off, Legacy, Off),
            (Off, Unseen, Off),
        ] {
            assert_eq!(allowed(wanted, rest), direction, "{wanted:?} {rest:?}");
        }
    }

    #[test]
    fn a_server_that_takes_every_change_is_looked_at_once_an_hour_and_any_other_each_time() {
        let minutes = Duration::from_mins;
        for (known, due) in [
            (None, true),
            (Some((Legacy, minutes(0))), true),
            (Some((Unseen, minutes(0))), true),
            (Some((Common, minutes(0))), false),
            (Some((Common, minutes(59))), false),
            (Some((Common, minutes(60))), true),
        ] {
            assert_eq!(is_due(known), due, "{known:?}");
        }
    }
}
