//! From a request to its response.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, RETRY_AFTER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use super::Shared;
use super::drain::Stage;
use super::exchange::Exchange;
use super::link::Link;
use super::normal_form::normalize;
use super::refusal::Refusal;
use super::request_body::RequestBody;
use super::response_body::{Content, ResponseBody, Running};
use super::ticket::Ticket;
use crate::Application;
use crate::access_log::Draft;
use crate::client::X_REQUEST_ID;
use crate::sites::Answer;

type Answered<A> = Response<ResponseBody<<A as Application>::Body>>;

/// What is known about a request besides the request.
struct Facts {
    is_head: bool,
    version: Version,
    id: Option<HeaderValue>,
    closes: bool,
}

/// Answers one request. It always has an answer.
pub(super) async fn respond<A: Application>(
    shared: Arc<Shared<A>>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Answered<A>, Infallible> {
    let exchange = Exchange::new(&shared.queued);
    link.begin(&exchange);
    let (mut parts, body) = request.into_parts();
    let draft = shared
        .options
        .access_log
        .as_ref()
        .map(|log| Box::new(Draft::new(log, link.client.address(), &parts, (shared.options.clock)())));
    let mut running = Running { exchange, link, draft };
    let mut facts = Facts {
        is_head: parts.method == Method::HEAD,
        version: parts.version,
        id: None,
        // hyper drops a Content-Length beside a Transfer-Encoding, and then nobody can see that the request was
        // ambiguous, after which the connection must not be used (RFC 9112, section 6.3).
        closes: parts.headers.contains_key(TRANSFER_ENCODING),
    };
    let answer = answer(&shared, &running, &mut parts, body, &mut facts).await;
    running.exchange.respond();
    let mut response = match answer {
        Ok(response) => response,
        Err(refusal) => {
            facts.closes |= refusal.closes;
            refused(refusal)
        }
    };
    if !is_sound(&response, facts.is_head) {
        response = refused(Refusal::senseless());
    }
    facts.closes |= shared.drain.stage() != Stage::Open;
    let id = facts.id.clone();
    complete(&shared, response.headers_mut(), facts);
    if let Some(draft) = &mut running.draft {
        draft.status = Some(response.status());
        draft.id.clone_from(&id);
    }
    Ok(response.map(|content| ResponseBody::new(content, running)))
}

async fn answer<A: Application>(
    shared: &Shared<A>,
    running: &Running,
    parts: &mut Parts,
    body: Incoming,
    facts: &mut Facts,
) -> Result<Response<Content<A::Body>>, Refusal> {
    let Running { exchange, link, .. } = running;
    let limits = &shared.options.limits;
    let host = normalize(parts, link.secured, link.local).map_err(Refusal::malformed)?;
    link.client.mark(&mut parts.headers, &host);
    facts.id = Some(shared.ids.identify(&mut parts.headers, link.client.is_outside()));
    let longest = limits.body_bytes.unwrap_or(u64::MAX);
    if body.size_hint().lower() > longest {
        return Err(Refusal::too_long(longest));
    }
    match shared.options.sites.answer(link.port, parts).await {
        Answer::Response(response) => return Ok(response.map(Content::File)),
        Answer::NoSite => return Err(Refusal::no_site()),
        Answer::Application => {}
    }
    if !exchange.queue(limits.queue) {
        return Err(Refusal::queue_is_full(limits));
    }
    let body = RequestBody::new(body, Arc::clone(exchange), longest);
    let request = Request::from_parts(std::mem::replace(parts, Request::new(()).into_parts().0), body);
    let mut answer = pin!(shared.application.answer(request, Ticket::new(Arc::clone(exchange))));
    poll_fn(|cx| {
        let answered = answer.as_mut().poll(cx);
        // What an application says about a request that the server has given up on does not count.
        if let Poll::Ready(verdict) = exchange.poll_verdict(cx) {
            return Poll::Ready(Err(Refusal::verdict(verdict, limits)));
        }
        answered.map(|response| Ok(response.map(Content::Application)))
    })
    .await
}

fn refused<B>(refusal: Refusal) -> Response<Content<B>> {
    let mut response = Response::new(Content::Text(Some(refusal.text)));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Whether a client can understand it: no interim status as the last word, and no length that is not that of the
/// body.
fn is_sound<B: Body>(response: &Response<Content<B>>, is_head: bool) -> bool {
    let length = match response.body() {
        Content::Application(body) => body.size_hint().exact(),
        Content::Text(_) | Content::File(_) => None,
    };
    let said = response.headers().get(CONTENT_LENGTH);
    let consistent = match (said, length) {
        (Some(said), Some(length)) => {
            is_head
                || response.status() == StatusCode::NOT_MODIFIED
                || said.to_str().is_ok_and(|said| said.parse() == Ok(length))
        }
        _ => true,
    };
    consistent && !response.status().is_informational()
}

/// The headers that every response has.
fn complete<A>(shared: &Shared<A>, headers: &mut http::HeaderMap, facts: Facts) {
    if let Some(id) = facts.id {
        headers.insert(X_REQUEST_ID, id);
    }
    if !headers.contains_key(DATE) {
        headers.insert(DATE, shared.date.now((shared.options.clock)()));
    }
    if facts.version < Version::HTTP_2 {
        if facts.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    } else {
        // It has no meaning there, and must not be sent.
        headers.remove(CONNECTION);
    }
}
