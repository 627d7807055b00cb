//! Web: the pages of the guestbook, made on the server. The instances keep nothing: the entries are with the role `Entries`,
//! and `Checker` says what may go into the book. Files of the site (style, drawing, script) are served by the host.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the newest entries and the form; `?newest=17` begins at entry 17 |
//! | `POST /entries` | takes the form and sends the browser back to `/`; what cannot be taken comes back with the reason |

mod date;
mod escaped;
mod form;
mod origin;
mod page;
#[cfg(test)]
mod tests;

use std::io;

use form::Form;
use guestbook_wire::book::{Answer, Entry, Question};
use guestbook_wire::check::{self, Verdict};
use guestbook_wire::{Asker, Draft};
use page::Page;
use wasm_roles_sdk::http::{HttpHandler, Method, Request, Response};
use wasm_roles_sdk::{Role, RoleResult, export_web_role};

/// Entries on one page.
const ON_A_PAGE: usize = 20;

/// The longest form, in bytes: each byte of the longest draft percent-encoded, and room to type too much.
const MAX_FORM: usize = 16 * 1024;

/// What a page may load and do: its own style, drawing and script, its own form, nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

struct Web {
    entries: Asker,
    checker: Asker,
}

impl Default for Web {
    fn default() -> Self {
        Self { entries: Asker::new("Entries", "Book"), checker: Asker::new("Checker", "Check") }
    }
}

impl Role for Web {
    async fn on_start(&self) -> RoleResult {
        page::title()?;
        Ok(())
    }
}

impl HttpHandler for Web {
    async fn handle(&self, request: Request) -> Response {
        let response = match (request.method(), request.path().as_str()) {
            (Method::Get | Method::Head, "/") => self.show(request.query().as_deref()).await,
            (Method::Post, "/entries") => self.sign(request).await,
            (_, "/") => Response::text("This page can only be read.\n")
                .with_status(405)
                .with_header("allow", "GET, HEAD"),
            (_, "/entries") => {
                Response::text("Use the form.\n").with_status(405).with_header("allow", "POST")
            }
            _ => Response::text("There is no such page.\n").with_status(404),
        };
        response
            .with_header("cache-control", "no-store")
            .with_header("content-security-policy", CONTENT_SECURITY_POLICY)
            .with_header("x-content-type-options", "nosniff")
            // Not `no-referrer`: browsers send no usable `Origin` with the form then.
            .with_header("referrer-policy", "same-origin")
    }
}

/// Why the form has not led to an entry: the status, and the words for the visitor.
struct Problem(u16, String);

impl Problem {
    /// Another role does not answer. The log has the error, the visitor does not.
    fn unreachable(role: &str, error: &io::Error) -> Self {
        eprintln!("{role} does not answer: {error}");
        Self(503, "The book cannot be reached at the moment. Please try again.".to_owned())
    }
}

impl Web {
    async fn show(&self, query: Option<&str>) -> Response {
        let newest =
            query.and_then(|query| form::field(query, "newest")).and_then(|number| number.parse().ok());
        self.page(newest.unwrap_or(u64::MAX), &Form::default(), None).await
    }

    /// Takes the form. Only a page of this site may send it: nobody else's page signs in the visitor's name.
    async fn sign(&self, request: Request) -> Response {
        if !origin::is_own(&request) {
            return Response::text("Another site has sent this form.\n").with_status(403);
        }
        if !form::is_urlencoded(request.header("content-type").as_deref()) {
            return Response::text("This is not the form of the guestbook.\n").with_status(415);
        }
        let body = match request.body(MAX_FORM).await {
            Ok(body) => body,
            Err(error) => return Response::text(format!("{error}\n")).with_status(413),
        };
        let form = Form::from_body(&body);
        match self.add(&form).await {
            // A reload of that page sends nothing again.
            Ok(number) => Response::new(303).with_header("location", format!("/#entry-{number}")),
            Err(problem) => self.page(u64::MAX, &form, Some(problem)).await,
        }
    }

    /// Adds an entry that the checker finds fine, and gives its number. Without a checker nothing is added.
    async fn add(&self, form: &Form) -> Result<u64, Problem> {
        let draft = Draft::new(&form.name, &form.text).map_err(|error| Problem(422, error.to_string()))?;
        let verdict = answered(self.checker.ask(check::question(&draft)).await, Verdict::from_line);
        match verdict.map_err(|error| Problem::unreachable("Checker", &error))? {
            Verdict::Fine => {}
            Verdict::Refused(why) => return Err(Problem(422, why)),
        }
        let answer = answered(self.entries.ask(Question::Add(draft).to_line()).await, Answer::from_lines);
        match answer.map_err(|error| Problem::unreachable("Entries", &error))? {
            Answer::Added(number) => Ok(number),
            Answer::Refused(why) => Err(Problem(503, why)),
            Answer::Entries(_) => Err(Problem::unreachable("Entries", &io::ErrorKind::InvalidData.into())),
        }
    }

    /// The page with the form as it was typed, and what is wrong with it.
    async fn page(&self, newest: u64, form: &Form, problem: Option<Problem>) -> Response {
        let (entries, problem) = match (self.list(newest).await, problem) {
            (Ok(entries), problem) => (entries, problem),
            (Err(error), problem) => {
                (Vec::new(), problem.or_else(|| Some(Problem::unreachable("Entries", &error))))
            }
        };
        let (shown, older) = match entries.split_at_checked(ON_A_PAGE) {
            Some((shown, rest)) => (shown, rest.first().map(|entry| entry.number)),
            None => (entries.as_slice(), None),
        };
        let status = problem.as_ref().map_or(200, |problem| problem.0);
        let problem = problem.as_ref().map(|problem| problem.1.as_str());
        Response::html(Page { entries: shown, older, form, problem }.to_html()).with_status(status)
    }

    async fn list(&self, newest: u64) -> io::Result<Vec<Entry>> {
        // One more than is shown tells whether there are older ones.
        let question = Question::List { newest, count: ON_A_PAGE.saturating_add(1) };
        match answered(self.entries.ask(question.to_line()).await, Answer::from_lines)? {
            Answer::Entries(entries) => Ok(entries),
            Answer::Added(_) | Answer::Refused(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// What an answer means. An instance that stops in the middle leaves one that means nothing.
fn answered<T>(answer: io::Result<String>, read: impl Fn(&str) -> Option<T>) -> io::Result<T> {
    read(&answer?).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

export_web_role!(Web);
