//! Reads secrets from files, so that they need not stand in the environment.
//!
//! It exists for systemd credentials and Kubernetes secrets, which are files. Invariant: one line break at the end
//! belongs to the file, not to the secret.

use std::{fs, path::Path};

use secrecy::SecretString;

use super::ConfigError;

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
