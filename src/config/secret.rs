//! Reads secrets from files, so that they need not stand in the environment.
//!
//! It exists for systemd credentials and Kubernetes secrets, which are files. Invariants: one line break at the end
//! belongs to the file, not to the secret; a file that everybody may read is read, and told.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{ConfigError, Loaded};

/// Settings that name a file with a secret.
const FILES: [&str; 4] =
    ["source.api_key_file", "mirror.database_url_file", "health.token_file", "webhook.secret_file"];

/// What others may do, as bits of a mode: read a file, and pass through a folder.
const READ: u32 = 0o004;
const PASS: u32 = 0o001;

impl Loaded {
    /// The files with secrets that every user of this machine may read, with the settings that name them.
    pub fn exposed_secrets(&self) -> Vec<(String, PathBuf)> {
        let settings = self.settings().into_iter();
        let named = settings.filter(|setting| {
            FILES.iter().any(|file| {
                let rest = setting.key.strip_suffix(file);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        });
        let files = named.map(|setting| (setting.key, PathBuf::from(setting.value)));
        files.filter(|(_, file)| is_exposed(file)).collect()
    }
}

/// Whether everybody may read a file: it, and every folder on the way to it.
fn is_exposed(file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    let may = |path: &Path, bit: u32| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bit != 0)
    };
    may(&file, READ) && file.ancestors().skip(1).all(|folder| may(folder, PASS))
}

/// The secret itself, or the one in the file; the file wins, because it was named on purpose.
pub(super) fn read(
    key: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    let Some(path) = file else { return Ok(value.cloned()) };
    let text = fs::read_to_string(path).map_err(|cause| ConfigError::SecretFile {
        key,
        path: path.to_owned(),
        cause,
    })?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::is_exposed;

    #[test]
    fn a_file_is_exposed_if_everybody_may_read_it_and_pass_every_folder_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "secret").unwrap();
        for (folder_mode, file_mode, expected) in [
            (0o755, 0o644, true),
            (0o711, 0o604, true),
            (0o755, 0o640, false),
            (0o755, 0o600, false),
            (0o750, 0o644, false),
        ] {
            let set = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
            set(folder.path(), folder_mode).unwrap();
            set(&file, file_mode).unwrap();
            assert_eq!(is_exposed(&file), expected, "{folder_mode:o} {file_mode:o}");
        }
        assert!(!is_exposed(&folder.path().join("nothing")));
    }
}
