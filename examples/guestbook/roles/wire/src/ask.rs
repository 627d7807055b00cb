//! The side that asks.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use wasm_roles_sdk::net::TcpStream;
use wasm_roles_sdk::{RoleEnvironment, timeout};

use crate::MAX_ANSWER;

/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the instances of a role in turn.
#[derive(Debug)]
pub struct Asker {
    role: &'static str,
    endpoint: &'static str,
    turn: Cell<usize>,
}

impl Asker {
    /// For an internal endpoint of a role.
    #[must_use]
    pub const fn new(role: &'static str, endpoint: &'static str) -> Self {
        Self { role, endpoint, turn: Cell::new(0) }
    }

    /// Sends a question, a whole line, and gives all of the answer.
    ///
    /// # Errors
    ///
    /// When no instance takes the connection, when the answer is too long or no text, when it takes too long. The
    /// question may have been heard.
    pub async fn ask(&self, question: String) -> io::Result<String> {
        timeout(PATIENCE, async {
            let mut stream = self.connect().await?;
            stream.write_all(question).await?;
            stream.shutdown().await?;
            read_answer(&mut stream).await
        })
        .await?
    }

    /// Connects to the instance whose turn it is, or else to one after it.
    async fn connect(&self) -> io::Result<TcpStream> {
        let role = RoleEnvironment::role(self.role).ok_or(io::ErrorKind::NotFound)?;
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let skipped = turn.checked_rem(role.instances.len()).unwrap_or(0);
        let in_turn = role.instances.iter().cycle().skip(skipped).take(role.instances.len());
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for instance in in_turn {
            let endpoint = instance.endpoint(self.endpoint).map_err(io::Error::other)?;
            match TcpStream::connect(endpoint).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

async fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => break,
            Some(bytes) => answer.extend_from_slice(bytes),
        }
        if answer.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into())
}
