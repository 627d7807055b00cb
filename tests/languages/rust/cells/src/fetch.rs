//! A request over wasi:http 0.3, which the SDK leaves to the crate `wasip3`.

use wasip3::http::client;
use wasip3::http::types::{Fields, Method, Request, Scheme};
use wasip3::wit_future;

/// The status of the answer to a GET.
pub(crate) async fn status(url: &str) -> Result<String, String> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        _ => return Err(format!("{url} is no URL of http or https")),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    request.set_method(&Method::Get).map_err(|()| "the method is refused")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme is refused")?;
    request.set_authority(Some(authority)).map_err(|()| "the authority is refused")?;
    request.set_path_with_query(Some(&format!("/{path}"))).map_err(|()| "the path is refused")?;
    let response = client::send(request).await.map_err(|error| format!("{error:?}"))?;
    Ok(response.get_status_code().to_string())
}
