//! PHONES: a full number is split into national number, country and calling code.
//!
//! The real server knows every numbering plan of the world. This one knows the calling codes below and takes any
//! number of 5 to 15 digits for a possible one.

use serde_json::{Map, Value, json};

use crate::error::ServerError;

/// Calling code and the country that owns it; where several share one, the largest.
const CODES: [(&str, &str); 48] = [
    ("1", "US"),
    ("7", "RU"),
    ("20", "EG"),
    ("27", "ZA"),
    ("30", "GR"),
    ("31", "NL"),
    ("32", "BE"),
    ("33", "FR"),
    ("34", "ES"),
    ("36", "HU"),
    ("39", "IT"),
    ("40", "RO"),
    ("41", "CH"),
    ("43", "AT"),
    ("44", "GB"),
    ("45", "DK"),
    ("46", "SE"),
    ("47", "NO"),
    ("48", "PL"),
    ("49", "DE"),
    ("52", "MX"),
    ("54", "AR"),
    ("55", "BR"),
    ("56", "CL"),
    ("57", "CO"),
    ("60", "MY"),
    ("61", "AU"),
    ("62", "ID"),
    ("63", "PH"),
    ("64", "NZ"),
    ("65", "SG"),
    ("66", "TH"),
    ("81", "JP"),
    ("82", "KR"),
    ("84", "VN"),
    ("86", "CN"),
    ("90", "TR"),
    ("91", "IN"),
    ("92", "PK"),
    ("98", "IR"),
    ("351", "PT"),
    ("352", "LU"),
    ("353", "IE"),
    ("358", "FI"),
    ("380", "UA"),
    ("420", "CZ"),
    ("971", "AE"),
    ("972", "IL"),
];

struct Phone {
    number: Value,
    country: Value,
    calling: Value,
}

/// The parts as they are stored. A write without additional phones sets them to null.
pub(super) fn rewrite(
    given: &Map<String, Value>,
) -> Result<Vec<(&'static str, Value)>, ServerError> {
    let part = |key: &str| given.get(key).cloned().unwrap_or(Value::Null);
    let phone = split(
        &part("primaryPhoneNumber"),
        &part("primaryPhoneCountryCode"),
        &part("primaryPhoneCallingCode"),
    )?;
    let mut stored = Vec::new();
    let mut keep = |key: &'static str, value: Value| {
        if given.contains_key(key) || !value.is_null() {
            stored.push((key, value));
        }
    };
    keep("primaryPhoneNumber", phone.number);
    keep("primaryPhoneCountryCode", phone.country);
    keep("primaryPhoneCallingCode", phone.calling);
    stored.push(("additionalPhones", additional(given.get("additionalPhones"))?));
    Ok(stored)
}

fn additional(given: Option<&Value>) -> Result<Value, ServerError> {
    let parsed = match given {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let items = parsed.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return Ok(Value::Null);
    }
    let rewritten = items.iter().map(|item| {
        let phone = split(&item["number"], &item["countryCode"], &item["callingCode"])?;
        Ok(json!({"number": phone.number, "callingCode": phone.calling, "countryCode": phone.country}))
    });
    Ok(Value::Array(rewritten.collect::<Result<_, ServerError>>()?))
}

fn split(number: &Value, country: &Value, calling: &Value) -> Result<Phone, ServerError> {
    let text = number.as_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(Phone {
            number: number.clone(),
            country: country.clone(),
            calling: calling.clone(),
        });
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let allowed = |c: char| c.is_ascii_digit() || " +-().".contains(c);
    if !text.chars().all(allowed) || !(5..=15).contains(&digits.len()) {
        return Err(ServerError::plain(format!("Provided phone number is invalid {text}")));
    }
    let Some((code, owner)) = inferred(text, &digits) else {
        return Ok(Phone {
            number: Value::from(digits),
            country: country.clone(),
            calling: calling.clone(),
        });
    };
    let conflict = |what: &str| {
        ServerError::plain(format!("Provided and inferred {what} code are conflicting"))
    };
    if country.as_str().is_some_and(|given| !given.is_empty() && !shares(code, given, owner)) {
        return Err(conflict("country"));
    }
    if calling
        .as_str()
        .is_some_and(|given| !given.is_empty() && given.trim_start_matches('+') != code)
    {
        return Err(conflict("calling"));
    }
    let filled = |given: &Value, own: String| match given.as_str() {
        Some(text) if !text.is_empty() => given.clone(),
        _ => Value::from(own),
    };
    Ok(Phone {
        number: Value::from(&digits[code.len()..]),
        country: filled(country, owner.to_owned()),
        calling: filled(calling, format!("+{code}")),
    })
}

fn inferred(text: &str, digits: &str) -> Option<(&'static str, &'static str)> {
    if !text.trim_start().starts_with('+') {
        return None;
    }
    CODES
        .iter()
        .copied()
        .filter(|(code, _)| digits.starts_with(code))
        .max_by_key(|(code, _)| code.len())
}

/// North America and Kazakhstan share a code with a larger neighbour.
fn shares(code: &str, given: &str, owner: &str) -> bool {
    given == owner || matches!((code, given), ("1", "CA" | "PR" | "JM" | "DO") | ("7", "KZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary(value: &Value) -> Result<Vec<Value>, String> {
        let parts = rewrite(value.as_object().unwrap()).map_err(|error| error.message)?;
        Ok(parts.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn a_full_number_is_split() {
        let parts = primary(&json!({"primaryPhoneNumber": "+972 50-123-4567"})).unwrap();
        assert_eq!(parts[..3], [json!("501234567"), json!("IL"), json!("+972")]);
    }

    #[test]
    fn a_country_that_contradicts_the_number_is_refused() {
        let given = json!({"primaryPhoneNumber": "+33612345678", "primaryPhoneCountryCode": "US"});
        assert_eq!(
            primary(&given).unwrap_err(),
            "Provided and inferred country code are conflicting"
        );
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        assert_eq!(
            primary(&json!({"primaryPhoneNumber": "abc"})).unwrap_err(),
            "Provided phone number is invalid abc"
        );
    }
}
