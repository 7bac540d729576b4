//! Data models that are wrong in a few places, and one with a field of every type.

use super::{
    super::transport::Answer,
    field::model,
    wire::{WireObject, rest_page},
};
use crate::record::{Column, DataModel, column::columns_of};

const EVERY_TYPE: &str = include_str!("../../../tests/corpus/metadata/every_type.json");

fn listed(body: &str) -> Option<DataModel> {
    serde_json::from_str::<Vec<WireObject>>(body).ok().and_then(model)
}

/// The columns of an object that has a field of every type.
pub(in crate::source) fn every_type() -> Vec<Column> {
    let model = listed(EVERY_TYPE).expect("the model can be read");
    model.objects[0].fields.iter().flat_map(columns_of).collect()
}

/// Reads an answer as either interface gives it, up to the columns.
pub(in crate::source) fn read(answer: &Answer) {
    let by_rest = rest_page(answer).ok().and_then(|(objects, _)| model(objects));
    for model in [listed(&answer.body), by_rest].into_iter().flatten() {
        for field in model.objects.iter().flat_map(|object| &object.fields) {
            let _ = columns_of(field);
        }
    }
}
