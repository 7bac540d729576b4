//! Which columns a field becomes, and where each finds its value in a record's JSON.
//!
//! It exists so that reading, table planning and writing share one flattening of composite fields.
//! Invariant: the column of a field is a function of the field alone; clashes between names are settled
//! later, in [`crate::plan::naming`].

use uuid::Uuid;

use super::{Field, FieldKind, NumberKind};

/// One column of a mirrored table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the mirror.
    pub name: String,
    /// The field it belongs to.
    pub field_id: Uuid,
    /// The type of that field: a part of a composite compares and travels by it.
    pub field_kind: FieldKind,
    /// Where its value stands in the record's JSON.
    pub path: JsonPath,
    /// What PostgreSQL holds.
    pub kind: ColumnType,
    /// Whether the source accepts null.
    pub is_nullable: bool,
}

/// The place of a value in a record's JSON: a key, and for composites a key inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    /// The key of the record.
    pub key: String,
    /// The key inside a composite value.
    pub part: Option<&'static str>,
}

/// The types a mirrored column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `uuid`
    Uuid,
    /// `text`
    Text,
    /// `bigint`
    Integer,
    /// `double precision`
    Double,
    /// `numeric`
    Numeric,
    /// `boolean`
    Boolean,
    /// `timestamptz`
    Timestamp,
    /// `date`
    Date,
    /// `text[]`
    TextArray,
    /// `jsonb`
    Json,
}

impl ColumnType {
    /// PostgreSQL's name of the type, as `format_type` prints it.
    pub fn sql(self) -> &'static str {
        match self {
            ColumnType::Uuid => "uuid",
            ColumnType::Text => "text",
            ColumnType::Integer => "bigint",
            ColumnType::Double => "double precision",
            ColumnType::Numeric => "numeric",
            ColumnType::Boolean => "boolean",
            ColumnType::Timestamp => "timestamp with time zone",
            ColumnType::Date => "date",
            ColumnType::TextArray => "text[]",
            ColumnType::Json => "jsonb",
        }
    }
}

/// A part of a composite field: the JSON key, what the mirror appends to the field's name, the type.
type Part = (&'static str, &'static str, ColumnType);

const FULL_NAME: &[Part] =
    &[("firstName", "first_name", ColumnType::Text), ("lastName", "last_name", ColumnType::Text)];
const EMAILS: &[Part] = &[
    ("primaryEmail", "primary_email", ColumnType::Text),
    ("additionalEmails", "additional_emails", ColumnType::Json),
];
const PHONES: &[Part] = &[
    ("primaryPhoneNumber", "primary_phone_number", ColumnType::Text),
    ("primaryPhoneCountryCode", "primary_phone_country_code", ColumnType::Text),
    ("primaryPhoneCallingCode", "primary_phone_calling_code", ColumnType::Text),
    ("additionalPhones", "additional_phones", ColumnType::Json),
];
const LINKS: &[Part] = &[
    ("primaryLinkLabel", "primary_link_label", ColumnType::Text),
    ("primaryLinkUrl", "primary_link_url", ColumnType::Text),
    ("secondaryLinks", "secondary_links", ColumnType::Json),
];
const CURRENCY: &[Part] = &[
    ("amountMicros", "amount_micros", ColumnType::Numeric),
    ("currencyCode", "currency_code", ColumnType::Text),
];
const ADDRESS: &[Part] = &[
    ("addressStreet1", "street1", ColumnType::Text),
    ("addressStreet2", "street2", ColumnType::Text),
    ("addressCity", "city", ColumnType::Text),
    ("addressPostcode", "postcode", ColumnType::Text),
    ("addressState", "state", ColumnType::Text),
    ("addressCountry", "country", ColumnType::Text),
    ("addressLat", "lat", ColumnType::Numeric),
    ("addressLng", "lng", ColumnType::Numeric),
];
const ACTOR: &[Part] = &[
    ("source", "source", ColumnType::Text),
    ("workspaceMemberId", "workspace_member_id", ColumnType::Uuid),
    ("name", "name", ColumnType::Text),
    ("context", "context", ColumnType::Json),
];
const RICH_TEXT_V2: &[Part] =
    &[("blocknote", "blocknote", ColumnType::Text), ("markdown", "markdown", ColumnType::Text)];

/// The columns of `field`, with the names they would have if nothing else stood in the way.
pub fn columns_of(field: &Field) -> Vec<Column> {
    match &field.kind {
        FieldKind::TsVector | FieldKind::OneToMany => Vec::new(),
        FieldKind::ManyToOne { join_column } => vec![plain(field, join_column, ColumnType::Uuid)],
        FieldKind::FullName => composite(field, FULL_NAME),
        FieldKind::Emails => composite(field, EMAILS),
        FieldKind::Phones => composite(field, PHONES),
        FieldKind::Links => composite(field, LINKS),
        FieldKind::Currency => composite(field, CURRENCY),
        FieldKind::Address => composite(field, ADDRESS),
        FieldKind::Actor => composite(field, ACTOR),
        FieldKind::RichTextV2 => composite(field, RICH_TEXT_V2),
        FieldKind::Uuid => vec![plain(field, &field.name, ColumnType::Uuid)],
        FieldKind::Text | FieldKind::Select | FieldKind::Rating | FieldKind::RichText => {
            vec![plain(field, &field.name, ColumnType::Text)]
        }
        FieldKind::Number(NumberKind::Integer) => {
            vec![plain(field, &field.name, ColumnType::Integer)]
        }
        FieldKind::Number(NumberKind::Double) | FieldKind::Position => {
            vec![plain(field, &field.name, ColumnType::Double)]
        }
        FieldKind::Numeric => vec![plain(field, &field.name, ColumnType::Numeric)],
        FieldKind::Boolean => vec![plain(field, &field.name, ColumnType::Boolean)],
        FieldKind::DateTime => vec![plain(field, &field.name, ColumnType::Timestamp)],
        FieldKind::Date => vec![plain(field, &field.name, ColumnType::Date)],
        FieldKind::MultiSelect | FieldKind::Array => {
            vec![plain(field, &field.name, ColumnType::TextArray)]
        }
        FieldKind::RawJson | FieldKind::Unknown(_) => {
            vec![plain(field, &field.name, ColumnType::Json)]
        }
    }
}

/// `camelCase` as `snake_case`: a new word starts at each upper-case letter that follows a lower-case one
/// or a digit, or that starts a word after an acronym (`xLink` → `x_link`, `apiKEYName` → `api_key_name`).
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, &letter) in letters.iter().enumerate() {
        if index > 0 && starts_word(letters[index - 1], letter, letters.get(index + 1).copied()) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn starts_word(before: char, letter: char, after: Option<char>) -> bool {
    let after_acronym = before.is_uppercase() && after.is_some_and(char::is_lowercase);
    letter.is_uppercase() && before != '_' && (!before.is_uppercase() || after_acronym)
}

fn plain(field: &Field, key: &str, kind: ColumnType) -> Column {
    let path = JsonPath { key: key.to_owned(), part: None };
    Column {
        name: snake_case(key),
        field_id: field.id,
        field_kind: field.kind.clone(),
        path,
        kind,
        is_nullable: field.is_nullable,
    }
}

fn composite(field: &Field, parts: &[Part]) -> Vec<Column> {
    let prefix = snake_case(&field.name);
    let column = |&(part, suffix, kind): &Part| Column {
        name: format!("{prefix}_{suffix}"),
        field_id: field.id,
        field_kind: field.kind.clone(),
        path: JsonPath { key: field.name.clone(), part: Some(part) },
        kind,
        is_nullable: field.is_nullable,
    };
    parts.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn words_are_split_where_a_reader_would() {
        for (camel, snake) in [
            ("jobTitle", "job_title"),
            ("xLink", "x_link"),
            ("bodyV2", "body_v2"),
            ("apiKEYName", "api_key_name"),
            ("noteTargets", "note_targets"),
            ("id", "id"),
            ("fRichTextV2", "f_rich_text_v2"),
            ("already_snake", "already_snake"),
            ("URL", "url"),
        ] {
            assert_eq!(snake_case(camel), snake);
        }
    }
}
