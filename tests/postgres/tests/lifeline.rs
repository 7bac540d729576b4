//! What is promised to be cleaned up is cleaned up.

use std::fs;
use std::path::{Path, PathBuf};

use test_postgres::Lifeline;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("lifeline-{}-{name}", std::process::id()));
        fs::write(&path, "").expect("the folder for temporary files is writable");
        Scratch(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[test]
fn a_dropped_lifeline_has_run_its_script() {
    let scratch = Scratch::new("dropped");
    let lifeline = Lifeline::tie(r#"rm "$1""#, &[scratch.path()]).unwrap();
    assert!(scratch.path().exists());
    drop(lifeline);
    assert!(!scratch.path().exists());
}

#[test]
fn a_cancelled_lifeline_runs_nothing() {
    let scratch = Scratch::new("cancelled");
    Lifeline::tie(r#"rm "$1""#, &[scratch.path()]).unwrap().cancel();
    assert!(scratch.path().exists());
}
