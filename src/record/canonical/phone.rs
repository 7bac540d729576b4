//! Whether a stored phone number can be what the source made of the one that was sent.
//!
//! It exists because the source splits `+972 50-123-4567` into the national number and two codes: after a write
//! with an unknown outcome that must not look like somebody else's change.

use super::{Column, Image, Unit, Value, equal, is_empty};

/// Whether `stored` is `sent`, split: the same digits, and no code that was sent is another one now.
pub(super) fn split(columns: &[Column], unit: &Unit, sent: &Image, stored: &Image) -> bool {
    unit.columns.iter().all(|&index| {
        let column = &columns[index];
        let (Some(was), Some(is)) = (sent.get(index), stored.get(index)) else { return false };
        match column.path.part {
            Some("primaryPhoneNumber") => is_tail(was, is),
            Some("additionalPhones") => equal(column, was, is),
            _ => is_empty(column, was) || digits_or_letters(was) == digits_or_letters(is),
        }
    })
}

/// The national number is what remains of the number without its calling code or leading zero.
fn is_tail(sent: &Value, stored: &Value) -> bool {
    let (sent, stored) = (digits_or_letters(sent), digits_or_letters(stored));
    !stored.is_empty() && sent.ends_with(&stored) && sent.len() - stored.len() <= 4
}

fn digits_or_letters(value: &Value) -> String {
    match value {
        Value::Text(text) => text.chars().filter(|sign| sign.is_alphanumeric()).collect(),
        _ => String::new(),
    }
}
