//! The fake Twenty of the demo: its process, its address and its API key.

use std::error::Error;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::Outcome;
use crate::process::Process;
use crate::programs::Programs;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running fake.
pub(crate) struct Twenty {
    process: Process,
    url: String,
    key: String,
}

impl Twenty {
    pub(crate) async fn start(programs: &Programs) -> Outcome<Twenty> {
        let mut process =
            Process::spawn("fake-twenty", programs.fake_twenty().stdout(Stdio::piped()))?;
        let mut output = BufReader::new(process.take_output());
        let (mut url, mut key) = (None, None);
        while url.is_none() || key.is_none() {
            let mut line = String::new();
            let read = timeout(START_TIMEOUT, output.read_line(&mut line));
            if read.await.map_err(|_| "fake-twenty did not start in time")?? == 0 {
                return Err(process.unexpected_end().await);
            }
            url = url.or_else(|| word_that_starts_with("http://", &line));
            // A JSON Web Token begins with a brace in base64.
            key = key.or_else(|| word_that_starts_with("eyJ", &line));
        }
        // It must never wait for somebody to read what it prints.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        Ok(Twenty { process, url: url.unwrap_or_default(), key: key.unwrap_or_default() })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) async fn unexpected_end(&mut self) -> Box<dyn Error> {
        self.process.unexpected_end().await
    }
}

fn word_that_starts_with(start: &str, line: &str) -> Option<String> {
    let separator = |c: char| c.is_whitespace() || "=\"'()".contains(c);
    line.split(separator).find(|word| word.starts_with(start)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_key_are_found_in_a_sentence() {
        let line = "fake Twenty listens on http://127.0.0.1:3000 (TWENTY_API_KEY=eyJh.b.c)\n";
        assert_eq!(
            word_that_starts_with("http://", line).as_deref(),
            Some("http://127.0.0.1:3000")
        );
        assert_eq!(word_that_starts_with("eyJ", line).as_deref(), Some("eyJh.b.c"));
        assert_eq!(word_that_starts_with("eyJ", "nothing here"), None);
    }
}
