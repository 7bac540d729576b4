use std::time::Duration;

use time::macros::datetime;
use tokio::time::Instant;

use super::{Alarm, Moment, Schedule, Schedules, with_seconds};

fn schedule(expression: &str) -> Schedule {
    Schedule::parse("pull.interval", expression).unwrap()
}

fn only(usual: &str) -> Schedules {
    Schedules { usual: schedule(usual), own: Vec::new() }
}

#[test]
fn what_is_due_is_counted_from_the_last_time() {
    let last = datetime!(2026-11-23 03:00:00.25 UTC);
    for (expression, next) in [
        ("24h", datetime!(2026-11-24 03:00:00.25 UTC)),
        ("0 3 * * *", datetime!(2026-11-24 03:00 UTC)),
        ("30 0 3 * * *", datetime!(2026-11-23 03:00:30 UTC)),
        ("0 3 * * SUN", datetime!(2026-11-29 03:00 UTC)),
    ] {
        assert_eq!(schedule(expression).next_after(last), Some(next), "{expression}");
    }
    assert_eq!(schedule("0 3 30 2 *").next_after(last), None);
}

#[test]
fn a_schedule_that_makes_no_sense_is_named_by_its_key() {
    let error = Schedule::parse("objects.people.interval", "at night").unwrap_err().to_string();
    assert!(error.contains("objects.people.interval") && error.contains("at night"), "{error}");
}

#[test]
fn periods_follow_one_clock_and_crontab_lines_the_other() {
    let now = Moment::now();
    let (minute, later) = (Duration::from_mins(1), now.instant + Duration::from_secs(59));
    let last = Moment { instant: now.instant, time: datetime!(2026-11-23 03:00:10 UTC) };
    for (instant, time, every, cron) in [
        (later, datetime!(2026-11-23 03:00:59 UTC), false, false),
        (later, datetime!(2026-11-23 03:01:00 UTC), false, true),
        (now.instant + minute, datetime!(2026-11-23 02:00:00 UTC), true, false),
    ] {
        let now = Moment { instant, time };
        assert_eq!(schedule("1m").is_due(last, now), every, "{now:?}");
        assert_eq!(schedule("* * * * *").is_due(last, now), cron, "{now:?}");
    }
}

#[test]
fn a_crontab_line_gets_seconds() {
    assert_eq!(with_seconds("*/5 * * * *"), "0 */5 * * * *");
    assert_eq!(with_seconds("0 */5 * * * *"), "0 */5 * * * *");
}

#[tokio::test]
async fn an_alarm_rings_at_the_time_of_a_line_and_at_the_time_it_is_given() {
    let alarm = Alarm::set(&only("* * * * * *")).await.unwrap();
    alarm.ring(None).await;
    let alarm = Alarm::set(&only("5ms")).await.unwrap();
    alarm.ring(Some(Instant::now() + Duration::from_millis(5))).await;
    assert_eq!(only("5ms").shortest(), Some(Duration::from_millis(5)));
}
