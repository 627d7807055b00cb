//! The path of a request, as names of files. Pure.
//!
//! | the path has | it is |
//! |---|---|
//! | a broken escape (`%4`, `%zz`), NUL or another control character, bytes that are no UTF-8 | malformed |
//! | `.` or `..`, plain or as escapes; an empty name (`//`); an escaped `/`; a `\`; a `:` (drive letters, streams such as `::$DATA`); a dot or a space at the end of a name | without a file |
//! | more than 2,048 bytes, 64 names, or 255 bytes in a name | without a file |
//! | anything else | names, each decoded once |
//!
//! Nothing is normalised: a path that a browser would have to rewrite first names no file. What Windows would read in another
//! way than this host is refused on every host, so that a service serves the same files everywhere.

/// The longest path that can name a file, in bytes as sent.
const MAX_PATH: usize = 2048;
/// The most names in a path that can name a file.
const MAX_NAMES: usize = 64;
/// The longest name of a file, in bytes: what file systems take.
const MAX_NAME: usize = 255;

/// What the path of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It can be the name of a file.
    Names(RequestPath),
    /// It is a path, but not of a file.
    NoFile,
    /// It is no path.
    Malformed,
}

/// The names in a path, decoded. None of them leads up or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestPath {
    pub(crate) names: Vec<String>,
    /// Whether it ends in `/`.
    pub(crate) is_directory: bool,
}

/// Reads the path of a request as it was sent, without its query.
pub(crate) fn read(path: &str) -> Reading {
    let Some(inside) = path.strip_prefix('/') else { return Reading::NoFile };
    let (inside, is_directory) = match inside.strip_suffix('/') {
        Some(inside) => (inside, true),
        None => (inside, inside.is_empty()),
    };
    // `//` is the root and an empty name.
    if inside.is_empty() && path.len() > 1 {
        return Reading::NoFile;
    }
    let mut names = Vec::new();
    let mut names_a_file = path.len() <= MAX_PATH;
    for part in inside.split('/').filter(|_| !inside.is_empty()) {
        let Some(name) = decode(part) else { return Reading::Malformed };
        names_a_file &= can_be_a_name(&name) && names.len() < MAX_NAMES;
        if names_a_file {
            names.push(name);
        }
    }
    if names_a_file { Reading::Names(RequestPath { names, is_directory }) } else { Reading::NoFile }
}

/// `None` for broken escapes, control characters, and what is not UTF-8 when decoded.
fn decode(part: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok().filter(|name| !name.chars().any(char::is_control))
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn can_be_a_name(name: &str) -> bool {
    // This has `.` and `..` too.
    let ends_well = !name.ends_with(['.', ' ']);
    (1..=MAX_NAME).contains(&name.len()) && ends_well && !name.contains(['/', '\\', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_decoded_once() {
        let cases: [(&str, &[&str], bool); 9] = [
            ("/", &[], true),
            ("/a.txt", &["a.txt"], false),
            ("/a/b/", &["a", "b"], true),
            ("/a%20b", &["a b"], false),
            ("/%C3%B6", &["ö"], false),
            ("/ö", &["ö"], false),
            ("/100%2525", &["100%25"], false),
            ("/a+b", &["a+b"], false),
            ("/...a/.b", &["...a", ".b"], false),
        ];
        for (path, names, is_directory) in cases {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(read(path), Reading::Names(RequestPath { names, is_directory }), "{path}");
        }
    }

    #[test]
    fn tricks_name_no_file() {
        let long_name = format!("/{}", "a".repeat(256));
        let long_path = "/abcdefg".repeat(257);
        let deep = "/a".repeat(65);
        let cases = [
            "",
            "*",
            "a",
            "//",
            "///",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/../a",
            "/a/..",
            "/a/../b",
            "/a/./b",
            "/%2e",
            "/%2e%2e/a",
            "/%2E%2E/a",
            "/.%2e/a",
            "/..%2fa",
            "/a%2fb",
            "/%2f",
            "/a%5cb",
            "/..%5c..%5ca",
            "/a\\b",
            "/..\\a",
            "/C:",
            "/C:/a",
            "/c%3a/a",
            "/a.txt::$DATA",
            "/a.txt:stream",
            "/a.txt.",
            "/a.txt%20",
            "/a.txt...",
            "/a./b",
            "/...",
            "/a%20/b",
            &long_name,
            &long_path,
            &deep,
        ];
        for path in cases {
            assert_eq!(read(path), Reading::NoFile, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_malformed() {
        let cases = [
            "/%",
            "/%4",
            "/%zz",
            "/%4/",
            "/a%",
            "/%00",
            "/a.txt%00.png",
            "/%0a",
            "/%7f",
            "/%C2%80",
            "/%ff",
            "/%c0%af",
            "/%c0%ae%c0%ae/",
            "/%ed%a0%80",
            "/%+1",
            "/../%00",
        ];
        for path in cases {
            assert_eq!(read(path), Reading::Malformed, "{path}");
        }
    }
}
