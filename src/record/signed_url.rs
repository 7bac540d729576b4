//! Removes the temporary tokens that the source puts into links to its own files.
//!
//! It exists because such a link differs on every read (docs/twenty.md, "Signed links"): kept as it came, it
//! would make every re-read look like a change. Invariant: only `?token=` with a signed token, behind a
//! `/files/` path and inside one link, is removed; any other text stays as it is.

use std::borrow::Cow;

const MARK: &str = "?token=";

/// `text` without the tokens of signed links.
pub(super) fn without_tokens(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(MARK) {
        let after = &rest[start + MARK.len()..];
        let length = after.bytes().take_while(|&byte| is_token_byte(byte)).count();
        let signed = is_file_link(&rest[..start]) && after[..length].split('.').count() == 3;
        clean.push_str(&rest[..start]);
        if !signed {
            clean.push_str(&rest[start..start + MARK.len() + length]);
        }
        rest = &after[length..];
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Whether the link that ends `before` leads to a file of the source.
fn is_file_link(before: &str) -> bool {
    let link = before.rsplit(['"', '\'', '(', ')', '<', '>', ' ', '\n', '\t']).next().unwrap_or("");
    link.contains("/files/") || link.starts_with("files/")
}

#[cfg(test)]
mod tests {
    use super::without_tokens;

    #[test]
    fn the_token_of_a_file_link_is_removed_wherever_it_stands() {
        let note = r#"![a](https://crm.example/files/attachment/a.png?token=aa.bb.cc) and "files/b.png?token=x.y.z-_1""#;
        let clean = r#"![a](https://crm.example/files/attachment/a.png) and "files/b.png""#;
        assert_eq!(without_tokens(note), clean);
    }

    #[test]
    fn a_token_that_a_user_wrote_stays() {
        for text in [
            "https://example.com/login?token=abc",
            "see /files/ then https://x.io/?token=a.b.c",
            "?token=",
        ] {
            assert_eq!(without_tokens(text), text);
        }
    }
}
