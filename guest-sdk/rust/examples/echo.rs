//! A worker role that sends back whatever arrives on its endpoint `Echo`.

use std::cell::RefCell;
use std::io;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role, spawn};

#[derive(Default)]
struct Echo {
    listener: RefCell<Option<TcpListener>>,
}

impl Role for Echo {
    // Bound here, not in `run`: when the instance is ready, the others can connect.
    async fn on_start(&self) -> RoleResult {
        let instance = RoleEnvironment::current_instance();
        let endpoint = instance.endpoint("Echo")?;
        self.listener.replace(Some(TcpListener::bind(endpoint.socket_address())?));
        println!("listening on {}", endpoint.socket_address());
        Ok(())
    }

    async fn run(&self) -> RoleResult {
        let mut listener = self.listener.take().ok_or("on_start has not been called")?;
        loop {
            let (stream, peer) = listener.accept().await?;
            drop(spawn(async move {
                if let Err(error) = echo(stream).await {
                    eprintln!("{peer}: {error}");
                }
            }));
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => return stream.shutdown().await,
            Some(bytes) => stream.write_all(bytes).await?,
        }
    }
}

export_role!(Echo);
