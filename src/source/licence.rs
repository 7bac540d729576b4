//! Until when this program may change something in Twenty.
//!
//! It exists because a program can be paused at any moment, between deciding to write and writing, and by the time it
//! wakes another may work in its place. So the last thing before a write is a look at the clock. Invariants: it costs no
//! question to anybody; the clock counts the time in which this program, or the whole machine, was asleep.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Until when writes may go. Clones are one.
#[derive(Debug, Clone)]
pub struct Licence(Arc<AtomicU64>);

/// A moment of a clock that never stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Default for Licence {
    /// Without an end.
    fn default() -> Licence {
        Licence(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Licence {
    /// One that is yet to be given.
    pub fn none() -> Licence {
        Licence(Arc::new(AtomicU64::new(0)))
    }

    /// Lets writes go until `time` after `since`.
    pub fn extend(&self, since: Moment, time: Duration) {
        let until = u64::try_from((since.0 + time).as_millis()).unwrap_or(u64::MAX);
        self.0.store(until, Ordering::SeqCst);
    }

    /// Lets nothing go from now on.
    pub fn revoke(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// Whether writes may go now.
    pub fn holds(&self) -> bool {
        let until = self.0.load(Ordering::SeqCst);
        until == u64::MAX || Moment::now().0.as_millis() < u128::from(until)
    }
}

impl Moment {
    /// Now.
    #[cfg(target_os = "linux")]
    pub fn now() -> Moment {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::Boottime);
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        Moment(seconds + Duration::from_nanos(time.tv_nsec.unsigned_abs()))
    }

    /// Now. This clock may stand still while the machine is asleep.
    #[cfg(not(target_os = "linux"))]
    pub fn now() -> Moment {
        use std::{sync::LazyLock, time::Instant};
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Moment(START.elapsed() + Duration::from_secs(1))
    }

    /// How long ago this was.
    pub fn elapsed(self) -> Duration {
        Moment::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Licence, Moment};

    #[test]
    fn a_licence_holds_until_its_time_and_not_after() {
        let licence = Licence::none();
        assert!(!licence.holds());
        let now = Moment::now();
        licence.extend(now, Duration::from_hours(1));
        assert!(licence.holds());
        licence.extend(now, Duration::ZERO);
        assert!(!licence.holds());
        licence.extend(now, Duration::from_hours(1));
        licence.clone().revoke();
        assert!(!licence.holds());
    }

    #[test]
    fn without_a_lease_there_is_no_end() {
        assert!(Licence::default().holds());
    }
}
