//! An id for every request, so that what several roles say about it can be put together.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The header that has it, in the request and in the response.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of another role that is kept.
const LONGEST: usize = 128;

/// Gives ids: 128 bits of a generator with a seed, as 32 hexadecimal digits.
#[derive(Debug)]
pub(crate) struct RequestIds(Mutex<StdRng>);

impl RequestIds {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// The id of a request, which then is in its headers: a new one, or what a role inside has sent.
    pub(crate) fn identify(&self, headers: &mut HeaderMap, outside: bool) -> HeaderValue {
        if !outside && let Some(known) = headers.get(X_REQUEST_ID).filter(|id| is_id(id)) {
            let known = known.clone();
            headers.insert(X_REQUEST_ID, known.clone()); // there may be a second one
            return known;
        }
        let id = self.next();
        headers.insert(X_REQUEST_ID, id.clone());
        id
    }

    fn next(&self) -> HeaderValue {
        let mut bytes = [0; 16];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        let mut text = String::with_capacity(32);
        // Writing to a string does not fail.
        let _ = write!(text, "{:032x}", u128::from_be_bytes(bytes));
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

fn is_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(ids: &[&str]) -> HeaderMap {
        ids.iter().map(|id| (X_REQUEST_ID, HeaderValue::from_str(id).unwrap())).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_no_two_are_the_same() {
        let ids = || {
            let ids = RequestIds::new([7; 32]);
            [ids.next(), ids.next()]
        };
        let [one, two] = ids();
        assert_eq!(ids(), [one.clone(), two.clone()]);
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
    }

    #[test]
    fn only_a_role_inside_may_say_what_the_id_of_its_request_is() {
        let ids = RequestIds::new([7; 32]);
        let long = "x".repeat(129);
        let cases: [(&[&str], bool, bool); 6] = [
            (&["chosen"], false, true),
            (&["chosen", "second"], false, true),
            (&["chosen"], true, false),
            (&[&long], false, false),
            (&["with space"], false, false),
            (&[], false, false),
        ];
        for (sent, outside, kept) in cases {
            let mut headers = headers(sent);
            let id = ids.identify(&mut headers, outside);
            assert_eq!(id == "chosen", kept, "{sent:?}");
            assert_eq!(headers.get_all(X_REQUEST_ID).iter().collect::<Vec<_>>(), [&id], "{sent:?}");
        }
    }
}
