//! Links as the source stores them: the origin in lower case, without one slash at the end.

use std::borrow::Cow;

/// `url` as the source would store it.
pub(super) fn normal_link(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url.strip_suffix('/').unwrap_or(url));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let lowered = format!("{}://{}{path}", scheme.to_lowercase(), host.to_lowercase());
    match lowered.strip_suffix('/') {
        Some(stripped) => Cow::Owned(stripped.to_owned()),
        None => Cow::Owned(lowered),
    }
}
