//! What a program that goes on running says, read as it says it.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use super::stage::secrets::{Secrets, log_everything};

/// The standard error of a program: read at once, so that the program never waits, and searched for secrets.
/// A secret that was told fails the test when this is dropped, at the latest.
#[derive(Debug)]
pub(crate) struct Log {
    lines: UnboundedReceiver<String>,
    told: Arc<Mutex<Option<String>>>,
}

/// Starts a program that logs all it can.
pub(crate) fn spawn(command: &mut Command) -> (Child, Log) {
    log_everything(command);
    let secrets = Secrets::given_to(command);
    let mut child =
        command.stderr(std::process::Stdio::piped()).spawn().expect("the program starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let (sender, lines) = unbounded_channel();
    let told = Arc::new(Mutex::new(None));
    let found = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok(Some(line)) = stderr.next_line().await {
            if let Some(secret) = secrets.told(&line) {
                found.lock().expect("nothing panics under this lock").get_or_insert(secret);
            }
            // Whoever does not want to read it has it searched nevertheless.
            let _ = sender.send(line);
        }
    });
    (child, Log { lines, told })
}

impl Log {
    /// The next line; nothing when the program has ended.
    pub(crate) async fn next_line(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// All that is still to come, until the program has ended.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.next_line().await {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let told = self.told.lock().expect("nothing panics under this lock").take();
        if let Some(told) = told
            && !std::thread::panicking()
        {
            panic!("the log tells {told}");
        }
    }
}
