//! One case for every type of field that can be written: what SQL sets, and what each side holds afterwards.

use serde_json::{Value, json};

/// A field of the sample's `machines`.
pub(crate) struct Case {
    /// The field's key in the API.
    pub(crate) key: &'static str,
    /// First values, as SQL assigns them.
    pub(crate) first: &'static [(&'static str, &'static str)],
    /// The field in Twenty after the first values.
    pub(crate) first_at_source: Value,
    /// Second values.
    pub(crate) second: &'static [(&'static str, &'static str)],
    /// The field in Twenty after the second values.
    pub(crate) second_at_source: Value,
    /// The columns that are set to null to clear it; none where nothing is.
    pub(crate) clear: &'static [&'static str],
    /// The field in Twenty when it was cleared.
    pub(crate) cleared_at_source: Value,
}

/// Types of one column.
fn simple(
    key: &'static str,
    first: (&'static [(&'static str, &'static str)], Value),
    second: (&'static [(&'static str, &'static str)], Value),
    clear: (&'static [&'static str], Value),
) -> Case {
    Case {
        key,
        first: first.0,
        first_at_source: first.1,
        second: second.0,
        second_at_source: second.1,
        clear: clear.0,
        cleared_at_source: clear.1,
    }
}

/// Every type that can be written.
pub(crate) fn all() -> Vec<Case> {
    [texts_and_numbers(), days_and_options(), collections(), plain_composites(), whole_composites()]
        .into_iter()
        .flatten()
        .collect()
}

fn texts_and_numbers() -> Vec<Case> {
    vec![
        simple(
            "name",
            (&[("name", "'Press ''9\"\\ — 東京 🦀'")], json!("Press '9\"\\ — 東京 🦀")),
            (&[("name", "E'two\\nlines'")], json!("two\nlines")),
            (&["name"], json!("")),
        ),
        simple(
            "power",
            (&[("power", "0.1")], json!(0.1)),
            (&[("power", "-75.5")], json!(-75.5)),
            (&["power"], Value::Null),
        ),
        simple(
            "runs",
            (&[("runs", "true")], json!(true)),
            (&[("runs", "false")], json!(false)),
            (&["runs"], Value::Null),
        ),
        simple(
            "hours",
            (
                &[("hours", "12345678901234567890.123456789")],
                json!("12345678901234567890.123456789"),
            ),
            (&[("hours", "-0.5")], json!("-0.5")),
            (&["hours"], Value::Null),
        ),
        simple(
            "assetId",
            (
                &[("asset_id", "'0B4A3C1E-2D5F-4A6B-8C7D-9E0F1A2B3C4D'")],
                json!("0b4a3c1e-2d5f-4a6b-8c7d-9e0f1a2b3c4d"),
            ),
            (
                &[("asset_id", "'1b4a3c1e-2d5f-4a6b-8c7d-9e0f1a2b3c4d'")],
                json!("1b4a3c1e-2d5f-4a6b-8c7d-9e0f1a2b3c4d"),
            ),
            (&["asset_id"], Value::Null),
        ),
        simple(
            "position",
            (&[("position", "12.5")], json!(12.5)),
            (&[("position", "-3")], json!(-3)),
            (&[], json!(-3)),
        ),
    ]
}

fn days_and_options() -> Vec<Case> {
    vec![
        simple(
            "builtOn",
            (&[("built_on", "'2024-02-29'")], json!("2024-02-29")),
            (&[("built_on", "'1969-12-31'")], json!("1969-12-31")),
            (&["built_on"], Value::Null),
        ),
        simple(
            "servicedAt",
            (
                &[("serviced_at", "'2025-11-20T12:00:00.123456+02'")],
                json!("2025-11-20T10:00:00.123Z"),
            ),
            (&[("serviced_at", "'1969-12-31T23:59:59.999Z'")], json!("1969-12-31T23:59:59.999Z")),
            (&["serviced_at"], Value::Null),
        ),
        simple(
            "state",
            (&[("state", "'NEW'")], json!("NEW")),
            (&[("state", "'BROKEN'")], json!("BROKEN")),
            (&["state"], Value::Null),
        ),
        simple(
            "condition",
            (&[("condition", "'RATING_1'")], json!("RATING_1")),
            (&[("condition", "'RATING_5'")], json!("RATING_5")),
            (&["condition"], Value::Null),
        ),
    ]
}

fn collections() -> Vec<Case> {
    vec![
        simple(
            "hazards",
            (&[("hazards", "'{HEAT,DUST}'")], json!(["HEAT", "DUST"])),
            (&[("hazards", "'{NOISE}'")], json!(["NOISE"])),
            (&["hazards"], Value::Null),
        ),
        simple(
            "labels",
            (&[("labels", "array['a,b', 'c\"d', '{}', '']")], json!(["a,b", "c\"d", "{}", ""])),
            (&[("labels", "'{loud}'")], json!(["loud"])),
            (&["labels"], Value::Null),
        ),
        simple(
            "readings",
            (
                &[("readings", r#"'{"t": [71, 73.5], "ok": true, "none": null}'"#)],
                json!({"t": [71, 73.5], "ok": true, "none": null}),
            ),
            (&[("readings", "'[1, \"two\", {}]'")], json!([1, "two", {}])),
            (&["readings"], Value::Null),
        ),
        simple(
            "remarks",
            (
                &[("remarks_markdown", "'# Hot\n\nHandle *with* care.'")],
                json!("# Hot\n\nHandle *with* care."),
            ),
            (&[("remarks_markdown", "'Cold.'")], json!("Cold.")),
            (&["remarks_markdown"], Value::Null),
        ),
    ]
}

/// Their parts are written one by one.
fn plain_composites() -> Vec<Case> {
    let address = |street: &str, city: &str, lat: Value| {
        json!({"addressStreet1": street, "addressStreet2": "", "addressCity": city, "addressPostcode": "",
               "addressState": "", "addressCountry": "", "addressLat": lat, "addressLng": null})
    };
    vec![
        simple(
            "operator",
            (
                &[("operator_first_name", "'Ada'"), ("operator_last_name", "'Abadi'")],
                json!({"firstName": "Ada", "lastName": "Abadi"}),
            ),
            (
                &[("operator_last_name", "'O''Neil'")],
                json!({"firstName": "Ada", "lastName": "O'Neil"}),
            ),
            (
                &["operator_first_name", "operator_last_name"],
                json!({"firstName": "", "lastName": ""}),
            ),
        ),
        simple(
            "price",
            (
                &[("price_amount_micros", "9007199254740993"), ("price_currency_code", "'EUR'")],
                json!({"amountMicros": "9007199254740993", "currencyCode": "EUR"}),
            ),
            (
                &[("price_amount_micros", "-1")],
                json!({"amountMicros": "-1", "currencyCode": "EUR"}),
            ),
            (
                &["price_amount_micros", "price_currency_code"],
                json!({"amountMicros": null, "currencyCode": ""}),
            ),
        ),
        simple(
            "site",
            (
                &[("site_street1", "'Kai 1'"), ("site_city", "'Bergen'"), ("site_lat", "60.39299")],
                address("Kai 1", "Bergen", json!("60.39299")),
            ),
            (&[("site_city", "'Oslo'")], address("Kai 1", "Oslo", json!("60.39299"))),
            (&["site_street1", "site_city", "site_lat"], address("", "", Value::Null)),
        ),
    ]
}

/// Twenty blanks the parts that are left out.
fn whole_composites() -> Vec<Case> {
    vec![
        simple(
            "contact",
            (
                &[
                    ("contact_primary_email", "'Ada@Ex.COM'"),
                    ("contact_additional_emails", r#"'["B@ex.com"]'"#),
                ],
                json!({"primaryEmail": "ada@ex.com", "additionalEmails": ["b@ex.com"]}),
            ),
            (
                &[("contact_primary_email", "'bob@ex.com'")],
                json!({"primaryEmail": "bob@ex.com", "additionalEmails": ["b@ex.com"]}),
            ),
            (
                &["contact_primary_email", "contact_additional_emails"],
                json!({"primaryEmail": "", "additionalEmails": null}),
            ),
        ),
        simple(
            "manual",
            (
                &[
                    ("manual_primary_link_url", "'HTTPS://Ex.com/Path/'"),
                    ("manual_primary_link_label", "'Path'"),
                ],
                json!({"primaryLinkUrl": "https://ex.com/Path", "primaryLinkLabel": "Path", "secondaryLinks": null}),
            ),
            (
                &[(
                    "manual_secondary_links",
                    r#"'[{"label": "more", "url": "https://b.example/"}]'"#,
                )],
                json!({"primaryLinkUrl": "https://ex.com/Path", "primaryLinkLabel": "Path",
                       "secondaryLinks": [{"label": "more", "url": "https://b.example"}]}),
            ),
            (
                &["manual_primary_link_url", "manual_primary_link_label", "manual_secondary_links"],
                json!({"primaryLinkUrl": "", "primaryLinkLabel": "", "secondaryLinks": null}),
            ),
        ),
        phones(),
    ]
}

fn phones() -> Case {
    let phone = |number: &str, country: &str, code: &str| json!({"primaryPhoneNumber": number, "primaryPhoneCountryCode": country, "primaryPhoneCallingCode": code, "additionalPhones": null});
    simple(
        "hotline",
        (
            &[("hotline_primary_phone_number", "'+972 50-123-4567'")],
            phone("501234567", "IL", "+972"),
        ),
        (
            &[
                ("hotline_primary_phone_number", "'612345678'"),
                ("hotline_primary_phone_country_code", "'FR'"),
                ("hotline_primary_phone_calling_code", "'+33'"),
            ],
            phone("612345678", "FR", "+33"),
        ),
        (
            &[
                "hotline_primary_phone_number",
                "hotline_primary_phone_country_code",
                "hotline_primary_phone_calling_code",
            ],
            phone("", "", ""),
        ),
    )
}
