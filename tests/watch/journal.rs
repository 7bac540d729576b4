//! What the journal of systemd gets, by a socket where the journal has its own.

use std::{fs::File, os::unix::fs::MetadataExt as _, process::Stdio, time::Duration};

use fake_twenty::{Effect, Fault, World};
use tokio::{net::UnixDatagram, process::Command, time::timeout};

use super::stage::Stage;

const PATIENCE: Duration = Duration::from_mins(1);

/// Has a command see `$0` where the journal's sockets are; only a user's own view of the file system is changed.
const ELSEWHERE: &str = "mount -t tmpfs none /run && mkdir /run/systemd && ln -s \"$0\" /run/systemd/journal && exec \"$@\"";

fn own_view() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command
}

/// The value of a field, however it is written: `NAME=value`, or `NAME`, its length and the value.
fn field(entry: &[u8], name: &str) -> Option<String> {
    let begins = |at: &usize| *at == 0 || entry[*at - 1] == b'\n';
    let at = (0..entry.len()).filter(begins).find(|at| {
        entry[*at..].starts_with(name.as_bytes())
            && entry.get(at + name.len()).is_some_and(|next| b"=\n".contains(next))
    })?;
    let value = &entry[at + name.len()..];
    let value = match value {
        [b'=', rest @ ..] => rest.split(|byte| *byte == b'\n').next()?,
        [b'\n', rest @ ..] => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?
        }
        _ => return None,
    };
    Some(String::from_utf8_lossy(value).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_gets_a_field_for_each_field_and_standard_error_no_line() {
    let may = own_view().args(["mount -t tmpfs none /run"]).output().await;
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: nobody may have a view of the file system of their own here");
        return;
    }
    let stage = Stage::set(World::sample()).await;
    stage.fake.fault(Fault::new(Effect::EndEarly(0.0)).path("/rest/people"));
    let folder = tempfile::tempdir().unwrap();
    let journal = UnixDatagram::bind(folder.path().join("socket")).unwrap();
    let stderr = File::create(folder.path().join("stderr")).unwrap();
    let place = stderr.metadata().unwrap();
    let ended = own_view()
        .arg(ELSEWHERE)
        .arg(folder.path())
        .args([env!("CARGO_BIN_EXE_twenty-sync"), "--once"])
        .envs(stage.program().as_std().get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("JOURNAL_STREAM", format!("{}:{}", place.dev(), place.ino()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .status();
    let ended = timeout(PATIENCE, ended).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(1));
    let mut entry = vec![0; 1 << 16];
    let mut read = 0;
    // The first datagram only tries whether somebody is there.
    while read == 0 {
        read = timeout(PATIENCE, journal.recv(&mut entry)).await.expect("an entry").unwrap();
    }
    let entry = &entry[..read];
    let told = |name| {
        let whole = String::from_utf8_lossy(entry);
        field(entry, name).unwrap_or_else(|| panic!("no {name} in {whole}"))
    };
    assert_eq!(told("EVENT"), "object_failed");
    assert_eq!(told("OBJECT"), "people");
    assert_eq!(told("PRIORITY"), "4");
    assert_eq!(told("SYSLOG_IDENTIFIER"), "twenty-sync");
    assert_eq!(told("MESSAGE"), "could not read an object to the end");
    let lines = std::fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(!lines.contains("could not read an object to the end"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_anybody_else_have_no_colour_and_one_name_each() {
    let stage = Stage::set(World::sample()).await;
    stage.fake.fault(Fault::new(Effect::EndEarly(0.0)).path("/rest/people"));
    for (stream, format) in [("1:1", "text"), ("", "json")] {
        let mut program = stage.program();
        program.arg("--once").env("JOURNAL_STREAM", stream);
        program.env("TWENTY_SYNC__LOG__FORMAT", format).env("TWENTY_SYNC__LOG__LEVEL", "warn");
        let output = program.output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let line = told.lines().find(|line| line.contains("could not read an object to the end"));
        let line = line.unwrap_or_else(|| panic!("{told}"));
        assert!(!told.contains('\x1b'), "{told}");
        assert!(line.contains("object_failed") && line.contains("people"), "{line}");
    }
}
