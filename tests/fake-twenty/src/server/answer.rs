//! One request on the wire: read it, pass it through the state, send what came of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HeaderName, HeaderValue,
};
use hyper::{Request, Response, StatusCode};
use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::body::{Content, Cut};
use super::head;
use super::reply::Reply;
use super::state::{Ending, Shared};

/// The largest body that is read.
const BODY: usize = 10 * 1024 * 1024;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Answers one request.
pub(super) async fn answer(
    shared: &Shared,
    request: Request<Incoming>,
) -> Result<Response<Content>, Cut> {
    let (parts, body) = request.into_parts();
    let Some(arrival) = head::read(&parts) else { return Ok(too_large_a_head()) };
    let Some(body) = read(body).await? else {
        return Ok(whole(shared, Reply::empty(500).untagged(), None));
    };
    let (ending, delay) = shared.pass(&arrival, &body);
    tokio::time::sleep(delay).await;
    match ending {
        Ending::Reply(reply) => Ok(whole(shared, reply, arrival.known_tag.as_deref())),
        Ending::HeadOnly(reply) => Ok(broken(shared, &reply, Content::Silence)),
        Ending::Half(reply) => Ok(broken(shared, &reply, Content::half(&reply.body))),
        Ending::Drip(reply, pause) => {
            Ok(broken(shared, &reply, Content::drip(reply.body.clone(), pause)))
        }
        Ending::Silence => std::future::pending().await,
        Ending::Cut => Err(Cut),
    }
}

/// The whole body; nothing when it is too large. It is read to its end even then, so that the client sees the answer.
async fn read(mut body: Incoming) -> Result<Option<Bytes>, Cut> {
    let (mut bytes, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut)?.into_data() else { continue };
        length += data.len();
        if length <= BODY {
            bytes.extend_from_slice(&data);
        }
    }
    Ok((length <= BODY).then(|| bytes.freeze()))
}

/// Node refuses such a head by itself, before any of the server's code sees it.
fn too_large_a_head() -> Response<Content> {
    let mut response = Response::new(Content::Whole(None));
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn whole(shared: &Shared, mut reply: Reply, known_tag: Option<&str>) -> Response<Content> {
    let tag = (reply.tagged && !reply.body.is_empty()).then(|| tag(&reply.body));
    if tag.is_some() && tag.as_deref() == known_tag && reply.status == 200 {
        reply = Reply::empty(304);
    }
    let mut response = headed(shared, &reply, Content::Whole(Some(reply.body.clone())));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// An answer whose head promises more than comes.
fn broken(shared: &Shared, reply: &Reply, content: Content) -> Response<Content> {
    let mut response = headed(shared, reply, content);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
    response
}

fn headed(shared: &Shared, reply: &Reply, content: Content) -> Response<Content> {
    let mut response = Response::new(content);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !reply.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    if let Some(encoding) = reply.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if reply.capped {
        headers.insert("x-twenty-fields-capped", HeaderValue::from_static("true"));
    }
    headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
    headers.insert(KEEP_ALIVE, HeaderValue::from_static("timeout=5"));
    if let Some(date) = date(shared.lock().world.clock().now()) {
        headers.insert(DATE, date);
    }
    response
}

/// The server's clock as the `Date` header shows it: whole seconds.
fn date(micros: i64) -> Option<HeaderValue> {
    let moment = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok()?;
    HeaderValue::from_str(&moment.format(HTTP_DATE).ok()?).ok()
}

/// The weak tag of the framework: length and digest.
fn tag(body: &[u8]) -> String {
    format!("W/\"{:x}-{}\"", body.len(), STANDARD_NO_PAD.encode(Sha1::digest(body)))
}
