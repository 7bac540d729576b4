//! LINKS: what the server makes of them.

use serde_json::{Map, Value, json};

use crate::error::ServerError;

/// The three parts as they are stored. Parts that are missing become null: a partial write blanks the rest.
pub(super) fn rewrite(
    given: &Map<String, Value>,
) -> Result<Vec<(&'static str, Value)>, ServerError> {
    let mut links: Vec<(String, Value)> = Vec::new();
    if let Some(url) =
        given.get("primaryLinkUrl").and_then(Value::as_str).filter(|url| !url.is_empty())
    {
        links.push((normal(url)?, label(given.get("primaryLinkLabel"))));
    }
    for link in secondary(given.get("secondaryLinks"))? {
        let url = link.get("url").and_then(Value::as_str).unwrap_or_default();
        if !url.is_empty() {
            links.push((normal(url)?, label(link.get("label"))));
        }
    }
    let mut links = links.into_iter();
    let (url, label) =
        links.next().map_or((Value::Null, Value::Null), |(url, label)| (Value::from(url), label));
    let rest: Vec<Value> = links.map(|(url, label)| json!({"url": url, "label": label})).collect();
    let rest = if rest.is_empty() { Value::Null } else { Value::Array(rest) };
    Ok(vec![("primaryLinkLabel", label), ("primaryLinkUrl", url), ("secondaryLinks", rest)])
}

fn label(given: Option<&Value>) -> Value {
    given.cloned().unwrap_or(Value::Null)
}

fn secondary(given: Option<&Value>) -> Result<Vec<Value>, ServerError> {
    match given {
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| invalid()),
        _ => Ok(Vec::new()),
    }
}

/// Origin in lower case, one trailing slash removed; a host without a scheme stays as it is.
fn normal(text: &str) -> Result<String, ServerError> {
    let has_scheme = text.contains("://");
    let full = if has_scheme { text.to_owned() } else { format!("http://{text}") };
    let parsed = url::Url::parse(&full).map_err(|_| invalid())?;
    let host = parsed.host_str().unwrap_or_default();
    if !(host.contains('.') || host == "localhost") || host.contains("%20") {
        return Err(invalid());
    }
    if !has_scheme {
        return Ok(text.strip_suffix('/').unwrap_or(text).to_owned());
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let lowered =
        format!("{}://{}{}", scheme.to_lowercase(), rest[..at].to_lowercase(), &rest[at..]);
    Ok(lowered.strip_suffix('/').unwrap_or(&lowered).to_owned())
}

fn invalid() -> ServerError {
    ServerError::plain("The URL of the link is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(value: &Value) -> Vec<(&'static str, Value)> {
        rewrite(value.as_object().unwrap()).unwrap()
    }

    #[test]
    fn the_origin_is_lowered_and_one_slash_dropped() {
        let parts = rewritten(
            &json!({"primaryLinkUrl": "HTTPS://Example.com/Path/", "primaryLinkLabel": "L"}),
        );
        assert_eq!(parts[1].1, "https://example.com/Path");
    }

    #[test]
    fn a_partial_write_blanks_what_it_leaves_out() {
        let parts = rewritten(&json!({"primaryLinkLabel": "x"}));
        assert!(parts.iter().all(|(_, value)| value.is_null()));
    }

    #[test]
    fn the_first_secondary_link_is_promoted_when_there_is_no_primary_one() {
        let parts = rewritten(&json!({"secondaryLinks": [{"url": "https://a.io", "label": "a"}]}));
        assert_eq!(parts[1].1, "https://a.io");
        assert!(parts[2].1.is_null());
    }

    #[test]
    fn text_that_is_no_url_is_refused() {
        let given = json!({"primaryLinkUrl": "not a url"});
        assert_eq!(rewrite(given.as_object().unwrap()).unwrap_err().status, 400);
    }
}
