//! Access, column by column.

use super::{Access, access};
use crate::{
    plan::{
        fixture::{TABLE, at},
        schema::Table,
    },
    record::Direction,
};

fn word(table: &Table, name: &str) -> &'static str {
    match access(table, &table.columns[at(name)]) {
        Access::Write => "write",
        Access::WriteOnInsert(_) => "on insert",
        Access::Keep => "keep",
        Access::ClearOnly(_) => "clear",
        Access::Refuse(_) => "refuse",
    }
}

#[test]
fn each_column_has_its_access() {
    for (name, expected) in [
        ("id", "on insert"),
        ("created_at", "on insert"),
        ("updated_at", "keep"),
        ("deleted_at", "clear"),
        ("created_by_name", "refuse"),
        ("position", "write"),
        ("text", "write"),
        ("emails_additional_emails", "write"),
        ("body_markdown", "write"),
        ("body_blocknote", "refuse"),
        ("company_id", "write"),
        ("files", "refuse"),
    ] {
        assert_eq!(word(&TABLE, name), expected, "{name}");
    }
}

#[test]
fn nothing_of_an_object_that_is_only_pulled_is_written() {
    let table = Table { direction: Direction::Pull, ..TABLE.clone() };
    assert!(table.columns.iter().all(|column| word(&table, &column.name) == "refuse"));
}

#[test]
fn a_signed_link_is_refused_where_the_source_signs_it() {
    let mut table = TABLE.clone();
    table.columns[at("text")].path.key = "avatarUrl".to_owned();
    assert_eq!(word(&table, "text"), "write");
    for (key, plural, expected) in [
        ("avatarUrl", "people", "refuse"),
        ("avatarUrl", "workspaceMembers", "refuse"),
        ("avatarUrl", "attachments", "write"),
        ("fullPath", "attachments", "refuse"),
        ("fullPath", "people", "write"),
    ] {
        table.columns[at("text")].path.key = key.to_owned();
        table.name_plural = plural.to_owned();
        assert_eq!(word(&table, "text"), expected, "{key} of {plural}");
    }
}
