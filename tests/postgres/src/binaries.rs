//! Where the programs of PostgreSQL are.
//!
//! Debian keeps `initdb` and `postgres` out of `PATH`, one folder per major version; other systems put them there.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;

const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that holds `initdb`, `postgres` and `pg_ctl`.
#[derive(Debug, Clone)]
pub(crate) struct Binaries(PathBuf);

impl Binaries {
    /// The folder that `PG_BIN_DIR` names, else Debian's newest version, else the first in `PATH`.
    pub(crate) fn find() -> Result<Binaries, Error> {
        if let Some(folder) = env::var_os("PG_BIN_DIR").filter(|folder| !folder.is_empty()) {
            let named = Binaries(PathBuf::from(folder));
            let missing =
                || Error::NoBinaries(format!("PG_BIN_DIR holds no initdb: {}", named.0.display()));
            return named.is_complete().then_some(named.clone()).ok_or_else(missing);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        newest_below(Path::new(DEBIAN))
            .or_else(|| first_in(&path))
            .ok_or_else(|| Error::NoBinaries(format!("no initdb in {DEBIAN}/*/bin or PATH")))
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn is_complete(&self) -> bool {
        ["initdb", "postgres", "pg_ctl"].iter().all(|name| self.program(name).is_file())
    }
}

fn newest_below(root: &Path) -> Option<Binaries> {
    let versions = fs::read_dir(root).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, Binaries(entry.path().join("bin"))))
    });
    versions
        .filter(|(_, found)| found.is_complete())
        .max_by_key(|(version, _)| *version)
        .map(|(_, found)| found)
}

fn first_in(path: &OsStr) -> Option<Binaries> {
    env::split_paths(path).map(Binaries).find(Binaries::is_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let folder = env::temp_dir().join(format!("binaries-{}", uuid::Uuid::new_v4()));
            fs::create_dir_all(&folder).unwrap();
            Scratch(folder)
        }

        fn install(&self, version: &str, programs: &[&str]) -> PathBuf {
            let bin = self.0.join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for name in programs {
                fs::write(bin.join(name), "").unwrap();
            }
            bin
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const ALL: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

    #[test]
    fn versions_are_compared_as_numbers() {
        let scratch = Scratch::new();
        scratch.install("9", &ALL);
        let newest = scratch.install("15", &ALL);
        assert_eq!(newest_below(&scratch.0).unwrap().0, newest);
    }

    #[test]
    fn a_version_without_a_server_is_passed_over() {
        let scratch = Scratch::new();
        let complete = scratch.install("15", &ALL);
        scratch.install("17", &["pg_ctl"]);
        assert_eq!(newest_below(&scratch.0).unwrap().0, complete);
    }

    #[test]
    fn the_path_is_searched_in_order() {
        let scratch = Scratch::new();
        let client_only = scratch.install("1", &["psql"]);
        let first = scratch.install("2", &ALL);
        let second = scratch.install("3", &ALL);
        let path = env::join_paths([client_only, first.clone(), second]).unwrap();
        assert_eq!(first_in(&path).unwrap().0, first);
    }
}
