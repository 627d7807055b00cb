//! A host that answers as it was told to: every word of the command line can be seen without a service that runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use serde::Serialize;
use wasm_roles_control_interface::Refusal;

/// A request as the host has read it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Such as `GET /v1/services`, with the query.
    pub what: String,
    /// Of the header that names a tenant.
    pub tenant: Option<String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the host says.
pub enum Answer {
    Json(u16, Vec<u8>),
    /// Lines of a stream.
    Lines(Vec<u8>),
    /// Nothing: it breaks off.
    Nothing,
}

impl Answer {
    pub fn ok(answer: &impl Serialize) -> Self {
        Self::Json(200, serde_json::to_vec(answer).unwrap())
    }

    pub fn refused(refusal: &Refusal) -> Self {
        Self::Json(refusal.code.status(), serde_json::to_vec(refusal).unwrap())
    }

    pub fn lines(lines: &[impl Serialize]) -> Self {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).unwrap();
            text.push(b'\n');
        }
        Self::Lines(text)
    }
}

/// Listens until the test ends.
pub struct FakeHost {
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeHost {
    /// Listens at `socket`. `answer` is asked for each request, with its number from 0.
    pub fn listen(socket: &Path, answer: impl Fn(usize, &Asked) -> Answer + Send + 'static) -> Self {
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever only looks whether somebody listens asks nothing.
                let Some(request) = read(&stream) else { continue };
                let number = record.lock().unwrap().len();
                record.lock().unwrap().push(request.clone());
                write(&stream, &answer(number, &request));
            }
        });
        Self { asked }
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The same in short.
    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn read(stream: &UnixStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let what = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut length, mut chunked, mut tenant) = (0, false, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end();
        let Some((name, value)) = header.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "transfer-encoding" => chunked = value == "chunked",
            "wasm-roles-tenant" => tenant = Some(value.to_owned()),
            "expect" => (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
        chunked = size > 0;
    }
    Some(Asked { what, tenant, body })
}

fn write(mut stream: &UnixStream, answer: &Answer) {
    let (status, kind, body) = match answer {
        Answer::Json(status, body) => (*status, "application/json", body),
        Answer::Lines(body) => (200, "application/x-ndjson", body),
        Answer::Nothing => return,
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The client may have read enough.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
