//! URLs, cut at their signs and not checked: the host is to see what is wrong with them.

/// `SCHEME://AUTHORITY/PATH`. `\r` and `\n` written out stand for the characters.
pub struct Url<'a> {
    pub scheme: &'a str,
    pub authority: &'a str,
    pub path: String,
}

impl<'a> Url<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        Self { scheme, authority, path: path.replace("\\r", "\r").replace("\\n", "\n") }
    }
}
