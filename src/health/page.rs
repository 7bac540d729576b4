//! The page for people: one file, which loads nothing from elsewhere.
//!
//! It exists so that an operator sees the state without a tool. Invariant: the page may run and look only like what
//! stands in the file, which the browser checks by digest; it puts text into the page as text alone.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");

/// What the page may do.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        source("script"),
        source("style"),
    )
});

pub(super) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY.as_str())], Html(PAGE))
}

/// The one element of this name, by its digest.
fn source(element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let inside = PAGE
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close))
        .map(|(inside, _)| inside)
        .expect("the page has one script and one style, as a test shows");
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inside)))
}

#[cfg(test)]
mod tests {
    use super::{PAGE, POLICY};

    #[test]
    fn the_page_has_one_script_and_one_style_and_loads_nothing() {
        for element in ["<script", "<style"] {
            assert_eq!(PAGE.matches(element).count(), 1, "{element}");
            assert_eq!(PAGE.matches(&format!("{element}>")).count(), 1, "{element}");
        }
        for way in ["http:", "https:", "src=", "@import", "url(", " on", "style="] {
            let found =
                PAGE.match_indices(way).find(|(at, _)| way != " on" || is_handler(&PAGE[*at..]));
            assert!(found.is_none(), "{way} at {found:?}");
        }
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!PAGE.contains(sink), "{sink}");
        }
        assert_eq!(POLICY.matches("'sha256-").count(), 2, "{}", *POLICY);
    }

    /// ` onclick="` and the like.
    fn is_handler(text: &str) -> bool {
        let name: String = text.trim_start().chars().take_while(char::is_ascii_lowercase).collect();
        text[1 + name.len()..].starts_with("=\"")
    }
}
