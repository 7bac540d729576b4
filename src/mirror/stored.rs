//! Names and labels from the workspace as text that PostgreSQL can store.
//!
//! It exists because a name may hold a NUL character, which no `text` can, and because the next plan compares
//! what was stored with what the workspace says: an inexact copy would be a rename for ever. Invariants: two
//! names are stored alike only if they are equal; reading gives back the name; ordinary names are stored as
//! they are.

use std::borrow::Cow;

/// `name` with NUL as `\0` and a backslash as `\\`.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    if name.contains(['\0', '\\']) {
        name.replace('\\', "\\\\").replace('\0', "\\0").into()
    } else {
        name.into()
    }
}

/// The name that was stored.
pub(super) fn read_name(stored: &str) -> String {
    let mut name = String::with_capacity(stored.len());
    let mut letters = stored.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.push(if letters.next() == Some('0') { '\0' } else { '\\' }),
            letter => name.push(letter),
        }
    }
    name
}

/// Text that only people read: what cannot be stored becomes the replacement character.
pub(super) fn label(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::{name, read_name};

    #[test]
    fn a_name_reads_back_whatever_it_holds() {
        for text in ["name", "", "nul\0nul", r"\", r"\0", "\\\0", "\0\\0"] {
            let stored = name(text);
            assert!(!stored.contains('\0'));
            assert_eq!(read_name(&stored), text);
        }
    }
}
