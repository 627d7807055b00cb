//! Calls the server once a second and prints what it says. `client <host> <port>`: the host is the name of a role here,
//! and every call looks it up afresh, so that the calls go round its instances.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: client <host> <port>";
    let mut arguments = env::args().skip(1);
    let host = arguments.next().ok_or(USAGE)?;
    let port: u16 = arguments.next().ok_or(USAGE)?.parse()?;
    for call in 1_u64.. {
        match ask((host.as_str(), port), &format!("hello {call}\n")) {
            Ok(answer) => println!("{host} says {}", answer.trim_end()),
            // The server is not there yet, or not at the moment.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) =>
            {
                println!("{host} does not answer: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn ask(server: impl ToSocketAddrs, question: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(question.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}
