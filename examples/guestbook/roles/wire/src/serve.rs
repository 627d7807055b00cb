//! The side that answers.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{RoleEnvironment, spawn, timeout};

use crate::MAX_QUESTION;

/// Connections at the same time; more are hung up on.
const MAX_CONNECTIONS: usize = 256;

/// How long one connection may take in all.
const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// Listens on an internal endpoint and answers one line on each connection.
#[derive(Debug, Default)]
pub struct LineServer {
    listener: RefCell<Option<TcpListener>>,
    open: Rc<Cell<usize>>,
}

impl LineServer {
    /// Begins to listen on the endpoint of this name: for `on_start`, so that a ready instance can be reached.
    ///
    /// # Errors
    ///
    /// When the service definition does not give it to this role.
    pub fn bind(&self, endpoint: &str) -> io::Result<()> {
        let instance = RoleEnvironment::current_instance();
        let endpoint = instance.endpoint(endpoint).map_err(io::Error::other)?;
        self.listener.replace(Some(TcpListener::bind(endpoint.socket_address())?));
        println!("listening on {} {}", endpoint.name, endpoint.socket_address());
        Ok(())
    }

    /// Answers for ever: for `run`. A line that gets no answer is hung up on.
    ///
    /// # Errors
    ///
    /// When the listener has been closed, because the instance is being stopped.
    pub async fn serve(&self, answer: impl Fn(&str) -> Option<String> + 'static) -> io::Result<()> {
        let mut listener = self.listener.take().ok_or(io::ErrorKind::NotConnected)?;
        let answer = Rc::new(answer);
        loop {
            let (stream, peer) = listener.accept().await?;
            if self.open.get() >= MAX_CONNECTIONS {
                continue;
            }
            self.open.update(|count| count.saturating_add(1));
            let (answer, open) = (Rc::clone(&answer), Rc::clone(&self.open));
            drop(spawn(async move {
                let answered = timeout(CONNECTION_TIME, answer_one(stream, answer.as_ref())).await;
                open.update(|count| count.saturating_sub(1));
                if let Err(error) = answered.map_err(io::Error::from).flatten() {
                    eprintln!("{peer}: {error}");
                }
            }));
        }
    }
}

async fn answer_one(mut stream: TcpStream, answer: &impl Fn(&str) -> Option<String>) -> io::Result<()> {
    let line = read_line(&mut stream).await?;
    // The first half of a text is another text: only a whole line is a question. Who says nothing is a probe.
    if !line.is_empty() && !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if let Some(answer) = answer(&line) {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

/// The first line, or what there is of it when it is too long or the other side has finished.
async fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut buffer = [0; 1024];
    while line.len() <= MAX_QUESTION && !line.ends_with(b"\n") {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => break,
            Some(bytes) => line.extend_from_slice(bytes),
        }
    }
    String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into())
}
