//! Loading an export: `metadata-graphql.json`, optionally `metadata-rest.json`, and `records-<plural>.jsonl`.
//!
//! The export shows milliseconds; the rows behind it had microseconds, and several quirks hang on the difference.
//! So every system timestamp that is not on a whole second gets microseconds back, the same ones for rows that
//! share a millisecond, because rows of one batch share their timestamp to the microsecond.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use uuid::Uuid;

use super::World;
use super::cell::{Cell, Kind};
use super::column::Column;
use super::row::Row;
use super::schema::{Field, Link, Object};
use crate::value::{number, stamp};

/// Why a workspace could not be loaded.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for LoadError {}

impl World {
    /// Loads an export from a folder. Objects without a file of records are empty.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        let graphql = read(&dir.join("metadata-graphql.json"))?;
        let rest = dir.join("metadata-rest.json");
        let rest = if rest.exists() { read(&rest)? } else { String::new() };
        let mut world = Self::from_metadata(dir, &graphql, &rest)?;
        for object in world.objects.clone() {
            let path = dir.join(format!("records-{}.jsonl", object.name_plural));
            if path.exists() {
                world.load_records(&object.name_plural, &path, &read(&path)?)?;
            }
        }
        Ok(world)
    }

    pub(super) fn from_metadata(dir: &Path, graphql: &str, rest: &str) -> Result<Self, LoadError> {
        let wrong = |name: &str, reason: String| LoadError { path: dir.join(name), reason };
        let objects: Vec<Value> = serde_json::from_str(graphql)
            .map_err(|error| wrong("metadata-graphql.json", error.to_string()))?;
        let extras = if rest.is_empty() {
            HashMap::new()
        } else {
            let parsed: Value = serde_json::from_str(rest)
                .map_err(|error| wrong("metadata-rest.json", error.to_string()))?;
            by_id(&parsed)
        };
        let mut world = Self::empty();
        for object in &objects {
            let object = object_from(object, &extras).ok_or_else(|| {
                wrong("metadata-graphql.json", "an object without id or names".to_owned())
            })?;
            world.insert_object(object);
        }
        Ok(world)
    }

    pub(super) fn load_records(
        &mut self,
        plural: &str,
        path: &Path,
        text: &str,
    ) -> Result<(), LoadError> {
        let wrong = |reason: String| LoadError { path: path.to_owned(), reason };
        for (at, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            let record: Value = serde_json::from_str(line)
                .map_err(|error| wrong(format!("line {}: {error}", at + 1)))?;
            if at == 0 {
                self.take_key_order(plural, line);
            }
            self.put_record(plural, &record)
                .map_err(|reason| wrong(format!("line {}: {reason}", at + 1)))?;
        }
        Ok(())
    }

    /// The order of keys in a record is not the order of metadata: it is learnt from the first record.
    fn take_key_order(&mut self, plural: &str, line: &str) {
        let object = self.expect_object(plural);
        let place =
            |field: &Field| line.find(&format!("\"{}\":", field.key())).unwrap_or(usize::MAX);
        let keys = top_level_keys(line);
        self.alter(object.id, |object| {
            for field in &mut object.fields {
                let at = keys.iter().position(|key| key == field.key());
                field.rank =
                    at.unwrap_or_else(|| keys.len().saturating_add(field.rank).min(place(field)));
            }
        });
    }

    /// Stores a record as an export shows it, without any check or rewriting.
    pub fn put_record(&mut self, plural: &str, record: &Value) -> Result<(), String> {
        let object = self.object(plural).ok_or_else(|| format!("no object is named {plural}"))?;
        let cell = |column: &Column| {
            let value = match column.sub {
                None => record.get(&column.key),
                Some(sub) => record.get(&column.key).and_then(|part| part.get(sub)),
            };
            cell_from(column, value.unwrap_or(&Value::Null))
        };
        let row = Row { cells: object.columns.iter().map(cell).collect::<Result<_, _>>()? };
        let id = row.cells[object.system_column("id")].as_uuid().ok_or("the record has no id")?;
        self.table_mut(&object).put(id, row);
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path)
        .map_err(|error| LoadError { path: path.to_owned(), reason: error.to_string() })
}

fn top_level_keys(line: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let (mut depth, mut start, mut escaped) = (0_usize, None, false);
    for (at, byte) in line.bytes().enumerate() {
        match (byte, start) {
            (_, Some(_)) if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', Some(from)) => {
                if depth == 1 && line[at + 1..].trim_start().starts_with(':') {
                    keys.push(line[from..at].to_owned());
                }
                start = None;
            }
            (b'"', None) => start = Some(at + 1),
            (b'{' | b'[', None) => depth += 1,
            (b'}' | b']', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    keys
}

fn cell_from(column: &Column, value: &Value) -> Result<Cell, String> {
    let bad = || format!("{} holds {value}", column.key);
    let text = || value.as_str().ok_or_else(bad);
    Ok(match (value, column.kind) {
        (Value::Null, _) => Cell::Null,
        (_, Kind::Uuid) => Cell::Uuid(Uuid::try_parse(text()?).map_err(|_| bad())?),
        (_, Kind::Instant) => {
            Cell::Instant(with_micros(&column.key, stamp::parse(text()?, 0).ok_or_else(bad)?))
        }
        (_, Kind::Number) => Cell::Number(value.as_f64().ok_or_else(bad)?),
        (_, Kind::Boolean) => Cell::Bool(value.as_bool().ok_or_else(bad)?),
        (Value::String(text), Kind::Numeric) => Cell::text(number::decimal(text).ok_or_else(bad)?),
        (_, Kind::Numeric) => Cell::text(number::decimal(&value.to_string()).ok_or_else(bad)?),
        (_, Kind::EnumList | Kind::TextList | Kind::Json) => Cell::json(value.clone()),
        (_, Kind::Text | Kind::Date | Kind::Enum | Kind::Vector) => Cell::text(text()?),
    })
}

fn with_micros(key: &str, micros: i64) -> i64 {
    let system = matches!(key, "createdAt" | "updatedAt" | "deletedAt");
    if !system || micros % 1_000_000 == 0 || micros % 1000 != 0 {
        return micros;
    }
    micros + 1 + (micros / 1000).rem_euclid(997)
}

/// The entries of REST metadata by id, objects and fields alike: they carry icons and dates that the other lacks.
fn by_id(rest: &Value) -> HashMap<String, Value> {
    let objects = rest["data"]["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = objects.iter().filter_map(|object| object["fields"].as_array()).flatten();
    let entry = |value: &Value| Some((value["id"].as_str()?.to_owned(), value.clone()));
    objects.iter().chain(fields).filter_map(entry).collect()
}

fn object_from(json: &Value, extras: &HashMap<String, Value>) -> Option<Object> {
    let extra = extras.get(json["id"].as_str()?).unwrap_or(&Value::Null);
    let text = |key: &str| json[key].as_str().map(ToOwned::to_owned);
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    let flag = |key: &str, default: bool| json[key].as_bool().unwrap_or(default);
    let edges = json["fields"]["edges"].as_array()?;
    let fields =
        edges.iter().enumerate().map(|(rank, edge)| field_from(&edge["node"], rank, extras));
    let indexes = json["indexMetadatas"]["edges"].as_array().into_iter().flatten();
    Some(Object {
        id: id(&json["id"])?,
        name_singular: text("nameSingular")?,
        name_plural: text("namePlural")?,
        label_singular: text("labelSingular").unwrap_or_default(),
        label_plural: text("labelPlural").unwrap_or_default(),
        description: text("description"),
        icon: text("icon"),
        is_custom: flag("isCustom", false),
        is_active: flag("isActive", true),
        is_system: flag("isSystem", false),
        is_remote: flag("isRemote", false),
        is_searchable: flag("isSearchable", false),
        created_at: text("createdAt").unwrap_or_default(),
        updated_at: text("updatedAt").unwrap_or_default(),
        label_identifier: id(&json["labelIdentifierFieldMetadataId"]),
        image_identifier: id(&extra["imageIdentifierFieldMetadataId"]),
        fields: fields.collect::<Option<_>>()?,
        indexes: indexes.map(|edge| edge["node"].clone()).collect(),
        columns: Vec::new(),
    })
}

fn field_from(json: &Value, rank: usize, extras: &HashMap<String, Value>) -> Option<Field> {
    let extra = extras.get(json["id"].as_str()?).unwrap_or(&Value::Null);
    let own = |key: &str| json[key].as_str().or_else(|| extra[key].as_str()).map(ToOwned::to_owned);
    let id = Uuid::try_parse(json["id"].as_str()?).ok()?;
    let morphs = json["morphRelations"].as_array().into_iter().flatten();
    Some(Field {
        id,
        name: own("name")?,
        kind: own("type")?,
        label: own("label").unwrap_or_default(),
        description: own("description"),
        icon: own("icon"),
        is_custom: json["isCustom"].as_bool().unwrap_or(false),
        is_active: json["isActive"].as_bool().unwrap_or(true),
        is_system: json["isSystem"].as_bool().unwrap_or(false),
        is_nullable: json["isNullable"].as_bool(),
        is_unique: json["isUnique"].as_bool(),
        is_ui_read_only: json["isUIReadOnly"].as_bool().unwrap_or(false),
        created_at: own("createdAt").unwrap_or_default(),
        updated_at: own("updatedAt").unwrap_or_default(),
        default_value: json["defaultValue"].clone(),
        options: json["options"].clone(),
        settings: json["settings"].clone(),
        relation: link_from(&json["relation"]),
        morph_relations: morphs.filter_map(link_from).collect(),
        hidden: false,
        rank,
    })
}

fn link_from(json: &Value) -> Option<Link> {
    let id = |value: &Value| value["id"].as_str().and_then(|text| Uuid::try_parse(text).ok());
    let name = |value: &Value| Some(value["name"].as_str()?.to_owned());
    let names = name(&json["sourceFieldMetadata"]).zip(name(&json["targetFieldMetadata"]));
    Some(Link {
        direction: json["type"].as_str()?.to_owned(),
        target_object: id(&json["targetObjectMetadata"])?,
        target_field: id(&json["targetFieldMetadata"])?,
        source_field: id(&json["sourceFieldMetadata"])?,
        names,
    })
}
