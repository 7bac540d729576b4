//! The operating system's user that PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root, and containers and build machines often know no other user. The user is
//! changed with `Command::uid`, which needs neither `sudo` nor `su`.

use std::fs;

use crate::Error;

/// The users tried, best first. Both exist on every Debian with PostgreSQL installed.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// A user to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The user to drop to; `None` where this process is not root and may simply go on.
    pub(crate) fn to_drop_to() -> Result<Option<Account>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
        CANDIDATES.iter().find_map(|name| find(&passwd, name)).map(Some).ok_or(Error::NoAccount)
    }
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
    let account = Account { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? };
    (account.uid != 0).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          postgres2:x:7:7::/:/bin/sh\n\
                          postgres:x:101:106:PostgreSQL:/var/lib/postgresql:/bin/bash\n\
                          fake:x:0:0::/:/bin/sh\n";

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        assert_eq!(find(PASSWD, "postgres"), Some(Account { uid: 101, gid: 106 }));
        assert_eq!(find(PASSWD, "postgre"), None);
    }

    #[test]
    fn a_second_name_of_root_is_refused() {
        assert_eq!(find(PASSWD, "fake"), None);
    }
}
