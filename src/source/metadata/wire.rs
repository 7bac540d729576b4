//! Objects and fields as they travel, in every form that is known.
//!
//! It exists because GraphQL wraps lists in edges, older REST in `data.objects`, newer REST in `data`.
//! Invariant: an unknown key is ignored, a missing optional key is none; a list that is cut off is an error.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::{
    problem::{Problem, Unreadable},
    transport::Answer,
};

/// A list, bare or with edges.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Listed<T> {
    Bare(Vec<T>),
    #[serde(rename_all = "camelCase")]
    Connection {
        edges: Vec<Edge<T>>,
        page_info: Option<PageInfo>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Edge<T> {
    node: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageInfo {
    fn next(self) -> Option<String> {
        self.end_cursor.filter(|_| self.has_next_page)
    }
}

impl<T> Listed<T> {
    /// The items, and where the next page starts if there is one.
    pub(super) fn into_parts(self) -> (Vec<T>, Option<String>) {
        match self {
            Listed::Bare(items) => (items, None),
            Listed::Connection { edges, page_info } => (
                edges.into_iter().map(|edge| edge.node).collect(),
                page_info.and_then(PageInfo::next),
            ),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireObject {
    pub(super) id: Uuid,
    pub(super) name_singular: String,
    pub(super) name_plural: String,
    pub(super) label_singular: Option<String>,
    pub(super) label_plural: Option<String>,
    pub(super) description: Option<String>,
    pub(super) is_custom: Option<bool>,
    pub(super) is_system: Option<bool>,
    pub(super) is_active: Option<bool>,
    pub(super) fields: Listed<WireField>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireField {
    pub(super) id: Uuid,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) label: Option<String>,
    pub(super) description: Option<String>,
    pub(super) is_active: Option<bool>,
    pub(super) is_nullable: Option<bool>,
    pub(super) is_unique: Option<bool>,
    pub(super) options: Option<Vec<WireOption>>,
    pub(super) settings: Option<Value>,
    pub(super) relation: Option<WireRelation>,
    pub(super) morph_relations: Option<Vec<WireMorph>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireOption {
    pub(super) value: String,
    pub(super) label: Option<String>,
    pub(super) color: Option<String>,
    pub(super) position: Option<i32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRelation {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// One target of a relation to records of several objects.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireMorph {
    pub(super) target_object_metadata: Option<WireName>,
    pub(super) source_field_metadata: Option<WireSource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireName {
    pub(super) name_singular: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireSource {
    pub(super) id: Uuid,
    pub(super) name: String,
}

impl WireField {
    /// A text among the settings.
    pub(super) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.as_ref()?.get(key)?.as_str()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestPage {
    data: RestData,
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RestData {
    Bare(Vec<WireObject>),
    Named { objects: Vec<WireObject> },
}

/// Reads one page of `/rest/metadata/objects`, and where the next one starts if there is one.
pub(super) fn rest_page(answer: &Answer) -> Result<(Vec<WireObject>, Option<String>), Problem> {
    let page: RestPage = serde_json::from_str(&answer.body).map_err(|error| {
        let missing = Unreadable::Missing("objects with their fields");
        answer.unreadable(if error.is_data() { missing } else { Unreadable::Json })
    })?;
    let objects = match page.data {
        RestData::Bare(objects) | RestData::Named { objects } => objects,
    };
    Ok((objects, page.page_info.and_then(PageInfo::next)))
}
