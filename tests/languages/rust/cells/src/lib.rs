//! What a role in Rust can do, asked line by line over TCP: one request per connection, one line in, one line out.

mod fetch;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{Change, Role, RoleEnvironment, RoleResult, Status, Verdict, export_role, sleep, spawn};

#[derive(Default)]
struct Cells {
    listener: RefCell<Option<TcpListener>>,
    heard: RefCell<Vec<&'static str>>,
    told_to_exit: Cell<bool>,
}

impl Role for Cells {
    async fn on_start(&self) -> RoleResult {
        let address = RoleEnvironment::current_instance().endpoint("In")?.socket_address();
        self.listener.replace(Some(TcpListener::bind(address)?));
        println!("listening on {address}");
        Ok(())
    }

    async fn run(&'static self) -> RoleResult {
        let mut listener = self.listener.take().ok_or("on_start has bound no listener")?;
        drop(spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                drop(spawn(async move {
                    if let Err(error) = self.serve(stream).await {
                        eprintln!("{peer}: {error}");
                    }
                }));
            }
        }));
        while !self.told_to_exit.get() {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn changing(&self, changes: Vec<Change>) -> Verdict {
        self.heard.borrow_mut().push("changing");
        let recycle = changes.contains(&Change::ConfigurationSetting("Recycle".to_owned()));
        if recycle { Verdict::Recycle } else { Verdict::Accept }
    }

    async fn changed(&self, _: Vec<Change>) {
        self.heard.borrow_mut().push("changed");
    }

    async fn status_check(&self) -> Status {
        if !self.heard.borrow().contains(&"status-check") {
            self.heard.borrow_mut().push("status-check");
        }
        Status::Ready
    }

    async fn stopping(&self) {
        self.heard.borrow_mut().push("stopping");
        println!("heard {}", self.heard.borrow().join(" "));
    }

    async fn on_stop(&self) {
        println!("stops");
    }
}

impl Cells {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut line = Vec::new();
        let mut buffer = [0; 1024];
        while !line.ends_with(b"\n") && line.len() <= 4096 {
            match stream.read(&mut buffer).await? {
                0 => break,
                count => line.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            }
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\n');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match self.answer(verb, rest).await {
            Ok(answer) => format!("OK {answer}"),
            Err(sentence) => format!("ERROR {sentence}"),
        };
        stream.write_all(format!("{}\n", answer.trim_end())).await?;
        stream.shutdown().await
    }

    async fn answer(&self, verb: &str, rest: &str) -> Result<String, String> {
        match verb {
            "SETTING" => RoleEnvironment::setting(rest).map_err(|error| error.to_string()),
            "INSTANCE" => Ok(RoleEnvironment::current_instance().id),
            "STORE" => stored(rest).map_err(|error| error.to_string()),
            "EVENTS" => Ok(self.heard.borrow().join(" ")),
            "FETCH" => fetch::status(rest).await,
            "CONNECT" => {
                let address: std::net::SocketAddr = rest.parse().map_err(|_| "no address".to_owned())?;
                TcpStream::connect(address).await.map(|_| String::new()).map_err(|error| error.to_string())
            }
            "UDP" => {
                let (address, text) = rest.split_once(' ').unwrap_or((rest, ""));
                echoed(address, text).map_err(|error| error.to_string())
            }
            "SLEEP" => {
                let milliseconds = rest.parse().map_err(|_| "no number".to_owned())?;
                sleep(Duration::from_millis(milliseconds)).await;
                Ok(String::new())
            }
            "EXIT" => {
                self.told_to_exit.set(true);
                Ok(String::new())
            }
            other => Err(format!("unknown verb {other}")),
        }
    }
}

fn stored(text: &str) -> io::Result<String> {
    let path = RoleEnvironment::local_resource("Disk").map_err(io::Error::other)?.path.join("cell.txt");
    fs::write(&path, text)?;
    fs::read_to_string(path)
}

/// With the standard library's socket, since the SDK has none for datagrams: nothing else goes on meanwhile.
fn echoed(address: &str, text: &str) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(text.as_bytes(), address)?;
    let mut buffer = [0; 1024];
    let (count, _) = socket.recv_from(&mut buffer)?;
    Ok(String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()).into_owned())
}

export_role!(Cells);
