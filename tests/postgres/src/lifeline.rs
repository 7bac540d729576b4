//! A promise that something is cleaned up when this process ends, however it ends.
//!
//! `Drop` does not run for a static, after a panic that aborts, or under SIGKILL; a signal handler does not either.
//! The kernel, however, closes the files of every process that ends. So a small shell waits for the end of a pipe
//! that only this process holds open, and then runs its script. There is nothing to poll and no process id to
//! mistake for another.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::account::Account;

/// Runs a shell script when it is dropped, or when this process has ended.
#[derive(Debug)]
pub struct Lifeline {
    shell: Child,
}

impl Lifeline {
    /// Has `script` run at the end, with `arguments` as `"$1"` and so on.
    pub fn tie<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> io::Result<Lifeline> {
        Self::tie_as(None, script, arguments)
    }

    pub(crate) fn tie_as<A: AsRef<OsStr>>(
        account: Option<Account>,
        script: &str,
        arguments: &[A],
    ) -> io::Result<Lifeline> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("read -r _\n{script}")).arg("lifeline").args(arguments);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        // A Ctrl-C goes to the whole group of the terminal. The shell must outlive it, because it cleans up after it.
        shell.process_group(0);
        if let Some(account) = account {
            shell.uid(account.uid).gid(account.gid);
        }
        Ok(Lifeline { shell: shell.spawn()? })
    }

    /// Ends the shell without running the script: there is nothing left to clean up.
    pub fn cancel(mut self) {
        // The shell is blocked in `read`, so killing it cannot interrupt the script.
        self.shell.kill().ok();
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }
}
