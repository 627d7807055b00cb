//! One line of text from a connection.

use std::io;

use wasm_roles_sdk::net::TcpStream;

/// The longest line, with its line feed.
const MAX_LINE: usize = 4096;

/// The first line, without its line feed.
///
/// # Errors
///
/// When the other side ends before its line does, when the line is too long, or no text.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line has no end"));
        }
        line.extend_from_slice(bytes);
        let end = line.iter().position(|byte| *byte == b'\n');
        if end.unwrap_or(line.len()) >= MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        if let Some(end) = end {
            line.truncate(end);
            return String::from_utf8(line)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the line is no text"));
        }
    }
}
