//! Query parameters, decoded as JavaScript does it.

use super::filter_grammar;
use crate::error::ServerError;
use crate::filter::Filter;
use crate::world::{Direction, MAX_RECORDS, Object, OrderBy, Query};

/// Records on a page when the request does not say.
const DEFAULT_LIMIT: usize = 60;

/// The decoded pairs of a query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    /// Splits and decodes a query string.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        };
        Self(pairs.map(pair).collect())
    }

    /// A parameter that was given once. Given twice it is a list, which no parser here takes for a string.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found =
            self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = found.next();
        if found.next().is_some() { None } else { first }
    }

    /// Whether a parameter is exactly `true`; anything else, `True` and `1` included, is not.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The filter; none means everything.
    pub(super) fn filter(&self) -> Result<Filter, ServerError> {
        match self.get("filter") {
            Some(text) if !text.is_empty() => filter_grammar::parse(text),
            _ => Ok(Filter::everything()),
        }
    }

    /// How deep relations are embedded.
    pub(super) fn depth(&self) -> Result<u8, ServerError> {
        match self.get("depth") {
            None | Some("0") => Ok(0),
            Some("1") => Ok(1),
            Some(other) => {
                let message = format!("'depth={other}' parameter invalid. Allowed values are 0, 1");
                Err(ServerError::bad_request(message))
            }
        }
    }

    /// The whole question of a list.
    pub(super) fn query(&self, object: &Object) -> Result<Query, ServerError> {
        let (after, before) = (self.get("starting_after"), self.get("ending_before"));
        if after.is_some() && before.is_some() {
            return Err(ServerError::bad_request("Cannot provide both \"after\" and \"before\""));
        }
        let mut query = Query::new(self.filter()?, self.limit()?);
        query.order = self.order()?;
        query.backward = before.is_some();
        query.cursor = after.or(before).filter(|cursor| !cursor.is_empty()).map(ToOwned::to_owned);
        let composite =
            |key: &&OrderBy| object.columns_of(&key.path).any(|(_, column)| column.sub.is_some());
        match query.order.iter().find(composite) {
            Some(key) => Err(ServerError::bad_request(format!(
                "Cannot sort by composite field \"{}\"",
                key.path
            ))),
            None => Ok(query),
        }
    }

    fn limit(&self) -> Result<usize, ServerError> {
        let Some(text) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        let invalid =
            || ServerError::bad_request(format!("limit '{text}' is invalid. Should be an integer"));
        let limit =
            crate::value::number::parse(text).filter(|limit| *limit >= 0.0).ok_or_else(invalid)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "clamped to 200 and not negative"
        )]
        Ok(limit.min(MAX_RECORDS as f64) as usize)
    }

    fn order(&self) -> Result<Vec<OrderBy>, ServerError> {
        let text = self.get("order_by").unwrap_or_default();
        text.split(',').filter(|key| !key.is_empty()).map(order_key).collect()
    }
}

fn order_key(text: &str) -> Result<OrderBy, ServerError> {
    let (path, direction) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((path, direction)) => (path, direction),
        None => (text, "AscNullsFirst"),
    };
    let allowed = "'AscNullsFirst', 'AscNullsLast', 'DescNullsFirst', 'DescNullsLast'";
    let example = "?order_by=field_1[AscNullsFirst],field_2[DescNullsLast],field_3";
    let invalid = || {
        let message = format!(
            "'order_by' direction '{direction}' invalid. Allowed values are {allowed}. eg: {example}"
        );
        ServerError::bad_request(message)
    };
    let direction = Direction::named(direction).ok_or_else(invalid)?;
    Ok(OrderBy { path: path.to_owned(), direction })
}

/// Percent-decoding; a text with one broken escape stays as it is from end to end.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    unescape(&spaced).unwrap_or(spaced)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = if *first == b'%' {
            let pair = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(pair, 16).ok()?);
            &tail[2..]
        } else {
            bytes.push(*first);
            tail
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_escape_leaves_the_whole_value_encoded() {
        assert_eq!(Params::parse("a=%22x%22").get("a"), Some("\"x\""));
        assert_eq!(Params::parse("a=%22%age").get("a"), Some("%22%age"));
    }

    #[test]
    fn a_parameter_given_twice_counts_as_missing() {
        assert_eq!(Params::parse("filter=a&filter=b").get("filter"), None);
    }

    #[test]
    fn limits_are_clamped_in_silence_and_nonsense_is_refused() {
        assert_eq!(Params::parse("limit=5000").limit().unwrap(), 200);
        assert_eq!(Params::parse("").limit().unwrap(), 60);
        assert_eq!(Params::parse("limit=0").limit().unwrap(), 0);
        assert!(Params::parse("limit=-1").limit().is_err());
        assert!(Params::parse("limit=abc").limit().is_err());
    }

    #[test]
    fn only_the_exact_word_true_means_soft_delete() {
        assert!(Params::parse("soft_delete=true").is_true("soft_delete"));
        assert!(!Params::parse("soft_delete=True").is_true("soft_delete"));
        assert!(!Params::parse("soft_delete=1").is_true("soft_delete"));
    }
}
