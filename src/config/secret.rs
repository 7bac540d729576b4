//! Reads secrets from files, so that they need not stand in the environment.
//!
//! It exists for systemd credentials and Kubernetes secrets, which are files. Invariants: one line break at the end
//! belongs to the file, not to the secret; a file that others may read is refused. Root may let a group read, because
//! that is how a service gets what it must not change; what a container is handed is for that container alone.

use std::{
    fmt,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use rustix::fs::{FsWord, StatVfsMountFlags, statfs, statvfs};
use secrecy::SecretString;

use super::ConfigError;

/// File systems in memory (tmpfs, ramfs), as `statfs` names them.
const IN_MEMORY: [FsWord; 2] = [0x0102_1994, 0x8584_58f6];

/// Who else may read a file with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Those of its group.
    Group,
    /// Every user of this machine.
    Everybody,
}

impl fmt::Display for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Readers::Group => "everybody in its group",
            Readers::Everybody => "every user of this machine",
        })
    }
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
    match other_readers(path) {
        Some(readers) => Err(ConfigError::SecretExposed { key, path: path.to_owned(), readers }),
        None => Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))),
    }
}

fn other_readers(file: &Path) -> Option<Readers> {
    let file = file.canonicalize().ok()?;
    let found = Access::of(&fs::metadata(&file).ok()?);
    let folders = file.ancestors().skip(1).map(|folder| fs::metadata(folder).ok());
    let folders: Vec<_> = folders.map(|found| found.as_ref().map(Access::of)).collect();
    readers(found, &folders).filter(|_| !is_handed_over(&file))
}

/// What others may do with a file or a folder.
#[derive(Debug, Clone, Copy)]
struct Access {
    mode: u32,
    owner: u32,
    group: u32,
}

impl Access {
    fn of(found: &Metadata) -> Access {
        Access { mode: found.mode(), owner: found.uid(), group: found.gid() }
    }

    fn allows(self, bit: u32) -> bool {
        self.mode & bit != 0
    }
}

/// Who may read a file and pass every folder on the way to it; nobody passes a folder that cannot be looked at.
fn readers(file: Access, folders: &[Option<Access>]) -> Option<Readers> {
    const ROOT: u32 = 0;
    let all_pass =
        |passes: &dyn Fn(Access) -> bool| folders.iter().all(|folder| folder.is_some_and(passes));
    let lets_group = |folder: Access| folder.group == file.group && folder.allows(0o010);
    if file.allows(0o004) && all_pass(&|folder| folder.allows(0o001)) {
        return Some(Readers::Everybody);
    }
    let to_group = file.owner != ROOT && file.allows(0o040);
    (to_group && all_pass(&|folder| folder.allows(0o001) || lets_group(folder)))
        .then_some(Readers::Group)
}

/// Whether it lies in memory and cannot be written, which is how Kubernetes and Docker mount a secret into the one
/// container that it is for, for everybody there to read.
fn is_handed_over(file: &Path) -> bool {
    statfs(file).is_ok_and(|found| IN_MEMORY.contains(&found.f_type))
        && statvfs(file).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use secrecy::ExposeSecret as _;

    use super::{Access, Readers, read, readers};

    const US: u32 = 1000;
    const OPEN: Access = Access { mode: 0o755, owner: 0, group: 0 };

    /// Who reads a file of `owner` with this mode, in a folder of `owner` with that one.
    fn who(owner: u32, mode: u32, folder: u32) -> Option<Readers> {
        let of_group = |mode| Access { mode, owner, group: 50 };
        readers(of_group(mode), &[Some(of_group(folder)), Some(OPEN)])
    }

    #[test]
    fn a_secret_is_exposed_where_others_may_read_it_and_pass_every_folder_on_the_way() {
        use Readers::{Everybody, Group};
        for (owner, mode, folder, expected) in [
            (US, 0o600, 0o755, None),
            (US, 0o400, 0o755, None),
            (US, 0o644, 0o755, Some(Everybody)),
            (US, 0o604, 0o711, Some(Everybody)),
            (0, 0o644, 0o755, Some(Everybody)),
            (US, 0o640, 0o755, Some(Group)),
            (US, 0o440, 0o750, Some(Group)),
            (US, 0o644, 0o750, Some(Group)),
            (US, 0o640, 0o700, None),
            (US, 0o644, 0o700, None),
            // As a package, systemd or Kubernetes with an fsGroup has it.
            (0, 0o640, 0o755, None),
            (0, 0o440, 0o750, None),
        ] {
            assert_eq!(who(owner, mode, folder), expected, "{owner} {mode:o} in {folder:o}");
        }
    }

    #[test]
    fn the_group_of_a_file_does_not_pass_the_folder_of_another() {
        let file = Access { mode: 0o640, owner: US, group: 50 };
        let folder = Access { mode: 0o750, owner: US, group: 51 };
        assert_eq!(readers(file, &[Some(folder), Some(OPEN)]), None);
        assert_eq!(readers(file, &[None, Some(OPEN)]), None, "a folder that cannot be looked at");
    }

    #[test]
    fn an_exposed_file_is_refused_with_its_place_and_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "secret\n").unwrap();
        let set = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        set(folder.path(), 0o755).unwrap();
        set(&file, 0o644).unwrap();
        let error = read("source.api_key_file", None, Some(&file)).unwrap_err();
        let (text, hint) = (error.to_string(), error.hint().unwrap());
        let place = file.display().to_string();
        assert!(text.contains("source.api_key_file") && text.contains(&place), "{text}");
        assert!(
            text.contains("every user of this machine") && !text.contains("secret\n"),
            "{text}"
        );
        assert!(hint.contains(&format!("chmod 600 {place}")), "{hint}");
        set(&file, 0o600).unwrap();
        let secret = read("source.api_key_file", None, Some(&file)).unwrap().unwrap();
        assert_eq!(secret.expose_secret(), "secret");
    }
}
