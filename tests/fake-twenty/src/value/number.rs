//! Numbers as JavaScript sees them.
//!
//! The real server is JavaScript: a number has 53 bits, prints with its shortest digits, and everything longer
//! was lost before it reached the database. Decimals are text and are never made into floats, except by GraphQL.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A float as JSON, printed as JavaScript prints it: whole numbers without a fraction.
pub fn to_json(float: f64) -> Value {
    if !float.is_finite() {
        return Value::Null;
    }
    let text = to_text(float);
    let whole =
        text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(float)).map_or(Value::Null, Value::Number)
}

/// A float as JavaScript prints it, up to the exponent form of huge and tiny numbers.
pub fn to_text(float: f64) -> String {
    if float == 0.0 {
        return "0".to_owned();
    }
    let size = float.abs();
    if (1e-6..1e21).contains(&size) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    if size >= 1e21 { text.replacen('e', "e+", 1) } else { text }
}

/// JSON after it went through JavaScript: every number is a float.
pub fn through_javascript(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, to_json),
        Value::Array(items) => Value::Array(items.into_iter().map(through_javascript).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(key, value)| (key, through_javascript(value))).collect(),
        ),
        other => other,
    }
}

/// JavaScript's `Number(text)`: blank is zero, anything that is no number is none.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.0);
    }
    let looks_numeric = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if looks_numeric { text.parse().ok() } else { None }
}

/// The canonical spelling of a decimal, or none when PostgreSQL would refuse the text.
pub fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("nan") {
        return Some("NaN".to_owned());
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !all_digits || whole.len() + fraction.len() == 0 || exponent.abs() > 10_000 {
        return None;
    }
    Some(spell(negative, whole, fraction, exponent))
}

fn spell(negative: bool, whole: &str, fraction: &str, exponent: i32) -> String {
    let mut digits = format!("{whole}{fraction}");
    let mut point = i64::try_from(whole.len()).unwrap_or(0) + i64::from(exponent);
    while point <= 0 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).unwrap_or(0);
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let zero = whole == "0" && fraction.bytes().all(|b| b == b'0');
    let sign = if negative && !zero { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Order of two decimals in canonical spelling.
pub fn compare_decimals(a: &str, b: &str) -> Ordering {
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (Some(a), Some(b)) => compare_magnitudes(b, a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => compare_magnitudes(a, b),
    }
}

fn compare_magnitudes(a: &str, b: &str) -> Ordering {
    let (whole_a, fraction_a) = a.split_once('.').unwrap_or((a, ""));
    let (whole_b, fraction_b) = b.split_once('.').unwrap_or((b, ""));
    let fractions = || fraction_a.trim_end_matches('0').cmp(fraction_b.trim_end_matches('0'));
    whole_a.len().cmp(&whole_b.len()).then_with(|| whole_a.cmp(whole_b)).then_with(fractions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        assert_eq!(to_text(7.0), "7");
        assert_eq!(to_text(1.5), "1.5");
        assert_eq!(to_text(12_345_678_901_234_567_890_f64), "12345678901234567000");
        assert_eq!(to_text(7.866_767_199_974_241e73), "7.866767199974241e+73");
        assert_eq!(to_text(1e-7), "1e-7");
    }

    #[test]
    fn decimals_keep_every_digit_and_lose_exponents() {
        assert_eq!(
            decimal("12345678901234567890.123456789").as_deref(),
            Some("12345678901234567890.123456789")
        );
        assert_eq!(decimal("1.5e3").as_deref(), Some("1500"));
        assert_eq!(decimal("-0.50").as_deref(), Some("-0.50"));
        assert_eq!(decimal("15e-1").as_deref(), Some("1.5"));
        assert_eq!(decimal("1,5"), None);
    }

    #[test]
    fn decimals_compare_by_value_not_by_spelling() {
        assert_eq!(compare_decimals("1.50", "1.5"), Ordering::Equal);
        assert_eq!(compare_decimals("-2", "1"), Ordering::Less);
        assert_eq!(compare_decimals("10", "9.99"), Ordering::Greater);
    }
}
