//! What lies in a directory and is never sent. Pure.
//!
//! | what | why |
//! |---|---|
//! | a name that begins with `.`, but `.well-known` | `.git`, `.env`, `.htaccess`: never meant for the web |
//! | `web.config`, `bin`, `App_Data`, `App_Code` and their kin, anywhere in a path | the platform's web server hid them, and services rely on it |
//! | pages and sources that the platform ran: `.aspx`, `.cshtml`, `.cs`, ... | sending them would show the program instead of its output |
//! | `.csdef`, `.cscfg`, `.cspkg`, `.config` | settings of the service, with its keys |
//! | `.pem`, `.key`, `.pfx`, `.p12` | private keys |
//!
//! Case does not matter, and `.br` or `.gz` at the end hides nothing less. Components, the role's own among them, are told by their
//! first bytes (`find.rs`): a browser cannot use one, and modules (`.wasm` too) are content. A packed one is content when the
//! plain one beside it is a module.

/// Names that IIS has among its hidden segments.
const NAMES: [&str; 8] = [
    "web.config",
    "bin",
    "app_code",
    "app_globalresources",
    "app_localresources",
    "app_webreferences",
    "app_data",
    "app_browsers",
];

const EXTENSIONS: [&str; 26] = [
    "asax", "ascx", "ashx", "asmx", "asp", "aspx", "axd", "ccproj", "config", "cs", "cscfg", "csdef",
    "cshtml", "cspkg", "csproj", "key", "master", "p12", "pem", "pfx", "resx", "skin", "svc", "vb", "vbhtml",
    "vbproj",
];

/// Whether something on the way to a file, or the file itself, is never sent.
pub(crate) fn is_hidden(names: &[String]) -> bool {
    names.iter().any(|name| hides(name)) || names.last().is_some_and(|file| is_hidden_file(file))
}

fn hides(name: &str) -> bool {
    let is_dot_file = name.starts_with('.') && !name.eq_ignore_ascii_case(".well-known");
    is_dot_file || NAMES.iter().any(|hidden| name.eq_ignore_ascii_case(hidden))
}

fn is_hidden_file(name: &str) -> bool {
    let mut name = name.to_ascii_lowercase();
    while let Some(packed) = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".br")) {
        name = packed.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    hides(&name) || extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keys_sources_and_dot_files_are_hidden_and_content_is_not() {
        let hidden = [
            ".git/config",
            ".env",
            "a/.htpasswd",
            ".well-known/.hidden",
            "web.config",
            "Web.CONFIG",
            "a/web.config",
            "bin/x.js",
            "BIN/x.js",
            "App_Data/users.xml",
            "x.csdef",
            "x.cscfg",
            "x.pem",
            "x.KEY",
            "x.pfx",
            "default.aspx",
            "x.config",
            "web.config.gz",
            "x.pem.gz.br",
            "x.cs",
        ];
        let shown = [
            "index.html",
            "a.wasm",
            ".well-known/acme-challenge/x",
            "binary/x",
            "a.b/x.js",
            "key",
            "pem.txt",
            "x.css",
            "x.tar.gz",
            "config/x.json",
            "gz",
            ".well-known",
        ];
        let names = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        for path in hidden {
            assert!(is_hidden(&names(path)), "{path}");
        }
        for path in shown {
            assert!(!is_hidden(&names(path)), "{path}");
        }
        assert!(!is_hidden(&[]));
    }
}
