//! The page.

use std::fmt::Write;

use guestbook_wire::book::Entry;
use guestbook_wire::{MAX_NAME, MAX_TEXT};
use wasm_roles_sdk::{RoleEnvironment, UnknownName};

use crate::date::Date;
use crate::escaped::Escaped;
use crate::form::Form;

/// What a page shows.
pub(crate) struct Page<'a> {
    pub(crate) entries: &'a [Entry],
    /// The newest entry of the next page, if there is one.
    pub(crate) older: Option<u64>,
    pub(crate) form: &'a Form,
    /// What is wrong, in words for the visitor.
    pub(crate) problem: Option<&'a str>,
}

/// The name of the book, as it is configured now.
pub(crate) fn title() -> Result<String, UnknownName> {
    RoleEnvironment::setting("Title")
}

impl Page<'_> {
    /// All of it. What visitors wrote is escaped.
    pub(crate) fn to_html(&self) -> String {
        let mut page = String::with_capacity(16 * 1024);
        let title = title().unwrap_or_default();
        let title = Escaped(&title);
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            page,
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="/quill.svg">
<link rel="stylesheet" href="/guestbook.css">
<script src="/guestbook.js" defer></script>
</head>
<body>
<header>
<img src="/quill.svg" alt="" width="56" height="56">
<h1>{title}</h1>
</header>
<main>
"#
        );
        self.write_form(&mut page);
        self.write_entries(&mut page);
        let instance = RoleEnvironment::current_instance().id;
        let _ = write!(
            page,
            r#"</main>
<footer><p>Answered by <b id="instance">{}</b>. The entries are kept by another role.</p></footer>
</body>
</html>
"#,
            Escaped(&instance)
        );
        page
    }

    fn write_form(&self, page: &mut String) {
        page.push_str("<section aria-labelledby=\"write\">\n<h2 id=\"write\">Sign the book</h2>\n");
        if let Some(problem) = self.problem {
            let _ =
                writeln!(page, r#"<p class="problem" id="problem" role="alert">{}</p>"#, Escaped(problem));
        }
        // HTML drops the first line feed of a textarea: this one, not the visitor's.
        let _ = write!(
            page,
            r#"<form method="post" action="/entries">
<label for="name">Your name</label>
<input id="name" name="name" required maxlength="{MAX_NAME}" autocomplete="name" value="{name}">
<label for="text">Your message</label>
<textarea id="text" name="text" required maxlength="{MAX_TEXT}" rows="4" aria-describedby="left">
{text}</textarea>
<p class="hint" id="left">At most {MAX_TEXT} characters.</p>
<button>Sign</button>
</form>
</section>
"#,
            name = Escaped(&self.form.name),
            text = Escaped(&self.form.text),
        );
    }

    fn write_entries(&self, page: &mut String) {
        page.push_str("<section aria-labelledby=\"book\">\n<h2 id=\"book\">What others wrote</h2>\n");
        if self.entries.is_empty() {
            page.push_str("<p class=\"hint\">Nothing yet.</p>\n");
        } else {
            page.push_str("<ol class=\"entries\">\n");
            self.entries.iter().for_each(|entry| write_entry(page, entry));
            page.push_str("</ol>\n");
        }
        if let Some(number) = self.older {
            let _ = writeln!(page, r#"<nav><a rel="next" href="/?newest={number}">Older entries</a></nav>"#);
        }
        page.push_str("</section>\n");
    }
}

fn write_entry(page: &mut String, entry: &Entry) {
    let written = Date::of(entry.seconds);
    let _ = write!(
        page,
        r#"<li id="entry-{number}">
<h3><bdi>{name}</bdi></h3>
<time datetime="{machine}">{written} UTC</time>
<p dir="auto">{text}</p>
</li>
"#,
        number = entry.number,
        name = Escaped(entry.draft.name()),
        machine = written.machine_readable(),
        text = Escaped(entry.draft.text()),
    );
}
