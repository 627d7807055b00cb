//! `http-out-p2 COMMAND ARGUMENT…`: sends requests over wasi:http 0.2 and says in one line what came of them.
//!
//! | command | what it does | what it says |
//! |---|---|---|
//! | `get URL OPTION…` | asks and reads the body | the status and the body |
//! | `length URL OPTION…` | the same | the status and the length of the body |
//! | `post URL BYTES` | sends a body of so many `u`, as it goes | the status and the body |
//! | `short URL` | says that 10 bytes come, and sends 5 | what sending and finishing came to |
//! | `trailers URL` | sends and reads a trailer | the status, the body, and the trailer `x-got` |
//! | `many URL COUNT` | sends so many at once, then reads all | how many of each outcome there were |
//! | `leave URL NEXT` | drops a response in the middle, then gets NEXT | what NEXT said |
//! | `abandon URL NEXT` | drops a request before its response, then gets NEXT | what NEXT said |
//! | `header NAME` | adds a header | `added` or the error |
//! | `method NAME` | sets a method | `set` or the error |
//!
//! An option is `connect=MS`, `first=MS` or `between=MS`. A failure is said as the name of its error code, behind `then` when the
//! head of the response had come.
#![allow(clippy::print_stdout, reason = "that is how it says things")]

mod url;

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::StreamError;

/// A failure, in one word where it has one.
type Outcome<T> = Result<T, String>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    println!("{}", run(&arguments).unwrap_or_else(|failure| failure));
}

fn run(arguments: &[&str]) -> Outcome<String> {
    match arguments {
        ["get", url, options @ ..] => get(url, options),
        ["length", url, options @ ..] => {
            read(answer(send(url, Fields::new(), options)?)?, |body| body.len().to_string())
        }
        ["post", url, bytes] => post(url, number(bytes)?),
        ["short", url] => short(url),
        ["trailers", url] => trailers(url),
        ["many", url, count] => many(url, number(count)?),
        ["leave", url, next] => {
            let response = answer(send(url, Fields::new(), &[])?)?;
            let body = response.consume().map_err(|()| "Consumed".to_owned())?;
            let stream = body.stream().map_err(|()| "Streamed".to_owned())?;
            stream.blocking_read(1).map_err(|error| stream_error(&error))?;
            drop((stream, body, response));
            get(next, &[])
        }
        ["abandon", url, next] => {
            let response = send(url, Fields::new(), &[])?;
            std::thread::sleep(Duration::from_millis(50)); // it is on its way now
            drop(response);
            get(next, &[])
        }
        ["header", name] => match Fields::new().append(name, b"x") {
            Ok(()) => Ok("added".to_owned()),
            Err(error) => Err(format!("{error:?}")),
        },
        ["method", name] => {
            let method = Method::Other((*name).to_owned());
            let set = OutgoingRequest::new(Fields::new()).set_method(&method);
            set.map(|()| "set".to_owned()).map_err(|()| "InvalidMethod".to_owned())
        }
        _ => Err("what?".to_owned()),
    }
}

fn number(text: &str) -> Outcome<usize> {
    text.parse().map_err(|_| "NotANumber".to_owned())
}

fn get(url: &str, options: &[&str]) -> Outcome<String> {
    read(answer(send(url, Fields::new(), options)?)?, |body| String::from_utf8_lossy(&body).into_owned())
}

fn request(url: &str, headers: Fields) -> Outcome<OutgoingRequest> {
    let url = Url::parse(url);
    let request = OutgoingRequest::new(headers);
    let scheme = match url.scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_scheme(Some(&scheme)).map_err(|()| "InvalidScheme".to_owned())?;
    request.set_authority(Some(url.authority)).map_err(|()| "InvalidAuthority".to_owned())?;
    request.set_path_with_query(Some(&url.path)).map_err(|()| "InvalidPath".to_owned())?;
    Ok(request)
}

fn send(url: &str, headers: Fields, options: &[&str]) -> Outcome<FutureIncomingResponse> {
    handle(request(url, headers)?, Some(time_outs(options)?)).map_err(|code| code_name(&code))
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
        set.map_err(|()| "InvalidOption".to_owned())?;
    }
    Ok(all)
}

fn answer(response: FutureIncomingResponse) -> Outcome<IncomingResponse> {
    loop {
        match response.get() {
            Some(Ok(Ok(response))) => return Ok(response),
            Some(Ok(Err(code))) => return Err(code_name(&code)),
            Some(Err(())) => return Err("Taken".to_owned()),
            None => response.subscribe().block(),
        }
    }
}

fn read(response: IncomingResponse, say: impl FnOnce(Vec<u8>) -> String) -> Outcome<String> {
    let status = response.status();
    match bytes(&response).map(|(bytes, _)| bytes) {
        Ok(body) => Ok(format!("{status} {}", say(body))),
        Err(failure) => Err(format!("{status} then {failure}")),
    }
}

/// The body, with what is left of it: the trailers.
fn bytes(response: &IncomingResponse) -> Outcome<(Vec<u8>, IncomingBody)> {
    let body = response.consume().map_err(|()| "Consumed".to_owned())?;
    let stream = body.stream().map_err(|()| "Streamed".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(stream_error(&error)),
        }
    }
    drop(stream);
    Ok((bytes, body))
}

fn stream_error(error: &StreamError) -> String {
    match error {
        StreamError::Closed => "Closed".to_owned(),
        StreamError::LastOperationFailed(error) => {
            http_error_code(error).map_or_else(|| error.to_debug_string(), |code| code_name(&code))
        }
    }
}

/// The name of the case alone.
fn code_name(code: &ErrorCode) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn post(url: &str, bytes: usize) -> Outcome<String> {
    let request = request(url, Fields::new())?;
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    let body = request.body().map_err(|()| "NoBody".to_owned())?;
    let stream = body.write().map_err(|()| "Written".to_owned())?;
    let response = handle(request, None).map_err(|code| code_name(&code))?;
    let part = vec![b'u'; 4096];
    let mut left = bytes;
    while left > 0 {
        let part = part.get(..left.min(part.len())).unwrap_or_default();
        if stream.blocking_write_and_flush(part).is_err() {
            break; // the response says why
        }
        left = left.saturating_sub(part.len());
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| code_name(&code))?;
    read(answer(response)?, |body| String::from_utf8_lossy(&body).into_owned())
}

fn short(url: &str) -> Outcome<String> {
    let headers = Fields::new();
    headers.append("content-length", b"10").map_err(|error| format!("{error:?}"))?;
    let request = request(url, headers)?;
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    let body = request.body().map_err(|()| "NoBody".to_owned())?;
    let stream = body.write().map_err(|()| "Written".to_owned())?;
    let response = handle(request, None).map_err(|code| code_name(&code))?;
    stream.blocking_write_and_flush(b"12345").map_err(|error| stream_error(&error))?;
    drop(stream);
    let finished = match OutgoingBody::finish(body, None) {
        Ok(()) => "Ok".to_owned(),
        Err(code) => code_name(&code),
    };
    let answered = answer(response).map(|response| response.status().to_string());
    Ok(format!("{finished} {}", if answered.is_ok() { "answered" } else { "failed" }))
}

fn trailers(url: &str) -> Outcome<String> {
    let headers = Fields::new();
    headers.append("trailer", b"x-sent").map_err(|error| format!("{error:?}"))?;
    headers.append("te", b"trailers").map_err(|error| format!("{error:?}"))?;
    let request = request(url, headers)?;
    request.set_method(&Method::Post).map_err(|()| "InvalidMethod".to_owned())?;
    let body = request.body().map_err(|()| "NoBody".to_owned())?;
    let response = handle(request, None).map_err(|code| code_name(&code))?;
    let stream = body.write().map_err(|()| "Written".to_owned())?;
    stream.blocking_write_and_flush(b"b").map_err(|error| stream_error(&error))?;
    drop(stream);
    let sent = Fields::new();
    sent.append("x-sent", b"yes").map_err(|error| format!("{error:?}"))?;
    OutgoingBody::finish(body, Some(sent)).map_err(|code| code_name(&code))?;
    let response = answer(response)?;
    let (body, rest) = bytes(&response)?;
    let trailers = IncomingBody::finish(rest);
    let got = loop {
        match trailers.get() {
            Some(Ok(Ok(Some(fields)))) => break fields.get("x-got"),
            Some(Ok(Ok(None))) => break Vec::new(),
            Some(Ok(Err(code))) => return Err(code_name(&code)),
            Some(Err(())) => return Err("Taken".to_owned()),
            None => trailers.subscribe().block(),
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(format!("{} {} {}", response.status(), text(&body), text(&got.concat())))
}

fn many(url: &str, count: usize) -> Outcome<String> {
    let sent: Vec<_> = (0..count).map(|_| send(url, Fields::new(), &[])).collect();
    let mut outcomes = BTreeMap::<String, usize>::new();
    for sent in sent {
        let outcome =
            sent.and_then(answer).and_then(|response| read(response, |body| body.len().to_string()));
        let seen = outcomes.entry(outcome.unwrap_or_else(|failure| failure)).or_default();
        *seen = seen.saturating_add(1);
    }
    let outcomes: Vec<String> =
        outcomes.iter().map(|(outcome, count)| format!("{count}x {outcome}")).collect();
    Ok(outcomes.join(", "))
}
