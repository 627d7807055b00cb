//! The other side of the question: listening on the internal endpoints.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{RoleEnvironment, sleep, spawn, timeout};

use crate::collect::collect;
use crate::protocol::{MAX_QUESTION, MAX_WAIT, Question, to_lines};

/// Questions that are answered at the same time; more are hung up on.
const MAX_CONNECTIONS: usize = 64;

/// How long one connection may take in all.
const CONNECTION_TIME: Duration = MAX_WAIT.saturating_add(Duration::from_secs(5));

/// Listens on all internal endpoints of the instance and answers.
#[derive(Debug, Default)]
pub struct Responder {
    listeners: RefCell<Vec<TcpListener>>,
    open: Rc<Cell<usize>>,
}

impl Responder {
    /// Begins to listen: for `on_start`, so that a ready instance can be reached.
    ///
    /// # Errors
    ///
    /// The first endpoint that cannot be bound.
    pub fn bind(&self) -> io::Result<()> {
        let instance = RoleEnvironment::current_instance();
        for endpoint in instance.internal_endpoints() {
            let listener = TcpListener::bind(endpoint.socket_address())?;
            println!("listening on {} {}", endpoint.name, endpoint.socket_address());
            self.listeners.borrow_mut().push(listener);
        }
        Ok(())
    }

    /// Answers for ever: for `run`.
    ///
    /// # Errors
    ///
    /// When a listener has been closed, because the instance is being stopped.
    pub async fn serve(&self) -> io::Result<()> {
        let mut loops: Vec<_> = self
            .listeners
            .take()
            .into_iter()
            .map(|listener| spawn(accept_all(listener, Rc::clone(&self.open))))
            .collect();
        while let Some(accepting) = loops.pop() {
            accepting.await.unwrap_or(Ok(()))?;
        }
        // A role without internal endpoints has nothing to do, but is not done.
        loop {
            sleep(CONNECTION_TIME).await;
        }
    }
}

async fn accept_all(mut listener: TcpListener, open: Rc<Cell<usize>>) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let Some(place) = Place::take(&open) else { continue };
        drop(spawn(async move {
            let result = timeout(CONNECTION_TIME, answer(stream)).await;
            if let Err(error) = result.map_err(io::Error::from).flatten() {
                eprintln!("{peer}: {error}");
            }
            drop(place);
        }));
    }
}

/// Answers one question. A connection that asks nothing is a probe.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let line = read_line(&mut stream).await?;
    if let Some(question) = Question::from_line(&line) {
        stream.write_all(to_lines(&collect(question).await)).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

async fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut buffer = [0; 512];
    while line.len() <= MAX_QUESTION && !line.ends_with(b"\n") {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => break,
            Some(bytes) => line.extend_from_slice(bytes),
        }
    }
    String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// One of the [`MAX_CONNECTIONS`] places; free again when dropped.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(open: &Rc<Cell<usize>>) -> Option<Self> {
        if open.get() >= MAX_CONNECTIONS {
            return None;
        }
        open.update(|count| count.saturating_add(1));
        Some(Self(Rc::clone(open)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.update(|count| count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let open = Rc::new(Cell::new(MAX_CONNECTIONS - 1));
        let last = Place::take(&open);
        assert!(last.is_some());
        assert!(Place::take(&open).is_none());
        drop(last);
        assert!(Place::take(&open).is_some());
    }
}
