//! In which order a table has its columns, and under which names.

use super::*;

fn names(fields: Vec<Field>) -> Vec<String> {
    let object = Object { fields, ..people() };
    let plan = plan_one(&object, &Existing::default());
    plan.tables[0].columns.iter().map(|column| column.name.clone()).collect()
}

#[test]
fn columns_come_by_name_the_id_first_and_the_times_last() {
    let last = ["deletedAt", "updatedAt", "createdAt", "position", "zeal", "age", "id"];
    let fields = (10..).zip(last).map(|(id, name)| field(id, name, FieldKind::Text)).collect();
    let expected = ["id", "age", "zeal", "position", "created_at", "updated_at", "deleted_at"];
    assert_eq!(names(fields), expected);
}

#[test]
fn of_names_that_clash_the_later_is_told_apart_by_its_field() {
    let later = |id: u128| {
        let of = |id, name| field(id, name, FieldKind::Text);
        let names = names(vec![of(1, "id"), of(2, "Note"), of(id, "note")]);
        assert_eq!(names[..2], ["id", "note"]);
        names[2].clone()
    };
    assert_eq!(later(3), later(3));
    assert_ne!(later(3), later(4));
}
