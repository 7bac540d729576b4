//! Bodies of answers, broken ones included.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// How long the first half of a body has to reach the client before the connection is cut.
const HEAD_START: Duration = Duration::from_millis(20);

/// The reason that the server gives itself to cut a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl Error for Cut {}

/// What is sent after the head.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it.
    Whole(Option<Bytes>),
    /// A part, and then a cut.
    Part(Option<Bytes>, Pin<Box<Sleep>>),
    /// Byte by byte.
    Drip {
        /// What is left.
        left: Bytes,
        /// The time between two bytes.
        pause: Duration,
        /// When the next byte is due.
        next: Pin<Box<Sleep>>,
    },
    /// Nothing, for ever.
    Silence,
}

impl Content {
    /// The first half of a body, and then a cut.
    pub(super) fn half(body: &Bytes) -> Self {
        Self::Part(Some(body.slice(..body.len() / 2)), Box::pin(sleep(HEAD_START)))
    }

    /// A body whose bytes come one by one.
    pub(super) fn drip(left: Bytes, pause: Duration) -> Self {
        Self::Drip { left, pause, next: Box::pin(sleep(Duration::ZERO)) }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Part(bytes, pause) => match bytes.take().filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => pause.as_mut().poll(context).map(|()| Some(Err(Cut))),
            },
            Self::Drip { left, .. } if left.is_empty() => Poll::Ready(None),
            Self::Drip { left, pause, next } => next.as_mut().poll(context).map(|()| {
                next.as_mut().reset(Instant::now() + *pause);
                Some(Ok(Frame::data(left.split_to(1))))
            }),
            Self::Silence => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Part(..) | Self::Drip { .. } | Self::Silence => SizeHint::default(),
        }
    }
}
