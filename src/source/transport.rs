//! One HTTP exchange, with every guard that an exchange needs.
//!
//! It exists so that no call can forget a guard. Invariants: connecting, silence and the whole exchange have a
//! time limit, the body a size limit after decompression; redirects are not followed, because the key would go
//! with them; the key is read from its secret for each request and marked as sensitive; idle connections are
//! dropped before the server drops them.

use std::time::{Duration, Instant};

use reqwest::{
    Certificate, Method, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
    redirect, tls,
};
use secrecy::{ExposeSecret, SecretString};
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};
use url::Url;

use super::{
    error::SourceError,
    key::KeyFault,
    problem::{Problem, Unreadable},
};
use crate::config::{self, is_loopback};

/// The largest answer that is read, after decompression.
const LARGEST_ANSWER: usize = 32 << 20;

/// The server closes idle connections after five seconds.
const IDLE: Duration = Duration::from_millis(3500);

/// Never put into a log: the key is in here.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    key: SecretString,
}

/// What is asked; it can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) json: Option<bytes::Bytes>,
}

/// An answer of the server with a status of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// From before the first byte was sent until after the last one came.
    pub(super) took: Duration,
}

impl Transport {
    pub(super) fn new(config: &config::Source) -> Result<Transport, SourceError> {
        let base = checked_base(config)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("twenty-sync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            .timeout(config.request_timeout)
            .pool_idle_timeout(IDLE)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_version_min(tls::Version::TLS_1_2)
            .referer(false);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        if let Some(file) = &config.ca_file {
            let unreadable = |cause| SourceError::Certificates { file: file.clone(), cause };
            let pem = std::fs::read(file).map_err(unreadable)?;
            builder = builder.tls_certs_merge(certificates(&pem).map_err(unreadable)?);
        }
        let http = builder.build().map_err(SourceError::Client)?;
        let key = SecretString::from(config.api_key.expose_secret().trim());
        authorization(&key).ok_or(SourceError::Key(KeyFault::NotAToken))?;
        Ok(Transport { http, base, key })
    }

    /// The URL of `path` below the base, each segment escaped.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Sends `request` once.
    pub(super) async fn exchange(&self, request: &Request) -> Result<Answer, Problem> {
        let started = Instant::now();
        let mut builder = self.http.request(request.method.clone(), request.url.clone());
        if let Some(value) = authorization(&self.key) {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(json) = &request.json {
            builder = builder.header(CONTENT_TYPE, "application/json").body(json.clone());
        }
        let response = builder.send().await.map_err(lost)?;
        let status = response.status();
        tracing::Span::current().record("status", status.as_u16());
        if status.is_redirection() {
            return Err(Problem::Redirect { to: destination(&response) });
        }
        let headers = response.headers().clone();
        let body = read_body(response).await?;
        let status_code = status.as_u16();
        let Ok(body) = String::from_utf8(body) else {
            return Err(Problem::Unreadable { status: status_code, reason: Unreadable::Text });
        };
        if status.is_success() {
            return Ok(Answer { status: status_code, headers, body, took: started.elapsed() });
        }
        Err(Problem::of_answer(status_code, &self.without_key(&body), retry_after(&headers)))
    }

    /// Some proxies show the headers that they refuse, and a refusal is logged and kept.
    fn without_key(&self, body: &str) -> String {
        let key = self.key.expose_secret();
        let signature = key.rsplit('.').next().filter(|signature| !signature.is_empty());
        let body = body.replace(key, "…");
        signature.map_or_else(|| body.clone(), |signature| body.replace(signature, "…"))
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The server's time when it was asked, at the latest: its `Date` less the time that the exchange took.
    pub(super) fn served_at(&self) -> Result<OffsetDateTime, Problem> {
        Ok(self.date()? - self.took)
    }

    /// A time of the server that is not before it answered: its `Date`, which has whole seconds.
    pub(super) fn answered_by(&self) -> Result<OffsetDateTime, Problem> {
        Ok(self.date()? + time::Duration::SECOND)
    }

    fn date(&self) -> Result<OffsetDateTime, Problem> {
        let date = self.headers.get(DATE).and_then(|value| http_date(value.to_str().ok()?));
        date.ok_or_else(|| self.unreadable(Unreadable::Missing("Date header")))
    }

    pub(super) fn unreadable(&self, reason: Unreadable) -> Problem {
        let is_page = self.body.trim_start().starts_with('<');
        Problem::Unreadable {
            status: self.status,
            reason: if is_page { Unreadable::Page } else { reason },
        }
    }
}

fn checked_base(config: &config::Source) -> Result<Url, SourceError> {
    let url = &config.url;
    let Some(host) = url.host_str() else {
        return Err(SourceError::Url("it names no host"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SourceError::Url("it must not hold a user name or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(SourceError::Url("it must end with the path, without ? or #"));
    }
    match url.scheme() {
        "https" => Ok(url.clone()),
        "http" if config.allow_http || is_loopback(url) => Ok(url.clone()),
        "http" => Err(SourceError::Unencrypted { host: host.to_owned() }),
        _ => Err(SourceError::Url("it must begin with https://")),
    }
}

fn certificates(pem: &[u8]) -> std::io::Result<Vec<Certificate>> {
    let found = Certificate::from_pem_bundle(pem).map_err(std::io::Error::other)?;
    if found.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "no certificate in it"));
    }
    Ok(found)
}

fn authorization(key: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Problem> {
    let told =
        response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = Vec::with_capacity(told.min(1 << 20));
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Problem::TooLarge { limit: LARGEST_ANSWER });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The problem behind an error of the HTTP client, which is shown without its URL.
fn lost(error: reqwest::Error) -> Problem {
    let error = error.without_url();
    if error.is_connect() {
        Problem::Connect(error)
    } else if error.is_timeout() {
        Problem::Timeout
    } else {
        Problem::Interrupted(error)
    }
}

/// Where a redirect leads: without its query, which could hold anything.
fn destination(response: &Response) -> String {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(Ok(mut url)) = location.map(|location| response.url().join(location)) else {
        return "an unknown place".to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// Seconds, or a date that is counted from the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Duration::try_from(http_date(text)? - now).ok()
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    PrimitiveDateTime::parse(text, format).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use time::macros::datetime;

    use super::{Duration, http_date, retry_after};

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(
            http_date("Wed, 25 Nov 2026 07:08:33 GMT"),
            Some(datetime!(2026-11-25 07:08:33 UTC))
        );
        assert_eq!(http_date("2026-11-25T07:08:33Z"), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, expected) in [
            ("120", Some(120)),
            ("Wed, 25 Nov 2026 07:09:00 GMT", Some(60)),
            ("Wed, 25 Nov 2026 07:07:00 GMT", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("date", HeaderValue::from_static("Wed, 25 Nov 2026 07:08:00 GMT"));
            headers.insert("retry-after", HeaderValue::from_static(value));
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
    }
}
