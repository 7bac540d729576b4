//! Whole composites, spelt as the server stores them.

use serde_json::{Value, json};

pub(super) fn money(amount: impl Into<Value>, currency: &str) -> Value {
    json!({"amountMicros": amount.into(), "currencyCode": currency})
}

pub(super) fn emails(primary: &str, additional: impl Into<Value>) -> Value {
    json!({"primaryEmail": primary, "additionalEmails": additional.into()})
}

pub(super) fn links(label: Option<&str>, url: &str, secondary: impl Into<Value>) -> Value {
    json!({"primaryLinkLabel": label, "primaryLinkUrl": url, "secondaryLinks": secondary.into()})
}

/// A number in France.
pub(super) fn phones(number: &str, additional: impl Into<Value>) -> Value {
    json!({
        "primaryPhoneNumber": number, "primaryPhoneCountryCode": "FR",
        "primaryPhoneCallingCode": "+33", "additionalPhones": additional.into(),
    })
}
