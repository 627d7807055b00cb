//! Entries: keeps the book in local storage, and answers those who may reach its internal endpoint `Book`.

mod book;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use book::Book;
use guestbook_wire::LineServer;
use guestbook_wire::book::{Answer, Question};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role};

/// Entries that are kept; older ones are forgotten. With the longest texts the file stays below 5 MiB.
const KEPT: usize = 1000;

#[derive(Default)]
struct Entries {
    server: LineServer,
    book: Rc<RefCell<Option<Book>>>,
}

impl Role for Entries {
    async fn on_start(&self) -> RoleResult {
        let folder = RoleEnvironment::local_resource("Book")?.path;
        let (book, lost) = Book::open(&folder, KEPT)?;
        println!("the book has {} entries", book.len());
        if lost > 0 {
            eprintln!("{lost} lines of the book could not be read and are left out");
        }
        self.book.replace(Some(book));
        Ok(self.server.bind("Book")?)
    }

    async fn run(&self) -> RoleResult {
        let book = Rc::clone(&self.book);
        let answer = move |line: &str| {
            let question = Question::from_line(line)?;
            Some(answer(book.borrow_mut().as_mut()?, question).to_lines())
        };
        Ok(self.server.serve(answer).await?)
    }
}

fn answer(book: &mut Book, question: Question) -> Answer {
    match question {
        Question::List { newest, count } => Answer::Entries(book.list(newest, count)),
        Question::Add(draft) => {
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
            match book.add(draft, seconds) {
                Ok(number) => Answer::Added(number),
                Err(error) => {
                    eprintln!("an entry is not kept: {error}");
                    Answer::Refused("The book cannot be written at the moment.".to_owned())
                }
            }
        }
    }
}

export_role!(Entries);
