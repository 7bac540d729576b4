//! The data model of a workspace: its objects and fields, as metadata describes them.
//!
//! It exists because nothing about a workspace is known when the program is built: every table and column
//! follows from this model. Invariant: names and ids are the source's own, unchanged; what the mirror calls
//! them is decided in [`crate::plan::schema`].

use uuid::Uuid;

/// The metadata id of an object. It survives a rename, so everything stored refers to it.
pub type ObjectId = Uuid;

/// Everything a workspace can hold, one [`Object`] per type of record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataModel {
    /// The objects, active and inactive, sorted by plural name.
    pub objects: Vec<Object>,
}

impl DataModel {
    /// What every object is called, in the plural, with all of its names.
    pub fn names(&self) -> impl Iterator<Item = (&str, [&str; 2])> {
        self.objects.iter().map(|object| {
            let (plural, singular) = (object.name_plural.as_str(), object.name_singular.as_str());
            (plural, [plural, singular])
        })
    }

    /// The object called `name`, by its singular or plural name, in any letter case.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.is_called(name))
    }
}

/// One type of record, such as company or person.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The metadata id.
    pub id: ObjectId,
    /// For example `person`.
    pub name_singular: String,
    /// For example `people`; also the path segment of the REST API.
    pub name_plural: String,
    /// What people see, singular.
    pub label_singular: String,
    /// What people see, plural.
    pub label_plural: String,
    /// What the object is for, in the workspace's words.
    pub description: Option<String>,
    /// Made in this workspace rather than by Twenty.
    pub is_custom: bool,
    /// Internal to Twenty; permission checks do not cover it.
    pub is_system: bool,
    /// An inactive object vanishes from the API while its data stays.
    pub is_active: bool,
    /// All fields, active and inactive, sorted by name.
    pub fields: Vec<Field>,
}

impl Object {
    /// Whether `name` is this object's singular or plural name, in any letter case.
    pub fn is_called(&self, name: &str) -> bool {
        self.name_plural.eq_ignore_ascii_case(name) || self.name_singular.eq_ignore_ascii_case(name)
    }
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The metadata id. It survives a rename.
    pub id: Uuid,
    /// For example `jobTitle`.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What the field is for, in the workspace's words.
    pub description: Option<String>,
    /// The type, with what the type needs to be read and written.
    pub kind: FieldKind,
    /// An inactive field vanishes from the API while its data stays.
    pub is_active: bool,
    /// Whether the source accepts null.
    pub is_nullable: bool,
    /// Whether two records may not share a value; deleted records keep theirs reserved.
    pub is_unique: bool,
    /// The choices of a `SELECT`, `MULTI_SELECT` or `RATING` field, in the order people see.
    pub options: Vec<PicklistOption>,
}

/// One choice of a `SELECT`, `MULTI_SELECT` or `RATING` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicklistOption {
    /// What records hold.
    pub value: String,
    /// What people see.
    pub label: String,
    /// The colour in the user interface; ratings have none.
    pub color: Option<String>,
    /// The order in the user interface.
    pub position: i32,
}

/// The type of a field (docs/twenty.md, "Field types").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// A UUID that is no relation.
    Uuid,
    /// Text.
    Text,
    /// A number that the source holds as a double or an integer.
    Number(NumberKind),
    /// An exact decimal.
    Numeric,
    /// True, false or unknown.
    Boolean,
    /// A point in time with millisecond resolution.
    DateTime,
    /// A day.
    Date,
    /// One of the options.
    Select,
    /// Any of the options.
    MultiSelect,
    /// `RATING_1` to `RATING_5`.
    Rating,
    /// A list of texts.
    Array,
    /// Any JSON.
    RawJson,
    /// The order of records in the user interface.
    Position,
    /// Generated full-text data, not mirrored.
    TsVector,
    /// The older rich text, one string.
    RichText,
    /// Rich text as `blocknote` JSON and `markdown`.
    RichTextV2,
    /// First and last name.
    FullName,
    /// A primary e-mail and more.
    Emails,
    /// A primary phone number and more.
    Phones,
    /// A primary link and more.
    Links,
    /// An amount in millionths and a currency code.
    Currency,
    /// A postal address with a position on the map.
    Address,
    /// Who made a record, and by what means.
    Actor,
    /// A reference to one record; the key that carries its id.
    ManyToOne {
        /// The JSON key of the id, such as `companyId`.
        join_column: String,
    },
    /// The other end of a relation: nothing is stored here.
    OneToMany,
    /// A type this version does not know, by the server's name for it. Read-only JSON in the mirror.
    Unknown(String),
}

/// How the source stores a `NUMBER` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKind {
    /// Whole numbers (`settings.dataType` is `int`).
    Integer,
    /// Double precision, the default, and what a `bigint` really is.
    Double,
}
