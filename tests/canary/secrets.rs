//! What a run of the program was given and must never tell, in every form it could take.
//!
//! Every test that starts the program passes through here: the program then logs all it can, and everything it says
//! is searched for the key, the password and the token that it was given.

use std::ffi::OsStr;

use base64::{
    Engine as _,
    engine::{GeneralPurpose, general_purpose},
};
use tokio::process::Command;
use url::Url;

const LEVEL: &str = "TWENTY_SYNC__LOG__LEVEL";
const FORMAT: &str = "TWENTY_SYNC__LOG__FORMAT";

/// Shorter ones are words that tests use as wrong values.
const SHORTEST: usize = 8;

/// Secrets by name, each in every form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    /// Those that the program is given by its environment.
    pub(crate) fn given_to(command: &Command) -> Secrets {
        let mut secrets = Secrets::default();
        let given = command.as_std().get_envs();
        for (name, value) in
            given.filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
        {
            match name {
                "TWENTY_API_KEY" => secrets.add_key(value),
                "TWENTY_SYNC__WEBHOOK__SECRET" => secrets.add("the webhook's secret", value),
                "DATABASE_URL" => secrets.add_password_of(value),
                _ => {}
            }
        }
        secrets
    }

    /// The password of a database's URL, as it is written there and as it is meant.
    fn add_password_of(&mut self, url: &str) {
        const NAME: &str = "the database's password";
        let password = match Url::parse(url) {
            Ok(url) => url.password().map(str::to_owned).or_else(|| {
                let pairs = url.query_pairs();
                pairs
                    .into_iter()
                    .find(|(name, _)| name == "password")
                    .map(|(_, value)| value.into_owned())
            }),
            // A URL with a mistake has a password, too.
            Err(_) => url
                .split_once('@')
                .and_then(|(start, _)| start.rsplit_once(':'))
                .map(|(_, end)| end.to_owned()),
        };
        let password = password.unwrap_or_default();
        self.add(NAME, &password);
        self.add(NAME, &decoded(&password));
    }

    /// A JSON Web Token, and each of its parts but the first, which is the same in every token.
    pub(crate) fn add_key(&mut self, key: &str) {
        self.add("the key", key);
        for part in key.split('.').skip(1) {
            self.add("a part of the key", part);
        }
        if let Some(signature) = key.rsplit('.').next()
            && let Ok(bytes) = general_purpose::URL_SAFE_NO_PAD.decode(signature)
            && bytes.len() >= SHORTEST
        {
            self.0.push(("the signature of the key", hex::encode(bytes)));
        }
    }

    pub(crate) fn add(&mut self, name: &'static str, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        self.0.push((name, secret.to_owned()));
        self.0.push((name, escaped(secret)));
        self.0.push((name, hex::encode(secret)));
        for engine in [&general_purpose::STANDARD_NO_PAD, &general_purpose::URL_SAFE_NO_PAD] {
            self.0.extend((0..3).map(|place| (name, inside(engine, secret, place))));
        }
    }

    /// Nothing of this tells a secret. The text is not shown: it would tell it once more.
    pub(crate) fn assert_untold(&self, origin: &str, text: &str) {
        if let Some(told) = self.told(text) {
            panic!("{origin} tells {told}");
        }
    }

    /// Which secret a text tells, and where, without the secret.
    pub(crate) fn told(&self, text: &str) -> Option<String> {
        self.0.iter().find_map(|(name, form)| {
            let line = text.lines().find(|line| line.contains(form.as_str()))?;
            Some(format!("{name}: {}", line.replace(form.as_str(), "•••")))
        })
    }
}

/// Has the program log all it can, one JSON value a line, unless the test says how.
pub(crate) fn log_everything(command: &mut Command) {
    let is_set = |command: &Command, name: &str| {
        command.as_std().get_envs().any(|(set, value)| set == OsStr::new(name) && value.is_some())
    };
    if !is_set(command, LEVEL) {
        command.env(LEVEL, "trace,sqlx=trace");
    }
    if !is_set(command, FORMAT) {
        command.env(FORMAT, "json");
    }
}

/// What a person would see without [`log_everything`]: the lines that are no log, and warnings.
pub(crate) fn without_log(stderr: &str) -> String {
    let is_shown = |line: &&str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        entry["level"].as_str().is_none_or(|level| level == "WARN" || level == "ERROR")
    };
    stderr.lines().filter(is_shown).flat_map(|line| [line, "\n"]).collect()
}

/// The part of the base64 of anything that holds `secret` at `place` which depends on nothing else.
fn inside(engine: &GeneralPurpose, secret: &str, place: usize) -> String {
    let padded = [&[0; 3][..place], secret.as_bytes()].concat();
    let text = engine.encode(&padded);
    let from = (place * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    text[from..to].to_owned()
}

fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(
            |byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") },
        )
        .collect()
}

fn decoded(text: &str) -> String {
    let pair = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}
