//! `http-out-p3 COMMAND ARGUMENT…`: the commands of `http-out-p2` over wasi:http 0.3, with the same words for the same outcomes.
//! `spurn URL BYTES` is one more: it posts, drops everything that it has of the request half a second after the head of the
//! response, and stays for an hour.

mod url;

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use url::Url;
use wasip3::cli::environment::get_arguments;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamResult};

struct Program;

wasip3::cli::command::export!(Program);

impl wasip3::exports::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        let arguments = get_arguments();
        let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
        println!("{}", run(&arguments).await.unwrap_or_else(|failure| failure));
        Ok(())
    }
}

/// A failure, in one word where it has one.
type Outcome<T> = Result<T, String>;

/// What a body ends with.
type Trailers = Result<Option<Fields>, ErrorCode>;

async fn run(arguments: &[&str]) -> Outcome<String> {
    match arguments {
        ["get", url, options @ ..] => get(url, options).await,
        ["length", url, options @ ..] => {
            let response = send(url, options).await?;
            read(response, |body| body.len().to_string()).await
        }
        ["post", url, bytes] => post(url, number(bytes)?).await,
        ["short", url] => short(url).await,
        ["trailers", url] => trailers(url).await,
        ["many", url, count] => many(url, number(count)?).await,
        ["leave", url, next] => {
            let response = send(url, &[]).await?;
            let (processed, result) = wit_future::new(|| Ok(()));
            let (mut body, rest) = Response::consume_body(response, result);
            body.read(Vec::with_capacity(1)).await;
            drop((body, rest, processed));
            get(next, &[]).await
        }
        ["abandon", url, next] => {
            abandon(send(url, &[])).await;
            get(next, &[]).await
        }
        ["header", name] => match Fields::new().append(name, b"x") {
            Ok(()) => Ok("added".to_owned()),
            Err(error) => Err(format!("{error:?}")),
        },
        ["method", name] => {
            let (trailers, end) = wit_future::new::<Trailers>(|| Ok(None));
            drop(trailers);
            let (request, _sent) = Request::new(Fields::new(), None, end, None);
            let set = request.set_method(&Method::Other((*name).to_owned()));
            set.map(|()| "set".to_owned()).map_err(|()| "InvalidMethod".to_owned())
        }
        ["spurn", url, bytes] => {
            let status = spurn(url, number(bytes)?).await?;
            wait_for(3_600_000_000_000).await;
            Ok(status.to_string())
        }
        _ => Err("what?".to_owned()),
    }
}

fn number(text: &str) -> Outcome<usize> {
    text.parse().map_err(|_| "NotANumber".to_owned())
}

/// Begins it, and drops it when it is on its way.
async fn abandon(request: impl Future<Output = Outcome<Response>>) {
    let (mut request, mut wait) = (pin!(request), pin!(wait_for(50_000_000)));
    poll_fn(|cx| {
        let _ = request.as_mut().poll(cx);
        wait.as_mut().poll(cx)
    })
    .await;
}

async fn get(url: &str, options: &[&str]) -> Outcome<String> {
    read(send(url, options).await?, |body| String::from_utf8_lossy(&body).into_owned()).await
}

async fn send(url: &str, options: &[&str]) -> Outcome<Response> {
    let (trailers, end) = wit_future::new::<Trailers>(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, end, Some(time_outs(options)?));
    address(&request, url)?;
    client::send(request).await.map_err(|code| code_name(&code))
}

fn address(request: &Request, url: &str) -> Outcome<()> {
    let url = Url::parse(url);
    let scheme = match url.scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_scheme(Some(&scheme)).map_err(|()| "InvalidScheme".to_owned())?;
    request.set_authority(Some(url.authority)).map_err(|()| "InvalidAuthority".to_owned())?;
    request.set_path_with_query(Some(&url.path)).map_err(|()| "InvalidPath".to_owned())
}

fn time_outs(options: &[&str]) -> Outcome<RequestOptions> {
    let all = RequestOptions::new();
    for option in options {
        let (name, ms) = option.split_once('=').ok_or("NoOption")?;
        let wait = Some(u64::try_from(number(ms)?).unwrap_or(u64::MAX).saturating_mul(1_000_000));
        let set = match name {
            "connect" => all.set_connect_timeout(wait),
            "first" => all.set_first_byte_timeout(wait),
            _ => all.set_between_bytes_timeout(wait),
        };
        set.map_err(|error| format!("{error:?}"))?;
    }
    Ok(all)
}

async fn read(response: Response, say: impl FnOnce(Vec<u8>) -> String) -> Outcome<String> {
    let status = response.get_status_code();
    match bytes(response).await {
        Ok((body, _)) => Ok(format!("{status} {}", say(body))),
        Err(failure) => Err(format!("{status} then {failure}")),
    }
}

/// The body and the trailers.
async fn bytes(response: Response) -> Outcome<(Vec<u8>, Option<Fields>)> {
    let (processed, result) = wit_future::new(|| Ok(()));
    let (mut body, end): (_, FutureReader<Trailers>) = Response::consume_body(response, result);
    let mut bytes = Vec::new();
    loop {
        let (result, part) = body.read(Vec::with_capacity(1 << 16)).await;
        bytes.extend(part);
        if matches!(result, StreamResult::Dropped) {
            break;
        }
    }
    let trailers = end.await.map_err(|code| code_name(&code))?;
    drop(processed);
    Ok((bytes, trailers))
}

/// The name of the case alone.
fn code_name(code: &ErrorCode) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

async fn post(url: &str, bytes: usize) -> Outcome<String> {
    let (request, write) = posting(url, bytes)?;
    let (response, ()) = both(client::send(request), write).await;
    let response = response.map_err(|code| code_name(&code))?;
    read(response, |body| String::from_utf8_lossy(&body).into_owned()).await
}

/// The status. It writes on for a while, until all room on the way is full; then it drops all that it has of the request.
async fn spurn(url: &str, bytes: usize) -> Outcome<u16> {
    let (request, write) = posting(url, bytes)?;
    let write = async {
        write.await;
        pending::<()>().await;
    };
    let (mut sent, mut write) = (pin!(client::send(request)), pin!(write));
    let response = poll_fn(|cx| {
        let _ = write.as_mut().poll(cx);
        sent.as_mut().poll(cx)
    });
    let response = response.await.map_err(|code| code_name(&code))?;
    let mut wait = pin!(wait_for(500_000_000));
    poll_fn(|cx| {
        let _ = write.as_mut().poll(cx);
        wait.as_mut().poll(cx)
    })
    .await;
    Ok(response.get_status_code())
}

/// A request with a body, and what writes the body.
fn posting(url: &str, bytes: usize) -> Outcome<(Request, impl Future<Output = ()> + use<>)> {
    let (mut body, contents) = wit_stream::new();
    let (trailers, end) = wit_future::new::<Trailers>(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), Some(contents), end, None);
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    address(&request, url)?;
    let write = async move {
        let mut left = bytes;
        while left > 0 {
            let part = left.min(65536);
            if !body.write_all(vec![b'u'; part]).await.is_empty() {
                break; // the response says why
            }
            left = left.saturating_sub(part);
        }
        drop(body);
        drop(trailers);
    };
    Ok((request, write))
}

async fn short(url: &str) -> Outcome<String> {
    let headers = Fields::new();
    headers.append("content-length", b"10").map_err(|error| format!("{error:?}"))?;
    let (mut body, contents) = wit_stream::new();
    let (trailers, end) = wit_future::new::<Trailers>(|| Ok(None));
    let (request, sent) = Request::new(headers, Some(contents), end, None);
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    address(&request, url)?;
    let write = async move {
        body.write_all(b"12345".to_vec()).await;
        drop(body);
        drop(trailers);
    };
    let (response, ()) = both(client::send(request), write).await;
    let finished = match sent.await {
        Ok(()) => "Ok".to_owned(),
        Err(code) => code_name(&code),
    };
    Ok(format!("{finished} {}", if response.is_ok() { "answered" } else { "failed" }))
}

async fn trailers(url: &str) -> Outcome<String> {
    let headers = Fields::new();
    headers.append("trailer", b"x-sent").map_err(|error| format!("{error:?}"))?;
    headers.append("te", b"trailers").map_err(|error| format!("{error:?}"))?;
    let (mut body, contents) = wit_stream::new();
    let (trailers, end) = wit_future::new::<Trailers>(|| Ok(None));
    let (request, _sent) = Request::new(headers, Some(contents), end, None);
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    address(&request, url)?;
    let sent = Fields::new();
    sent.append("x-sent", b"yes").map_err(|error| format!("{error:?}"))?;
    let write = async move {
        body.write_all(b"b".to_vec()).await;
        drop(body);
        let _ = trailers.write(Ok(Some(sent))).await;
    };
    let (response, ()) = both(client::send(request), write).await;
    let response = response.map_err(|code| code_name(&code))?;
    let status = response.get_status_code();
    let (body, trailers) = bytes(response).await?;
    let got = trailers.map(|fields| fields.get("x-got")).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(format!("{status} {} {}", text(&body), text(&got.concat())))
}

async fn many(url: &str, count: usize) -> Outcome<String> {
    let mut sent: Vec<Pin<Box<dyn Future<Output = Outcome<Response>> + '_>>> = Vec::new();
    sent.resize_with(count, || Box::pin(send(url, &[])));
    let mut answers = Vec::new();
    // All of them are begun before any is read.
    poll_fn(|cx| {
        sent.retain_mut(|request| match request.as_mut().poll(cx) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if sent.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let mut outcomes = BTreeMap::<String, usize>::new();
    for answer in answers {
        let outcome = match answer {
            Ok(response) => read(response, |body| body.len().to_string()).await,
            Err(failure) => Err(failure),
        };
        let seen = outcomes.entry(outcome.unwrap_or_else(|failure| failure)).or_default();
        *seen = seen.saturating_add(1);
    }
    let outcomes: Vec<String> =
        outcomes.iter().map(|(outcome, count)| format!("{count}x {outcome}")).collect();
    Ok(outcomes.join(", "))
}

/// Both to their ends, at the same time.
async fn both<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut other) = (None, None);
    poll_fn(move |cx| {
        if one.is_none()
            && let Poll::Ready(done) = first.as_mut().poll(cx)
        {
            one = Some(done);
        }
        if other.is_none()
            && let Poll::Ready(done) = second.as_mut().poll(cx)
        {
            other = Some(done);
        }
        match (one.take(), other.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (undone_one, undone_other) => {
                (one, other) = (undone_one, undone_other);
                Poll::Pending
            }
        }
    })
    .await
}
