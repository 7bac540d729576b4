//! Wrong bytes for what reads bytes from outside.
//!
//! It exists because an answer, a webhook or a file can hold anything. Each file of `tests/corpus` is changed in a few
//! places, thousands of times, the same way in each run: `FUZZ_CASES=1000000 cargo nextest run --lib fuzz` tries more.
//! Invariants: a reader gives a value or an error, and never panics; the bytes that brought one down are written to
//! a file, which belongs into the corpus.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
};

/// Mutants of each file in an ordinary run.
const CASES: u64 = 2_000;

/// What readers have stumbled over elsewhere.
const NASTY: [&[u8]; 22] = [
    b"null",
    b"\"\"",
    b"-1",
    b"0",
    b"1e999",
    b"-0.0",
    b"9223372036854775808",
    b"340282366920938463463374607431768211456",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"\"294277-01-01T00:00:00.000Z\"",
    b"\"-0001-12-31\"",
    b"\"NaN\"",
    b"true",
    b"[]",
    b"{}",
    b"{\"id\":",
    b",",
    b"\xff\xfe",
    b"\xf0\x9f\xa6\x86",
    b"';--",
    b"\"data\":[],",
];

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit.max(1)).expect("a length fits");
        usize::try_from((mixed ^ (mixed >> 31)) % limit).expect("it is below a length")
    }
}

/// Calls `check` with every file of a corpus, as it is and changed.
pub(crate) fn each(kind: &str, check: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    let files: Vec<Vec<u8>> =
        paths.iter().map(|path| fs::read(path).expect("the file can be read")).collect();
    assert!(!files.is_empty(), "nothing in {}", folder.display());
    each_of(kind, &files, check);
}

/// The same with files that stand elsewhere.
pub(crate) fn each_of(kind: &str, files: &[Vec<u8>], check: impl Fn(&[u8])) {
    let cases = std::env::var("FUZZ_CASES").ok().and_then(|text| text.parse().ok());
    for (place, file) in files.iter().enumerate() {
        survive(kind, file, &check);
        for case in 0..cases.unwrap_or(CASES) {
            let mut dice = Dice(case << 8 | place as u64);
            survive(kind, &mutant(file, files, &mut dice), &check);
        }
    }
}

fn survive(kind: &str, bytes: &[u8], check: &impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(bytes))) {
        let path = std::env::temp_dir().join(format!("{kind}-{}", std::process::id()));
        fs::write(&path, bytes).expect("the bytes can be kept");
        eprintln!("brought down by {}: put it into tests/corpus/{kind}", path.display());
        resume_unwind(panic);
    }
}

fn mutant(file: &[u8], files: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=dice.below(4) {
        change(&mut bytes, files, dice);
    }
    bytes
}

/// Changes one place.
fn change(bytes: &mut Vec<u8>, files: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let to = (at + dice.below(24)).min(bytes.len());
    match dice.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..to)),
        2 => {
            let copy = bytes[at..to].to_vec();
            bytes.splice(at..at, copy.repeat(1 + dice.below(60)));
        }
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        4 => {
            let other = &files[dice.below(files.len())];
            let from = dice.below(other.len() + 1);
            bytes.splice(at..to, other[from..].iter().copied());
        }
        // A whole value becomes another one.
        5 | 6 => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'\n');
            let begin =
                bytes[..at].iter().rposition(|byte| *byte == b':').map_or(at, |place| place + 1);
            let end = bytes[at..].iter().position(ends).map_or(at, |length| at + length);
            bytes.splice(begin..end.max(begin), NASTY[dice.below(NASTY.len())].iter().copied());
        }
        _ => drop(bytes.splice(at..at, NASTY[dice.below(NASTY.len())].iter().copied())),
    }
}
