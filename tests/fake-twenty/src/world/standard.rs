//! What the server adds by itself: the fields of a new custom object, and defaults by type.

use serde_json::{Value, json};
use uuid::Uuid;

use super::schema::{Field, Link, Object};

/// System objects that get a key to every custom object, with the name and the icon of the far end on it.
pub(super) const ATTACHED: [(&str, &str, &str); 5] = [
    ("noteTarget", "noteTargets", "IconCheckbox"),
    ("taskTarget", "taskTargets", "IconCheckbox"),
    ("favorite", "favorites", "IconHeart"),
    ("attachment", "attachments", "IconFileImport"),
    ("timelineActivity", "timelineActivities", "IconTimelineEvent"),
];

/// Every type that a field may have.
pub(super) const TYPES: [&str; 25] = [
    "ACTOR",
    "ADDRESS",
    "ARRAY",
    "BOOLEAN",
    "CURRENCY",
    "DATE",
    "DATE_TIME",
    "EMAILS",
    "FULL_NAME",
    "LINKS",
    "MORPH_RELATION",
    "MULTI_SELECT",
    "NUMBER",
    "NUMERIC",
    "PHONES",
    "POSITION",
    "RATING",
    "RAW_JSON",
    "RELATION",
    "RICH_TEXT",
    "RICH_TEXT_V2",
    "SELECT",
    "TEXT",
    "TS_VECTOR",
    "UUID",
];

/// A field with the defaults of its type.
pub(super) fn field(name: &str, kind: &str, label: &str, now: &str) -> Field {
    Field {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        label: label.to_owned(),
        description: None,
        icon: None,
        is_custom: true,
        is_active: true,
        is_system: false,
        is_nullable: Some(kind != "TEXT"),
        is_unique: None,
        is_ui_read_only: false,
        created_at: now.to_owned(),
        updated_at: now.to_owned(),
        default_value: default_of(kind),
        options: if kind == "RATING" { rating_options() } else { Value::Null },
        settings: Value::Null,
        relation: None,
        morph_relations: Vec::new(),
        hidden: false,
        rank: usize::MAX,
    }
}

fn default_of(kind: &str) -> Value {
    let empty = |keys: &[&str], null: &[&str]| {
        let texts = keys.iter().map(|key| ((*key).to_owned(), json!("''")));
        let nulls = null.iter().map(|key| ((*key).to_owned(), Value::Null));
        Value::Object(texts.chain(nulls).collect())
    };
    match kind {
        "TEXT" => json!("''"),
        "FULL_NAME" => empty(&["firstName", "lastName"], &[]),
        "EMAILS" => empty(&["primaryEmail"], &["additionalEmails"]),
        "LINKS" => empty(&["primaryLinkUrl", "primaryLinkLabel"], &["secondaryLinks"]),
        "CURRENCY" => empty(&["currencyCode"], &["amountMicros"]),
        "PHONES" => empty(
            &["primaryPhoneNumber", "primaryPhoneCallingCode", "primaryPhoneCountryCode"],
            &["additionalPhones"],
        ),
        "ADDRESS" => empty(
            &[
                "addressStreet1",
                "addressStreet2",
                "addressCity",
                "addressPostcode",
                "addressState",
                "addressCountry",
            ],
            &["addressLat", "addressLng"],
        ),
        "ACTOR" => json!({"name": "'System'", "source": "'MANUAL'", "workspaceMemberId": null}),
        _ => Value::Null,
    }
}

fn rating_options() -> Value {
    let option = |n: u8| json!({"id": Uuid::new_v4(), "label": n.to_string(), "value": format!("RATING_{n}"), "position": n - 1});
    Value::Array((1..=5).map(option).collect())
}

/// The fields that every custom object starts with, in the order of their keys in a record.
pub(super) fn fields_of_custom_object(now: &str) -> Vec<Field> {
    let stamp = |name: &str, label: &str, icon: &str, description: &str| Field {
        description: Some(description.to_owned()),
        default_value: if name == "deletedAt" { Value::Null } else { json!("now") },
        is_nullable: Some(name == "deletedAt"),
        ..given(name, "DATE_TIME", label, icon, now)
    };
    let mut fields = vec![
        Field {
            default_value: json!("uuid"),
            is_unique: Some(true),
            is_system: true,
            is_nullable: Some(false),
            ..given("id", "UUID", "Id", "Icon123", now)
        },
        Field { is_ui_read_only: false, ..given("name", "TEXT", "Name", "IconAbc", now) },
        stamp("createdAt", "Creation date", "IconCalendar", "Creation date"),
        stamp("updatedAt", "Last update", "IconCalendarClock", "Last time the record was changed"),
        stamp("deletedAt", "Deleted at", "IconCalendarClock", "Deletion date"),
        Field {
            default_value: json!({"name": "''", "source": "'MANUAL'"}),
            is_nullable: Some(false),
            description: Some("The creator of the record".to_owned()),
            ..given("createdBy", "ACTOR", "Created by", "IconCreativeCommonsSa", now)
        },
        Field {
            default_value: json!(0),
            is_system: true,
            is_nullable: Some(false),
            ..given("position", "POSITION", "Position", "IconHierarchy2", now)
        },
        Field {
            is_system: true,
            settings: search(),
            ..given("searchVector", "TS_VECTOR", "Search vector", "IconSearch", now)
        },
    ];
    for (rank, field) in fields.iter_mut().enumerate() {
        field.rank = rank;
    }
    fields
}

fn search() -> Value {
    let expression = "to_tsvector('simple', COALESCE(public.unaccent_immutable(\"name\"), ''))";
    json!({"asExpression": expression, "generatedType": "STORED"})
}

fn given(name: &str, kind: &str, label: &str, icon: &str, now: &str) -> Field {
    Field {
        description: Some(label.to_owned()),
        icon: Some(icon.to_owned()),
        is_custom: false,
        is_unique: Some(false),
        is_ui_read_only: true,
        ..field(name, kind, label, now)
    }
}

/// Both ends of a to-one relation: the one that owns the key, and the list on the other side.
pub(super) fn relation_pair(
    near: &Object,
    far: &Object,
    own: (&str, &str),
    list: (&str, &str),
    now: &str,
) -> [Field; 2] {
    let mut one =
        Field { is_custom: false, is_unique: Some(false), ..field(own.0, "RELATION", own.1, now) };
    let mut many = Field {
        is_custom: false,
        is_unique: Some(false),
        ..field(list.0, "RELATION", list.1, now)
    };
    let link = |direction: &str, target: &Object, field: &Field, source: &Field| Link {
        direction: direction.to_owned(),
        target_object: target.id,
        target_field: field.id,
        source_field: source.id,
        names: None,
    };
    one.settings = json!({"relationType": "MANY_TO_ONE", "onDelete": "SET_NULL", "joinColumnName": format!("{}Id", own.0)});
    many.settings = json!({"relationType": "ONE_TO_MANY"});
    one.relation = Some(link("MANY_TO_ONE", far, &many, &one));
    many.relation = Some(link("ONE_TO_MANY", near, &one, &many));
    [one, many]
}
