//! Answers each line with the same line in capitals. Knows nothing of roles: `server <port>` would run anywhere.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The longest line that is answered, in bytes.
const MAX_LINE: u64 = 4096;

/// One thread serves one client at a time, so nobody may keep it waiting.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::args().nth(1).ok_or("usage: server <port>")?.parse()?;
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on port {port}");
    loop {
        let (client, address) = listener.accept()?;
        if let Err(error) = serve(&client) {
            eprintln!("{address}: {error}");
        }
    }
}

fn serve(mut client: &TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(client);
    loop {
        let mut line = String::new();
        if lines.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        client.write_all(line.to_uppercase().as_bytes())?;
    }
}
