//! Who has sent a form.
//!
//! Browsers say which site the page with the form is from, and no script can change it. A program that is no browser says
//! nothing, and cannot be lured either.

use wasm_roles_sdk::http::Request;

/// Whether a page of this site has sent the request, or a program that is no browser.
pub(crate) fn is_own(request: &Request) -> bool {
    let (site, origin) = (request.header("sec-fetch-site"), request.header("origin"));
    is_own_origin(site.as_deref(), origin.as_deref(), request.authority().as_deref())
}

fn is_own_origin(site: Option<&str>, origin: Option<&str>, authority: Option<&str>) -> bool {
    match (site, origin, authority) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(authority)) => {
            // Where TLS ends before this role, the scheme is another one here than in the browser.
            origin.split_once("://").is_some_and(|(_, host)| host.eq_ignore_ascii_case(authority))
        }
        (None, Some(_), None) => false,
        (None, None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_own_origin;

    #[test]
    fn a_form_of_another_site_is_not_taken() {
        let authority = Some("book.example:8080");
        for (site, origin, own) in [
            (Some("same-origin"), Some("http://book.example:8080"), true),
            (Some("cross-site"), Some("http://book.example:8080"), false),
            (Some("same-site"), None, false),
            (Some("none"), None, false),
            (None, Some("http://book.example:8080"), true),
            (None, Some("https://BOOK.example:8080"), true),
            (None, Some("http://book.example"), false),
            (None, Some("http://evil.example"), false),
            (None, Some("null"), false),
            (None, None, true),
        ] {
            assert_eq!(is_own_origin(site, origin, authority), own, "{site:?} {origin:?}");
        }
        assert!(!is_own_origin(None, Some("http://book.example"), None));
    }
}
