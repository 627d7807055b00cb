//! The form, as browsers send it: `application/x-www-form-urlencoded`.

/// What the visitor typed, be it good or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Form {
    /// The form in the body of a request. What is missing is empty.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let field = |name| field(&body, name).unwrap_or_default();
        Self { name: field("name"), text: field("text") }
    }
}

/// Whether a content type is that of the form.
pub(crate) fn is_urlencoded(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The first field of this name, decoded.
pub(crate) fn field(encoded: &str, name: &str) -> Option<String> {
    let pairs = encoded.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut named = pairs.filter(|(key, _)| decoded(key) == name);
    named.next().map(|(_, value)| decoded(value))
}

/// A percent sign that begins no byte stands for itself; bytes that are no text become the sign for that.
fn decoded(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    (high << 4) | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded() {
        let form = Form::from_body(b"text=one%0D%0Atwo+%3Cb%3E+100%25&name=%C5%BDofie");
        assert_eq!(form, Form { name: "Žofie".to_owned(), text: "one\r\ntwo <b> 100%".to_owned() });
    }

    #[test]
    fn a_body_that_is_no_form_is_an_empty_form() {
        for body in [b"".as_slice(), b"&&=&", b"\xff\xfe", b"NAME=x", b"{\"name\": \"Ada\"}"] {
            assert_eq!(Form::from_body(body), Form::default(), "{body:?}");
        }
    }

    #[test]
    fn what_is_badly_encoded_is_taken_as_it_is() {
        for (encoded, text) in
            [("100%", "100%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41", "%A"), ("%ff", "\u{fffd}")]
        {
            assert_eq!(field(&format!("text={encoded}"), "text").unwrap(), text);
        }
    }

    #[test]
    fn a_content_type_may_have_parameters() {
        assert!(is_urlencoded(Some("Application/X-WWW-Form-Urlencoded; charset=utf-8")));
        assert!(!is_urlencoded(Some("text/plain")));
        assert!(!is_urlencoded(None));
    }
}
