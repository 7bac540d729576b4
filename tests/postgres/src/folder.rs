//! The folder of a private cluster: where it lies and who owns it.
//!
//! It lies below the folder for temporary files, not in the project: a project below `/root` cannot be entered by
//! the user that PostgreSQL runs as.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process;

use uuid::Uuid;

use crate::Error;
use crate::account::Account;

/// Makes an empty folder that only `account` may enter.
pub(crate) fn make_for(account: Option<Account>) -> Result<PathBuf, Error> {
    let name = format!(
        "twenty-sync-postgres-{}-{}",
        process::id(),
        &Uuid::new_v4().simple().to_string()[..8]
    );
    // PostgreSQL reports its folder with links resolved, and that report is compared with this path.
    let parent =
        base(account).canonicalize().map_err(Error::io("find the folder for temporary files"))?;
    let folder = parent.join(name);
    DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(Error::io("make the cluster's folder"))?;
    give(&folder, account).map_err(Error::io("give the cluster's folder to its user"))?;
    Ok(folder)
}

/// Hands a file to the user that PostgreSQL runs as.
pub(crate) fn give(path: &Path, account: Option<Account>) -> io::Result<()> {
    match account {
        Some(account) => chown(path, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

/// The user that PostgreSQL runs as must be able to enter the folder, and in the end to remove it.
fn base(account: Option<Account>) -> PathBuf {
    let candidates = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let usable = candidates.iter().find(|folder| account.is_none() || is_open_to_all(folder));
    usable.unwrap_or(&candidates[0]).clone()
}

/// Whether every user may make and remove files of its own there.
fn is_open_to_all(folder: &Path) -> bool {
    let allows = |part: &Path, mode: u32| {
        fs::metadata(part).is_ok_and(|meta| meta.permissions().mode() & mode == mode)
    };
    allows(folder, 0o003) && folder.ancestors().all(|part| allows(part, 0o001))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open_with_modes(outer_mode: u32, inner_mode: u32) -> bool {
        let outer = env::temp_dir().join(format!("modes-{}", Uuid::new_v4()));
        let inner = outer.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(inner_mode)).unwrap();
        fs::set_permissions(&outer, fs::Permissions::from_mode(outer_mode)).unwrap();
        let open = is_open_to_all(&inner);
        fs::remove_dir_all(&outer).unwrap();
        open
    }

    #[test]
    fn a_folder_is_open_when_all_may_write_to_it_and_pass_to_it() {
        assert!(is_open_with_modes(0o755, 0o1777));
        assert!(!is_open_with_modes(0o700, 0o1777), "nobody else gets there");
        assert!(!is_open_with_modes(0o755, 0o755), "nobody else may remove a folder there");
    }
}
