//! A role with long streams. On each connection to its endpoint `Echo` it says its id in one line, and then sends back whatever
//! comes. When it is told to stop, it goes on with the streams that it has until their clients have gone; how long it
//! may is the host's to say.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role, sleep, spawn};

#[derive(Default)]
struct Streams {
    listener: RefCell<Option<TcpListener>>,
    open: Rc<Cell<u32>>,
}

impl Role for Streams {
    async fn on_start(&self) -> RoleResult {
        let instance = RoleEnvironment::current_instance();
        let endpoint = instance.endpoint("Echo")?;
        self.listener.replace(Some(TcpListener::bind(endpoint.socket_address())?));
        Ok(())
    }

    async fn run(&self) -> RoleResult {
        let mut listener = self.listener.take().ok_or("on_start has not been called")?;
        loop {
            let (stream, _) = listener.accept().await?;
            let open = Rc::clone(&self.open);
            open.update(|open| open.saturating_add(1));
            drop(spawn(async move {
                // A client that breaks its stream is done with it, too.
                let _ = echo(stream).await;
                open.update(|open| open.saturating_sub(1));
            }));
        }
    }

    async fn on_stop(&self) {
        while self.open.get() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(format!("{}\n", RoleEnvironment::current_instance().id)).await?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        match buffer.get(..count) {
            None | Some([]) => return stream.shutdown().await,
            Some(bytes) => stream.write_all(bytes).await?,
        }
    }
}

export_role!(Streams);
