//! A text that the server wrote, shown without the values that it quotes.
//!
//! It exists because Twenty and its database put the refused value into their messages, and a log must not hold
//! one. Invariant: `Display` and `Debug` show no quoted value, e-mail or link; [`ServerText::raw`] is for the
//! quarantine only, whose readers may see the record anyway.

use std::fmt;

/// More than this is not a message, but a page.
const LONGEST: usize = 240;

/// Words after which a quoted name is a name, not a value.
const NAMED: &[&str] = &[
    "field",
    "column",
    "relation",
    "table",
    "constraint",
    "type",
    "on",
    "path",
    "metadata",
    "any",
    "Variable",
];

/// Words before a value that stands there without quotes.
const BARE: &[&str] = &[
    " with value ",
    "phone number is invalid ",
    "non numeric value: ",
    " = ",
    "cannot represent ",
];

/// A text from the server.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ServerText(String);

impl ServerText {
    pub(super) fn new(text: impl Into<String>) -> ServerText {
        ServerText(text.into())
    }

    /// The text as it came. It can hold a value of the record.
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ServerText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerText({:?})", self.to_string())
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = BARE.iter().filter_map(|word| Some(self.0.find(word)? + word.len())).min();
        let (open, cut) = bare.map_or((self.0.as_str(), false), |at| (&self.0[..at], true));
        let quoted = without_values(open);
        let words: Vec<&str> = quoted
            .split_whitespace()
            .map(|word| if is_contact(word) { "…" } else { word })
            .collect();
        let text = words.join(" ");
        let shown: String =
            text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
        formatter.write_str(&shown)?;
        if cut || shown.len() < text.len() { formatter.write_str(" …") } else { Ok(()) }
    }
}

fn is_contact(word: &str) -> bool {
    word.contains('@') || word.contains("://")
}

/// `text` with every double-quoted part replaced, unless the word before it says that it is a name.
fn without_values(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let (before, inside) = (&rest[..open], &rest[open + 1..]);
        clean.push_str(before);
        let Some(close) = inside.find('"') else {
            clean.push('…');
            return clean;
        };
        let named = before.split_whitespace().last().is_some_and(|word| {
            NAMED.iter().any(|name| name.eq_ignore_ascii_case(word)) && before.ends_with(' ')
        });
        let is_name = inside[..close]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.$/?=".contains(&byte));
        clean.push_str(if named && is_name { &rest[open..=open + 1 + close] } else { "…" });
        rest = &inside[close + 1..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::ServerText;

    #[test]
    fn names_are_shown_and_values_are_not() {
        for (raw, shown) in [
            (
                r#"null value in column "fText" of relation "_gadget" violates not-null constraint"#,
                r#"null value in column "fText" of relation "_gadget" violates not-null constraint"#,
            ),
            (
                r#"invalid input syntax for type uuid: "zzz""#,
                "invalid input syntax for type uuid: …",
            ),
            (
                "Duplicate Emails with value ada@example.com. Please set a unique one.",
                "Duplicate Emails with value …",
            ),
            ("Provided phone number is invalid 0123", "Provided phone number is invalid …"),
            (
                r#"Value "NOPE" does not exist in "StageEnum" enum."#,
                "Value … does not exist in … enum.",
            ),
            (
                r#"Unexpected token 'a', "abc" is not valid JSON"#,
                "Unexpected token 'a', … is not valid JSON",
            ),
            (
                r#"Field "nope" is not defined by type "CompanyUpdateInput"."#,
                r#"Field "nope" is not defined by type "CompanyUpdateInput"."#,
            ),
            (
                r#"invalid input value for enum w."_gadget_enum": "O"#,
                "invalid input value for enum w.…: …",
            ),
            ("mail to ada@example.com failed", "mail to … failed"),
            (
                "Expected 1 record, but found 0 for domainNamePrimaryLinkUrl = x.io",
                "Expected 1 record, but found 0 for domainNamePrimaryLinkUrl = …",
            ),
            ("'depth=2' parameter invalid.", "'depth=2' parameter invalid."),
        ] {
            assert_eq!(ServerText::new(raw).to_string(), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let shown = ServerText::new("é".repeat(10_000)).to_string();
        assert_eq!(shown.chars().count(), 242);
    }
}
