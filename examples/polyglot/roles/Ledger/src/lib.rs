//! Ledger: counts how often it was told of each text. It knows a text by the sum that a `Checksum` instance makes of it, and keeps
//! its book in local storage.
//!
//! `COUNT <text>` is answered with `OK <times> <instance id>`, everything else with `ERROR <sentence>`.

mod book;
mod line;

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use book::Book;
use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role, spawn, timeout};

/// How long one who asks may take, and how long an answer of Checksum.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Ledger {
    listener: RefCell<Option<TcpListener>>,
    book: RefCell<Option<Book>>,
}

impl Role for Ledger {
    async fn on_start(&self) -> RoleResult {
        let folder = RoleEnvironment::local_resource("Book")?.path;
        self.book.replace(Some(Book::open(&folder)?));
        let address = RoleEnvironment::current_instance().endpoint("Book")?.socket_address();
        self.listener.replace(Some(TcpListener::bind(address)?));
        println!("Ledger listens on {address}");
        Ok(())
    }

    async fn run(&'static self) -> RoleResult {
        let mut listener = self.listener.take().ok_or("on_start has bound no listener")?;
        loop {
            let (stream, peer) = listener.accept().await?;
            drop(spawn(async move {
                let answered = timeout(PATIENCE, self.answer(stream)).await;
                if let Err(error) = answered.map_err(io::Error::from).flatten() {
                    eprintln!("{peer}: {error}");
                }
            }));
        }
    }
}

impl Ledger {
    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let answer = match line::read(&mut stream).await {
            Ok(request) => match self.count(&request).await {
                Ok(times) => format!("OK {times} {}\n", RoleEnvironment::current_instance().id),
                Err(sentence) => format!("ERROR {sentence}\n"),
            },
            Err(error) => format!("ERROR {error}\n"),
        };
        stream.write_all(answer).await?;
        stream.shutdown().await
    }

    /// How often the text of this request was counted.
    async fn count(&self, request: &str) -> Result<u64, String> {
        let text = text_of(request)?;
        let sum = sum_of(text).await.map_err(|why| format!("Checksum: {why}"))?;
        let mut book = self.book.borrow_mut();
        let book = book.as_mut().ok_or("the book is not open")?;
        book.count(&sum).map_err(|error| error.to_string())
    }
}

fn text_of(request: &str) -> Result<&str, String> {
    match request.split_once(' ') {
        Some(("COUNT", text)) => Ok(text),
        _ if request == "COUNT" => Ok(""),
        Some((verb, _)) => Err(format!("there is no request `{verb}`; there is COUNT")),
        None => Err("a request is COUNT and a text".to_owned()),
    }
}

/// Asks an instance of Checksum.
async fn sum_of(text: &str) -> Result<String, String> {
    let answer = timeout(PATIENCE, ask(text)).await.map_err(|_| "no answer in time".to_owned())?;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.split(' ').collect::<Vec<_>>().as_slice() {
        ["OK", sum, ..] if is_sum(sum) => Ok((*sum).to_owned()),
        ["ERROR", sentence @ ..] => Err(sentence.join(" ")),
        _ => Err(format!("`{answer}` is no answer")),
    }
}

async fn ask(text: &str) -> io::Result<String> {
    let role = RoleEnvironment::role("Checksum").ok_or(io::ErrorKind::NotFound)?;
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for instance in &role.instances {
        let endpoint = instance.endpoint("Sum").map_err(io::Error::other)?;
        match TcpStream::connect(endpoint).await {
            Ok(mut stream) => {
                stream.write_all(format!("SUM {text}\n")).await?;
                return line::read(&mut stream).await;
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn is_sum(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

export_role!(Ledger);

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::testing::{DefinedRole, TestEnvironment};

    #[test]
    fn a_request_has_the_verb_and_a_text() {
        assert_eq!(text_of("COUNT to be or not"), Ok("to be or not"));
        assert_eq!(text_of("COUNT "), Ok(""));
        for wrong in ["", "count x", "SUM x", "COUNTER x"] {
            assert!(text_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_eight_hexadecimal_digits_are_a_sum() {
        assert!(is_sum("0aff91c2"));
        for wrong in ["", "0aff91c", "0aff91c2a", "../../ab", "0aff91cg"] {
            assert!(!is_sum(wrong), "{wrong}");
        }
    }

    #[test]
    fn without_its_local_storage_it_does_not_start() {
        let environment = TestEnvironment::new(DefinedRole::new("Ledger")).install();
        let error = environment.start::<Ledger>().err().unwrap();
        assert!(error.contains("Book"), "{error}");
    }
}
