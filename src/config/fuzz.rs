//! Configurations that are wrong in a few places.

use std::fs;

use super::Loaded;
use crate::fuzz;

#[test]
fn no_configuration_brings_its_reader_down_and_a_wrong_one_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twenty-sync.toml");
    let built_in = include_bytes!("../../config/default.toml").to_vec();
    fuzz::each_of("config", &[built_in], |bytes| {
        fs::write(&path, bytes).unwrap();
        if let Err(error) = Loaded::read(Some(&path)) {
            assert!(!error.to_string().is_empty());
        }
    });
}
