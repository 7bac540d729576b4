//! Exact decimal numbers, kept as the text that carried them.
//!
//! It exists because amounts of money and NUMERIC fields have more digits than a double holds: the text goes
//! from the JSON to PostgreSQL's `numeric` untouched. Invariant: the text is a plain decimal number with an
//! optional exponent, so `numeric` can always parse it.

use std::fmt;

/// A decimal number of any precision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// Takes `text` if it is a decimal number: sign, digits, fraction, exponent.
    pub fn parse(text: &str) -> Option<Decimal> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let exact = is_digits(whole) && is_digits(fraction) && exponent.is_none_or(is_exponent);
        exact.then(|| Decimal(text.to_owned()))
    }

    /// The number as text, as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_exponent(text: &str) -> bool {
    is_digits(text.strip_prefix(['-', '+']).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn every_digit_is_kept() {
        for text in
            ["0", "-1.50", "9223372036854775807", "12345678901234567890.123456789", "9.2e+18"]
        {
            assert_eq!(Decimal::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_decimal_number_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "abc", "1e", "1e+", "NaN", "Infinity", "1 ", "0x10", "١"]
        {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }
}
