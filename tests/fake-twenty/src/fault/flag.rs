//! Faults as the command line spells them: `status=500,probability=0.01,path=/rest/people`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Effect, Fault, Times};

/// Why a fault could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagError(String);

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FlagError {}

const EFFECTS: &str = "status=N, status-after=N, rate-limited, stall, stall-after-head, drip=MILLISECONDS, \
                       cut-before, cut-after, cut-body, broken-json, html, end-early=SHARE, wrong-total=OFFSET, \
                       stuck-cursor, repeated-id, ignored-filter, slow=MILLISECONDS";

impl FromStr for Fault {
    type Err = FlagError;

    /// Reads an effect and its conditions: `method=`, `path=`, `body=`, `next=`, `nth=`, `probability=`, `seed=`.
    fn from_str(text: &str) -> Result<Self, FlagError> {
        let mut read = Read::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            read.part(key, value)?;
        }
        read.finish()
    }
}

#[derive(Default)]
struct Read {
    effect: Option<Effect>,
    content: Option<String>,
    times: Option<Times>,
    probability: Option<f64>,
    seed: u64,
    fault: Option<Fault>,
}

impl Read {
    fn part(&mut self, key: &str, value: &str) -> Result<(), FlagError> {
        let fault = self.fault.get_or_insert_with(|| Fault::status(500));
        match key {
            "method" => fault.matcher.method = Some(value.to_uppercase()),
            "path" => fault.matcher.path = Some(value.to_owned()),
            "body" => fault.matcher.body = Some(value.to_owned()),
            "content" => self.content = Some(value.to_owned()),
            "next" => self.times = Some(Times::Next(number(key, value)?)),
            "nth" => self.times = Some(Times::Nth(number(key, value)?)),
            "probability" => self.probability = Some(number(key, value)?),
            "seed" => self.seed = number(key, value)?,
            _ => self.effect = Some(effect(key, value)?),
        }
        Ok(())
    }

    fn finish(self) -> Result<Fault, FlagError> {
        let effect = self
            .effect
            .ok_or_else(|| FlagError(format!("a fault needs an effect: one of {EFFECTS}")))?;
        let by_chance =
            self.probability.map(|probability| Times::Chance { probability, seed: self.seed });
        let mut fault = self.fault.unwrap_or_else(|| Fault::status(500));
        fault.times = by_chance.or(self.times).unwrap_or(Times::Always);
        fault.effect = match effect {
            Effect::Status { status, .. } => Effect::Status { status, body: self.content },
            Effect::StatusAfter { status, .. } => {
                Effect::StatusAfter { status, body: self.content }
            }
            other => other,
        };
        Ok(fault)
    }
}

fn effect(key: &str, value: &str) -> Result<Effect, FlagError> {
    Ok(match key {
        "status" => Effect::Status { status: status(value)?, body: None },
        "status-after" => Effect::StatusAfter { status: status(value)?, body: None },
        "rate-limited" => Effect::RateLimited,
        "stall" => Effect::Stall,
        "stall-after-head" => Effect::StallAfterHead,
        "drip" => Effect::Drip(Duration::from_millis(number(key, value)?)),
        "cut-before" => Effect::CutBefore,
        "cut-after" => Effect::CutAfter,
        "cut-body" => Effect::CutBody,
        "broken-json" => Effect::BrokenJson,
        "html" => Effect::Html,
        "end-early" => Effect::EndEarly(number(key, value)?),
        "wrong-total" => Effect::WrongTotal(number(key, value)?),
        "stuck-cursor" => Effect::StuckCursor,
        "repeated-id" => Effect::RepeatedId,
        "ignored-filter" => Effect::IgnoredFilter,
        "slow" => Effect::Slow(Duration::from_millis(number(key, value)?)),
        _ => return Err(FlagError(format!("\"{key}\" is no fault: use one of {EFFECTS}"))),
    })
}

fn status(value: &str) -> Result<u16, FlagError> {
    let known = value.parse().ok().filter(|status| (200..600).contains(status));
    known.ok_or_else(|| FlagError(format!("\"{value}\" is no HTTP status from 200 to 599")))
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, FlagError> {
    value.parse().map_err(|_| FlagError(format!("{key} needs a number, not \"{value}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fault {
        text.parse().unwrap()
    }

    #[test]
    fn a_status_with_a_probability_is_read() {
        let fault = read("status=503,content=down,probability=0.01,seed=9,path=/rest/,method=get");
        assert_eq!(fault.effect, Effect::Status { status: 503, body: Some("down".to_owned()) });
        assert_eq!(fault.times, Times::Chance { probability: 0.01, seed: 9 });
        assert_eq!(fault.matcher.method.as_deref(), Some("GET"));
    }

    #[test]
    fn an_effect_alone_happens_always() {
        assert_eq!(read("slow=250").effect, Effect::Slow(Duration::from_millis(250)));
        assert_eq!(read("cut-after").times, Times::Always);
        assert_eq!(read("stall,nth=3").times, Times::Nth(3));
    }

    #[test]
    fn nonsense_is_refused_with_the_list_of_effects() {
        let refusal = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(refusal("explode").contains("cut-before"));
        assert!(refusal("path=/rest").contains("needs an effect"));
        assert!(refusal("status=abc").contains("no HTTP status"));
        assert!(refusal("stall,next=many").contains("needs a number"));
    }
}
