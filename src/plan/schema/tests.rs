//! Schema plans from small models: first contact, no change, and every kind of drift.

use uuid::Uuid;

use super::{
    CaptureTrigger, CatalogColumn, Existing, ExistingColumn, ExistingTable, LostCause, LostColumn,
    Mode, SchemaPlan, Scoped, Step, Table, TriggerRole, plan,
};
use crate::record::{Direction, Field, FieldKind, NumberKind, Object};

mod capture;
mod names;

fn field(id: u128, name: &str, kind: FieldKind) -> Field {
    Field {
        id: Uuid::from_u128(id),
        name: name.to_owned(),
        label: name.to_uppercase(),
        description: None,
        kind,
        is_active: true,
        is_nullable: true,
        is_unique: false,
        options: Vec::new(),
    }
}

fn people() -> Object {
    Object {
        id: Uuid::from_u128(1),
        name_singular: "person".to_owned(),
        name_plural: "people".to_owned(),
        label_singular: "Person".to_owned(),
        label_plural: "People".to_owned(),
        description: Some("A person".to_owned()),
        is_custom: false,
        is_system: false,
        is_active: true,
        fields: vec![
            field(10, "updatedAt", FieldKind::DateTime),
            field(11, "company", FieldKind::ManyToOne { join_column: "companyId".to_owned() }),
            field(12, "id", FieldKind::Uuid),
            field(13, "salary", FieldKind::Currency),
            field(14, "searchVector", FieldKind::TsVector),
        ],
    }
}

fn plan_one(object: &Object, existing: &Existing) -> SchemaPlan {
    plan("twenty", &[Scoped { object, direction: Direction::Both }], existing, Mode::Auto)
}

/// What the mirror holds after `plan` was applied to `object`.
fn applied(plan: &SchemaPlan, object: &Object) -> Existing {
    let tables = plan.tables.iter().map(|table| applied_table(plan, table, object)).collect();
    Existing { schema_exists: true, tables, ..Existing::default() }
}

fn applied_table(plan: &SchemaPlan, table: &Table, object: &Object) -> ExistingTable {
    let comment = |wanted: Option<&str>| {
        plan.steps.iter().find_map(|step| match step {
            Step::Comment { column, text, .. } if column.as_deref() == wanted => Some(text.clone()),
            _ => None,
        })
    };
    let catalog = |column: &crate::record::Column| CatalogColumn {
        kind: column.kind.sql().to_owned(),
        comment: comment(Some(&column.name)),
    };
    let recorded = |column: &crate::record::Column| ExistingColumn {
        field_id: column.field_id,
        part: column.path.part.unwrap_or_default().to_owned(),
        key: column.path.key.clone(),
        name: column.name.clone(),
    };
    ExistingTable {
        object_id: object.id,
        name_plural: object.name_plural.clone(),
        name: table.name.clone(),
        comment: comment(None),
        columns: table.columns.iter().map(recorded).collect(),
        catalog: table
            .columns
            .iter()
            .map(|column| (column.name.clone(), catalog(column)))
            .collect(),
        lost: table.lost.clone(),
        generation: table.generation,
        triggers: plan.steps.iter().find_map(triggers_of).unwrap_or_default(),
    }
}

fn triggers_of(step: &Step) -> Option<Vec<CaptureTrigger>> {
    match step {
        Step::Capture { triggers, .. } => Some(triggers.clone()),
        _ => None,
    }
}

fn steps(plan: &SchemaPlan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

#[test]
fn a_new_object_becomes_a_table_with_flat_columns_id_first() {
    let plan = plan_one(&people(), &Existing::default());
    let names: Vec<_> = plan.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        ["id", "company_id", "salary_amount_micros", "salary_currency_code", "updated_at"]
    );
    assert_eq!(
        steps(&plan)[..4],
        [
            "create the schema",
            "create table people with 5 columns",
            "index people.company_id",
            "describe people"
        ]
    );
}

#[test]
fn an_unchanged_model_gives_no_steps() {
    let object = people();
    let first = plan_one(&object, &Existing::default());
    let again = plan_one(&object, &applied(&first, &object));
    assert_eq!(steps(&again), Vec::<String>::new());
    assert!(again.is_empty() && !first.is_empty());
    assert_eq!(again.tables, first.tables);
}

fn after(change: impl FnOnce(&mut Object)) -> Vec<String> {
    let mut object = people();
    let existing = applied(&plan_one(&object, &Existing::default()), &object);
    change(&mut object);
    steps(&plan_one(&object, &existing))
        .into_iter()
        .filter(|step| !step.starts_with("describe"))
        .collect()
}

#[test]
fn a_new_field_is_added() {
    let added = after(|object| object.fields.push(field(20, "jobTitle", FieldKind::Text)));
    assert_eq!(added, ["add column people.job_title text"]);
}

#[test]
fn a_renamed_field_is_renamed_whatever_its_parts() {
    let renamed = after(|object| object.fields[3].name = "wage".to_owned());
    assert_eq!(
        renamed,
        [
            "rename column people.salary_amount_micros to wage_amount_micros",
            "rename column people.salary_currency_code to wage_currency_code"
        ]
    );
}

#[test]
fn a_renamed_field_leaves_no_lost_column() {
    let join_column = "employerId".to_owned();
    let renamed = after(|object| {
        object.fields[1].name = "employer".to_owned();
        object.fields[1].kind = FieldKind::ManyToOne { join_column };
    });
    assert_eq!(renamed, ["rename column people.company_id to employer_id"]);
}

#[test]
fn a_renamed_object_is_renamed() {
    let renamed = after(|object| object.name_plural = "humanBeings".to_owned());
    assert_eq!(renamed, ["rename table people to human_beings"]);
}

#[test]
fn a_changed_type_keeps_the_old_column_beside_the_new_one() {
    let changed = after(|object| object.fields[1].kind = FieldKind::Number(NumberKind::Double));
    assert_eq!(
        changed,
        [
            "rename column people.company_id to company_id_was_uuid",
            "add column people.company double precision",
            "capture local changes of people"
        ]
    );
    let mut object = people();
    object.fields.push(field(20, "age", FieldKind::Text));
    let existing = applied(&plan_one(&object, &Existing::default()), &object);
    object.fields[5].kind = FieldKind::Number(NumberKind::Integer);
    let changed: Vec<_> = steps(&plan_one(&object, &existing))
        .into_iter()
        .filter(|step| !step.starts_with("describe"))
        .collect();
    assert_eq!(
        changed,
        [
            "rename column people.age to age_was_text",
            "add column people.age bigint",
            "capture local changes of people"
        ]
    );
}

#[test]
fn a_field_that_vanished_or_was_deactivated_keeps_its_columns_and_refuses_changes() {
    let refused = ["capture local changes of people"];
    assert_eq!(after(|object| drop(object.fields.remove(3))), refused);
    assert_eq!(after(|object| object.fields[3].is_active = false), refused);
}

#[test]
fn triggers_follow_the_direction_and_the_columns() {
    let object = people();
    let mut existing = applied(&plan_one(&object, &Existing::default()), &object);
    let pull = Scoped { object: &object, direction: Direction::Pull };
    let steps = |existing: &Existing, scoped: &[Scoped<'_>]| -> Vec<String> {
        let plan = plan("twenty", scoped, existing, Mode::Auto);
        let steps = plan.steps.iter().map(ToString::to_string);
        steps.filter(|step| !step.starts_with("describe")).collect()
    };
    assert_eq!(steps(&existing, &[pull]), ["refuse local changes of people"]);
    assert_eq!(steps(&existing, &[]), ["refuse local changes of people"]);
    existing.tables[0].triggers.pop();
    let both = Scoped { object: &object, direction: Direction::Both };
    assert_eq!(steps(&existing, &[both]), ["capture local changes of people"]);
}

#[test]
fn a_column_that_someone_dropped_is_added_again() {
    let object = people();
    let mut existing = applied(&plan_one(&object, &Existing::default()), &object);
    existing.tables[0].catalog.remove("company_id");
    let again = plan_one(&object, &existing);
    assert_eq!(
        steps(&again)[..2],
        ["add column people.company_id uuid", "index people.company_id"]
    );
}

#[test]
fn names_that_differ_only_in_case_and_names_of_others_stay_apart() {
    let mut object = people();
    object.fields = vec![
        field(1, "id", FieldKind::Uuid),
        field(2, "note", FieldKind::Text),
        field(3, "Note", FieldKind::Text),
        field(4, "updatedAt", FieldKind::DateTime),
    ];
    let existing =
        Existing { schema_exists: true, foreign: vec!["people".to_owned()], ..Existing::default() };
    let plan = plan_one(&object, &existing);
    let names: std::collections::BTreeSet<_> =
        plan.tables[0].columns.iter().map(|column| &column.name).collect();
    assert_eq!(names.len(), 4);
    assert_ne!(plan.tables[0].name, "people");
    assert!(names.iter().any(|name| name.len() == "note_12345678".len()));
}

fn planned(object: &Object, existing: &Existing, mode: Mode) -> SchemaPlan {
    plan("twenty", &[Scoped { object, direction: Direction::Both }], existing, mode)
}

#[test]
fn what_is_held_changes_no_table_and_what_is_known_goes_on_under_its_name() {
    let before = applied(&plan_one(&people(), &Existing::default()), &people());
    let mut object = people();
    let salary = object.fields.iter_mut().find(|field| field.name == "salary").unwrap();
    salary.name = "wage".to_owned();
    object.fields.push(field(20, "motto", FieldKind::Text));
    for mode in [Mode::Ask, Mode::Freeze] {
        let plan = planned(&object, &before, mode);
        let shape = |step: &Step| !matches!(step, Step::Comment { .. } | Step::Capture { .. });
        assert!(!plan.steps.iter().any(shape), "{mode:?}: {:?}", steps(&plan));
        let held: Vec<String> = plan.held.iter().map(ToString::to_string).collect();
        assert_eq!(held.len(), 3, "{mode:?}: {held:?}");
        let names: Vec<&str> =
            plan.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
        assert!(!names.contains(&"motto"), "{names:?}");
        let old =
            plan.tables[0].columns.iter().find(|column| column.name == "salary_amount_micros");
        assert_eq!(old.map(|column| column.path.key.as_str()), Some("wage"));
    }
}

#[test]
fn a_new_description_is_told_unless_everything_is_frozen() {
    let before = applied(&plan_one(&people(), &Existing::default()), &people());
    let mut object = people();
    object.description = Some("Somebody".to_owned());
    let told = ["describe people"];
    assert_eq!(steps(&planned(&object, &before, Mode::Auto)), told);
    for _ in [0, 1] {
        assert_eq!(steps(&planned(&object, &before, Mode::Ask)), told);
        assert!(planned(&object, &before, Mode::Freeze).is_empty());
        // The same beside what is held.
        object.fields.push(field(20, "motto", FieldKind::Text));
    }
}

#[test]
fn nothing_is_held_where_nothing_is_asked_for() {
    let before = applied(&plan_one(&people(), &Existing::default()), &people());
    for mode in [Mode::Auto, Mode::Ask, Mode::Freeze] {
        let plan = planned(&people(), &before, mode);
        assert!(plan.is_empty() && plan.held.is_empty(), "{mode:?}: {:?}", steps(&plan));
        assert_eq!(plan.tables.len(), 1);
    }
    let first = planned(&people(), &Existing::default(), Mode::Ask);
    assert!(first.is_empty() && first.tables.is_empty() && !first.held.is_empty());
}

#[test]
fn a_column_whose_field_is_gone_is_marked_once_and_its_return_has_the_object_read_anew() {
    let before = applied(&plan_one(&people(), &Existing::default()), &people());
    let mut without = people();
    without.fields.remove(1);
    let plan = plan_one(&without, &before);
    assert_eq!(steps(&plan), ["describe people.company_id", "capture local changes of people"]);
    let lost = LostColumn { name: "company_id".to_owned(), cause: LostCause::Removed };
    assert_eq!(plan.tables[0].lost, std::slice::from_ref(&lost));
    let mut after = before.clone();
    after.tables[0].lost = vec![lost];
    after.tables[0].triggers = triggers_of(&plan.steps[1]).unwrap();
    let Step::Comment { text, .. } = &plan.steps[0] else { panic!("{:?}", plan.steps) };
    after.tables[0].catalog.get_mut("company_id").unwrap().comment = Some(text.clone());
    assert!(plan_one(&without, &after).is_empty());
    let back = plan_one(&people(), &after);
    assert!(steps(&back).contains(&"read people anew".to_owned()), "{:?}", steps(&back));
    let generations = [&before, &after].map(|existing| existing.tables[0].generation);
    assert_eq!((generations, plan.tables[0].generation), ([1, 1], 1));
    assert_eq!(back.tables[0].generation, 2, "who does not know the column decides nothing more");
}

#[test]
fn a_field_that_comes_back_under_another_name_takes_its_column_along_and_has_the_object_read_anew()
{
    let before = applied(&plan_one(&people(), &Existing::default()), &people());
    let mut without = people();
    without.fields.remove(1);
    let mut after = before.clone();
    after.tables[0].lost = plan_one(&without, &before).tables[0].lost.clone();
    let join_column = "employerId".to_owned();
    let retyped = LostColumn { name: "company_id_was_uuid".to_owned(), cause: LostCause::Retyped };
    for (kind, lost) in [
        (FieldKind::ManyToOne { join_column }, Vec::new()),
        (FieldKind::Number(NumberKind::Double), vec![retyped]),
    ] {
        let mut object = people();
        object.fields[1] = field(11, "employer", kind);
        let back = plan_one(&object, &after);
        assert!(steps(&back).contains(&"read people anew".to_owned()), "{:?}", steps(&back));
        assert_eq!(back.tables[0].lost, lost);
    }
}

/// What a plan says in the catalog: of which column, or of the table, and the text.
fn comments(plan: &SchemaPlan) -> Vec<(Option<&str>, &str)> {
    let said = plan.steps.iter().filter_map(|step| match step {
        Step::Comment { column, text, .. } => Some((column.as_deref(), text.as_str())),
        _ => None,
    });
    said.collect()
}

#[test]
fn the_catalog_says_what_the_workspace_says_of_a_table_and_its_columns() {
    let mut object = people();
    object.fields[0].description = Some("When it\0 changed".to_owned());
    object.fields[1].description = Some(String::new());
    object.fields[2].description = Some("ID".to_owned());
    object.fields[4].kind = FieldKind::Unknown("FILES".to_owned());
    let plan = plan_one(&object, &Existing::default());
    assert_eq!(
        comments(&plan),
        [
            (None, "People: A person"),
            (Some("id"), "ID"),
            (Some("company_id"), "COMPANY"),
            (Some("salary_amount_micros"), "SALARY (amountMicros)"),
            (Some("salary_currency_code"), "SALARY (currencyCode)"),
            (Some("search_vector"), "SEARCHVECTOR [read-only: type FILES is not known]"),
            (Some("updated_at"), "UPDATEDAT: When it changed"),
        ]
    );
    let pull = [Scoped { object: &object, direction: Direction::Pull }];
    let plan = super::plan("twenty", &pull, &Existing::default(), Mode::Auto);
    assert_eq!(comments(&plan)[0], (None, "People: A person [read-only]"));
}
