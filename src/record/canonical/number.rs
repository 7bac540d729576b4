//! Decimal numbers compared by value: `1.50`, `1.5` and `15e-1` are one number.
//!
//! It exists because sources and databases print the same amount in different ways, and because a comparison by
//! floats would call two large amounts equal that are not.

/// A number in its only form: sign, digits without zeros at either end, power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    /// The value of a decimal number; anything else stands for itself.
    pub(super) fn of(text: &str) -> Number {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let Ok(exponent) = exponent.trim_start_matches('+').parse::<i32>() else {
            return Number { negative, digits: unsigned.to_owned(), exponent: 0 };
        };
        let kept = digits.trim_end_matches('0');
        let dropped = digits.len() - kept.len();
        let exponent = i64::from(exponent) - length(fraction) + length(&digits[..dropped]);
        let digits = kept.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Number { negative: false, digits, exponent: 0 };
        }
        Number { negative, digits, exponent }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
