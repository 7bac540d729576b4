//! The workspace that ships with the package, inside the binary; and large worlds made from its data model.

use std::path::Path;
use std::sync::LazyLock;

use super::World;

const METADATA: &str = include_str!("../../workspace/metadata-graphql.json");

/// Records by plural name.
const RECORDS: [(&str, &str); 11] = [
    ("companies", include_str!("../../workspace/records-companies.jsonl")),
    ("connectedAccounts", include_str!("../../workspace/records-connectedAccounts.jsonl")),
    ("favorites", include_str!("../../workspace/records-favorites.jsonl")),
    ("machines", include_str!("../../workspace/records-machines.jsonl")),
    ("noteTargets", include_str!("../../workspace/records-noteTargets.jsonl")),
    ("notes", include_str!("../../workspace/records-notes.jsonl")),
    ("opportunities", include_str!("../../workspace/records-opportunities.jsonl")),
    ("people", include_str!("../../workspace/records-people.jsonl")),
    ("taskTargets", include_str!("../../workspace/records-taskTargets.jsonl")),
    ("tasks", include_str!("../../workspace/records-tasks.jsonl")),
    ("workspaceMembers", include_str!("../../workspace/records-workspaceMembers.jsonl")),
];

/// The seed of worlds that are made in bulk.
const SEED: u64 = 20_260_105;

/// Parsed once, because most tests start from it.
static SAMPLE: LazyLock<World> = LazyLock::new(|| {
    let path = Path::new("workspace");
    let mut world = schema();
    for (plural, text) in RECORDS {
        let loaded = world.load_records(plural, path, text);
        loaded
            .unwrap_or_else(|error| panic!("the shipped records of {plural} do not load: {error}"));
    }
    world
});

fn schema() -> World {
    World::from_metadata(Path::new("workspace"), METADATA, "")
        .unwrap_or_else(|error| panic!("the shipped metadata does not load: {error}"))
}

impl World {
    /// The workspace that ships with the package: a few records of every kind, some of them in the trash.
    pub fn sample() -> Self {
        SAMPLE.clone()
    }

    /// The data model of the sample, without any record.
    pub fn sample_schema() -> Self {
        let mut world = Self::sample();
        world.clear_records();
        world
    }

    /// That many people and nothing else, always the same ones. Many share one millisecond.
    pub fn with_people(count: usize) -> Self {
        let mut world = Self::sample_schema();
        world.grow("people", count, SEED);
        world
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_sample_has_live_and_deleted_records_of_many_objects() {
        let world = World::sample();
        let live = |plural: &str| world.table(&world.object(plural).unwrap()).live();
        assert_eq!((live("companies"), world.rows("companies").len()), (9, 10));
        assert_eq!((live("people"), world.rows("people").len()), (23, 25));
        assert_eq!(live("machines"), 4);
        assert_eq!(live("workspaceMembers"), 1);
    }

    #[test]
    fn every_key_of_the_sample_points_at_a_record() {
        let world = World::sample();
        for object in world.objects() {
            for row in world.table(object).rows().values() {
                for (column, cell) in object.columns.iter().zip(&row.cells) {
                    let Some((target, _)) = column.target else { continue };
                    let target = world.object_by_id(target).unwrap();
                    let found =
                        cell.as_uuid().is_none_or(|id| world.table(&target).get(id).is_some());
                    assert!(
                        found,
                        "{}.{} of {}",
                        object.name_plural,
                        column.key,
                        object.id_of(row)
                    );
                }
            }
        }
    }

    #[test]
    fn a_world_of_people_is_the_same_every_time_and_crowds_its_milliseconds() {
        let world = World::with_people(3000);
        let rows = world.rows("people");
        assert_eq!(rows, World::with_people(3000).rows("people"));
        let mut by_moment: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            *by_moment.entry(row["updatedAt"].as_str().unwrap()).or_default() += 1;
        }
        assert!(
            by_moment.values().any(|count| *count > 200),
            "one page is not enough for a millisecond"
        );
        let bytes: usize = rows.iter().map(|row| row.to_string().len()).sum();
        assert!(
            (850..1000).contains(&(bytes / rows.len())),
            "{} bytes a record",
            bytes / rows.len()
        );
        assert!(rows.iter().all(|row| row["id"].as_str().unwrap().as_bytes()[14] == b'4'));
    }
}
