//! What the plan says of triggers, and of columns that are lost.

use super::*;

/// `pg_trigger.tgtype`, from the words of `CREATE TRIGGER`.
fn catalog_type(event: &str, level: &str) -> i16 {
    let bit = |word: &str| match word {
        "row" => 1,
        "before" => 2,
        "insert" => 4,
        "delete" => 8,
        "update" => 16,
        "truncate" => 32,
        "after" | "or" | "statement" => 0,
        other => panic!("{other}"),
    };
    event.split(' ').chain([level]).map(bit).sum()
}

#[test]
fn a_trigger_is_recognised_in_the_catalog_as_it_was_made() {
    for role in TriggerRole::ALL {
        assert_eq!(role.catalog_type(), catalog_type(role.event(), role.level()), "{role:?}");
    }
    let names = TriggerRole::ALL.map(TriggerRole::name);
    assert!(names.iter().all(|name| name.starts_with("zz_sync_")), "after those of others");
    assert_eq!(std::collections::BTreeSet::from(names).len(), names.len());
}

#[test]
fn a_guard_knows_each_column_that_may_not_be_written_freely_and_why() {
    let mut object = people();
    object.fields.push(field(20, "createdAt", FieldKind::DateTime));
    object.fields.push(field(21, "deletedAt", FieldKind::DateTime));
    object.fields.push(field(22, "createdBy", FieldKind::Actor));
    let mut plan = plan_one(&object, &Existing::default());
    let triggers = plan.steps.iter().find_map(triggers_of).unwrap();
    let roles: Vec<TriggerRole> = triggers.iter().map(|trigger| trigger.role).collect();
    assert_eq!(roles, [TriggerRole::Guard, TriggerRole::Log, TriggerRole::Truncate]);
    let ids = [Uuid::nil(), object.id].map(|id| id.to_string());
    assert!(triggers.iter().all(|trigger| trigger.arguments[..2] == ids));
    let guarded: Vec<(&str, &str)> = triggers[0].arguments[2..]
        .chunks(3)
        .map(|rule| (rule[0].as_str(), rule[1].as_str()))
        .collect();
    for rule in [
        ("insert", "id"),
        ("insert", "created_at"),
        ("keep", "updated_at"),
        ("clear", "deleted_at"),
        ("refuse", "created_by_name"),
    ] {
        assert!(guarded.contains(&rule), "{rule:?} in {guarded:?}");
    }
    assert!(guarded.iter().all(|(_, column)| !column.starts_with("salary")), "{guarded:?}");
    plan.tables[0].lost = vec![LostColumn { name: "age".to_owned(), cause: LostCause::Retyped }];
    let existing = applied(&plan, &object);
    let mut existing = Existing { workspace_id: Uuid::from_u128(9), ..existing };
    existing.tables[0]
        .catalog
        .insert("age".to_owned(), CatalogColumn { kind: "text".to_owned(), comment: None });
    let triggers = plan_one(&object, &existing).steps.iter().find_map(triggers_of).unwrap();
    assert_eq!(triggers[0].arguments[0], Uuid::from_u128(9).to_string());
    let reason = LostCause::Retyped.reason();
    assert_eq!(triggers[0].arguments[triggers[0].arguments.len() - 3..], ["refuse", "age", reason]);
    assert_ne!(reason, LostCause::Removed.reason());
    assert!(!reason.is_empty());
}

#[test]
fn a_cause_is_found_by_its_word() {
    for (cause, word) in [(LostCause::Removed, "removed"), (LostCause::Retyped, "retyped")] {
        assert_eq!((cause.as_str(), LostCause::named(word)), (word, Some(cause)));
    }
    assert_eq!(LostCause::named("stolen"), None);
}

#[test]
fn a_table_whose_object_is_gone_says_so_once() {
    let mut existing = applied(&plan_one(&people(), &Existing::default()), &people());
    let said = "People: A person [no longer synced]";
    assert_eq!(comments(&plan("twenty", &[], &existing, Mode::Auto)), [(None, said)]);
    existing.tables[0].comment = Some(said.to_owned());
    assert_eq!(comments(&plan("twenty", &[], &existing, Mode::Auto)), []);
}
