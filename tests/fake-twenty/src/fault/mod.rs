//! Faults on demand: what a network, a proxy or a broken server does to a request.
//!
//! A fault is data: what happens ([`Effect`]), to which requests ([`Matcher`]) and how often ([`Times`]). The server
//! keeps them in a book and asks it once per request, so a run with the same seed and the same requests is the
//! same run.

mod book;
mod flag;
mod page;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use book::{Book, Fired};
pub use flag::FlagError;
pub(crate) use page::Listing;

use crate::journal::CallInfo;

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happens.
    pub effect: Effect,
    /// To which requests.
    pub matcher: Matcher,
    /// How often.
    pub times: Times,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answered at once with this status and body (no body: an empty one); the request is not applied.
    Status {
        /// HTTP status.
        status: u16,
        /// Text of the body.
        body: Option<String>,
    },
    /// The request is applied, and the answer is this status and body.
    StatusAfter {
        /// HTTP status.
        status: u16,
        /// Text of the body.
        body: Option<String>,
    },
    /// Refused as by an empty token bucket: 429 in REST, HTTP 200 with `LIMIT_REACHED` in GraphQL. Not applied.
    RateLimited,
    /// Never answered; the request is not applied.
    Stall,
    /// The request is applied, the head of the answer is sent, and then nothing more comes.
    StallAfterHead,
    /// The request is applied, and the body of the answer comes byte by byte, with this pause after each.
    Drip(Duration),
    /// The connection is cut before the request is applied.
    CutBefore,
    /// The request is applied, and the connection is cut before the answer.
    CutAfter,
    /// The request is applied; the head promises the whole body, half of it is sent, the connection is cut.
    CutBody,
    /// The request is applied; the body is half of the JSON, with the length that fits the half.
    BrokenJson,
    /// A page of HTML with status 200, as a proxy or a login wall sends it. Not applied.
    Html,
    /// Status 200 and these bytes, which are said to be JSON, and perhaps to be compressed. Not applied.
    Raw {
        /// The body.
        body: Bytes,
        /// Whether the head says `Content-Encoding: gzip`.
        gzip: bool,
    },
    /// A listing ends early: after this share (0 to 1) of its rows, `hasNextPage` is false.
    EndEarly(f64),
    /// `totalCount` is off by so much, never below zero.
    WrongTotal(i64),
    /// From the second page on, `endCursor` is the cursor that was sent, and `hasNextPage` is true.
    StuckCursor,
    /// The first row of a page comes twice.
    RepeatedId,
    /// A listing shows everything, whatever the filter says.
    IgnoredFilter,
    /// The answer comes so much later. Goes together with any other fault.
    Slow(Duration),
}

impl Effect {
    /// Whether it decides how the request ends, so that only one can happen.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Status { .. }
            | Self::StatusAfter { .. }
            | Self::RateLimited
            | Self::Stall
            | Self::StallAfterHead
            | Self::Drip(_)
            | Self::Raw { .. }
            | Self::CutBefore
            | Self::CutAfter
            | Self::CutBody
            | Self::BrokenJson
            | Self::Html => true,
            Self::EndEarly(_)
            | Self::WrongTotal(_)
            | Self::StuckCursor
            | Self::RepeatedId
            | Self::IgnoredFilter
            | Self::Slow(_) => false,
        }
    }
}

/// A condition on requests written as a function.
pub type Test = Arc<dyn Fn(&CallInfo) -> bool + Send + Sync>;

/// Which requests are meant: all conditions that are given must hold.
#[derive(Clone, Default)]
pub struct Matcher {
    /// The method, exactly.
    pub method: Option<String>,
    /// A part of path and query as they were sent.
    pub path: Option<String>,
    /// A part of the body.
    pub body: Option<String>,
    /// Anything else.
    pub test: Option<Test>,
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body", &self.body)
            .field("test", &self.test.is_some())
            .finish()
    }
}

impl Matcher {
    /// Whether a request is meant.
    pub fn matches(&self, call: &CallInfo) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.path.as_ref().is_none_or(|part| call.path.contains(part))
            && self.body.as_ref().is_none_or(|part| call.body.contains(part))
            && self.test.as_ref().is_none_or(|test| test(call))
    }
}

/// How often a fault happens, counted over the requests that match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Times {
    /// Every time.
    Always,
    /// The next so many times.
    Next(usize),
    /// Only the n-th time, counted from one.
    Nth(usize),
    /// With this probability (0 to 1), the same decisions for the same seed.
    Chance {
        /// How likely it is.
        probability: f64,
        /// Where the dice start.
        seed: u64,
    },
}

impl Fault {
    /// The effect on every request.
    pub fn new(effect: Effect) -> Self {
        Self { effect, matcher: Matcher::default(), times: Times::Always }
    }

    /// Answers with a status and no body.
    pub fn status(status: u16) -> Self {
        Self::new(Effect::Status { status, body: None })
    }

    /// Only requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.matcher.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path and query contain this.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.matcher.path = Some(part.to_owned());
        self
    }

    /// Only requests whose body contains this.
    #[must_use]
    pub fn body(mut self, part: &str) -> Self {
        self.matcher.body = Some(part.to_owned());
        self
    }

    /// Only requests that pass a test.
    #[must_use]
    pub fn when(mut self, test: impl Fn(&CallInfo) -> bool + Send + Sync + 'static) -> Self {
        self.matcher.test = Some(Arc::new(test));
        self
    }

    /// The next so many matching requests.
    #[must_use]
    pub fn next(mut self, count: usize) -> Self {
        self.times = Times::Next(count);
        self
    }

    /// Only the n-th matching request, counted from one.
    #[must_use]
    pub fn nth(mut self, number: usize) -> Self {
        self.times = Times::Nth(number);
        self
    }

    /// Matching requests with a probability.
    #[must_use]
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.times = Times::Chance { probability, seed };
        self
    }
}
