//! Points in time: microseconds in the store, milliseconds on the wire.

use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Microseconds of one day.
pub const DAY: i64 = 86_400_000_000;

/// As the wire shows it: UTC, cut (not rounded) to milliseconds.
pub fn to_wire(micros: i64) -> String {
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let rest = micros.rem_euclid(DAY) / 1000;
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, millis) = (rest / 1000 % 60, rest % 1000);
    let year =
        if (0..=9999).contains(&year) { format!("{year:04}") } else { format!("{year:+07}") };
    format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// Days since 1970 as year, month, day of the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// What PostgreSQL accepts as a point in time, words included; none where it would raise an error.
pub fn parse(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    let midnight = now.div_euclid(DAY) * DAY;
    match text.to_ascii_lowercase().as_str() {
        "now" => return Some(now),
        "today" => return Some(midnight),
        "tomorrow" => return Some(midnight + DAY),
        "yesterday" => return Some(midnight - DAY),
        "epoch" => return Some(0),
        _ => {}
    }
    let (day, rest) = split_date(text)?;
    let date = parse_date(day)?;
    let (clock, offset_minutes) = split_zone(rest.trim_start_matches(['T', 't', ' ']))?;
    let clock = if clock.is_empty() { Time::MIDNIGHT } else { parse_clock(clock)? };
    let moment = date.with_time(clock).assume_utc() - Duration::minutes(offset_minutes);
    i64::try_from(moment.unix_timestamp_nanos() / 1000).ok()
}

fn split_date(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['T', 't', ' ']).unwrap_or(text.len());
    text.get(..at).map(|day| (day, &text[at..]))
}

/// A calendar day in ISO form.
pub fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().filter(|y| y.len() >= 4)?.parse::<i32>().ok()?;
    let month = parts.next()?.parse::<u8>().ok()?;
    let day = parts.next()?.parse::<u8>().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn split_zone(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, zone) = text.split_at(at);
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let hours = digits.get(..2)?.parse::<i64>().ok()?;
    let minutes =
        digits.get(2..).filter(|m| !m.is_empty()).map_or(Ok(0), str::parse::<i64>).ok()?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    Some((clock.trim_end(), sign * (hours * 60 + minutes)))
}

fn parse_clock(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let hours = parts.next()?.parse::<u8>().ok()?;
    let minutes = parts.next()?.parse::<u8>().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Time::from_hms_micro(hours, minutes, whole.parse().ok()?, fraction.parse().ok()?).ok()
}

/// A point in time that metadata or an export spells in the usual way.
pub fn from_iso(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_521_600_000_000;

    #[test]
    fn the_wire_cuts_microseconds_off() {
        let micros = parse("2026-02-28T23:30:00.123999Z", NOON).unwrap();
        assert_eq!(to_wire(micros), "2026-02-28T23:30:00.123Z");
        assert_eq!(micros % 1000, 999);
    }

    #[test]
    fn offsets_become_utc() {
        let micros = parse("2026-02-28T23:30:00+05:30", NOON).unwrap();
        assert_eq!(to_wire(micros), "2026-02-28T18:00:00.000Z");
    }

    #[test]
    fn words_and_bare_days_are_points_in_time() {
        assert_eq!(parse("tomorrow", NOON).map(to_wire), parse("today", NOON + DAY).map(to_wire));
        assert_eq!(
            parse("2026-01-01", NOON).map(to_wire).as_deref(),
            Some("2026-01-01T00:00:00.000Z")
        );
        assert_eq!(parse("nonsense", NOON), None);
        assert_eq!(parse("2026-02-30", NOON), None);
    }

    #[test]
    fn years_beyond_four_digits_print_as_javascript_prints_them() {
        assert_eq!(
            to_wire(parse("0001-01-01T00:00:00Z", NOON).unwrap()),
            "0001-01-01T00:00:00.000Z"
        );
        assert_eq!(to_wire(253_402_300_800_000_000), "+010000-01-01T00:00:00.000Z");
    }
}
