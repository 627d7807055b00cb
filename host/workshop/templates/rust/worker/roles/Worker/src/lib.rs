//! Worker: ticks, and tells whoever connects how often it has.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream};
use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role, sleep, spawn};

// An instance has one thread: cells are all that its tasks need to share what changes.
#[derive(Default)]
struct Worker {
    ticks: Cell<u64>,
    listeners: RefCell<Vec<TcpListener>>,
}

impl Role for Worker {
    // The endpoints are bound here, not in `run`: when the instance is ready, others can connect.
    async fn on_start(&self) -> RoleResult {
        tick_seconds()?;
        for endpoint in RoleEnvironment::current_instance().endpoints {
            let address = endpoint.socket_address();
            let listener = TcpListener::bind(address)?;
            println!("listening on {address}");
            self.listeners.borrow_mut().push(listener);
        }
        Ok(())
    }

    // When this returns, the instance is recycled: stopped, and started again.
    async fn run(&'static self) -> RoleResult {
        for listener in self.listeners.take() {
            drop(spawn(self.serve(listener)));
        }
        loop {
            self.ticks.update(|ticks| ticks + 1);
            println!("tick {}", self.ticks.get());
            // Asked for each time: the setting can change while the instance runs.
            sleep(Duration::from_secs(tick_seconds()?)).await;
        }
    }
}

impl Worker {
    async fn serve(&self, mut listener: TcpListener) {
        while let Ok((stream, peer)) = listener.accept().await {
            if let Err(error) = self.answer(stream).await {
                eprintln!("{peer}: {error}");
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(self.line()).await?;
        stream.shutdown().await
    }

    fn line(&self) -> String {
        let id = RoleEnvironment::current_instance().id;
        format!("{id} has ticked {} times\n", self.ticks.get())
    }
}

/// Seconds between ticks, as the configuration has them now.
fn tick_seconds() -> Result<u64, Box<dyn Error>> {
    let setting = RoleEnvironment::setting("TickSeconds")?;
    match setting.trim().parse() {
        Ok(seconds @ 1..) => Ok(seconds),
        _ => Err(format!("TickSeconds is `{setting}`: it has to be a whole number from 1").into()),
    }
}

export_role!(Worker);

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::testing::{DefinedRole, Installed, TestEnvironment};

    // Without endpoints: there are no sockets here.
    fn environment(tick_seconds: &str) -> Installed {
        let worker = DefinedRole::new("Worker");
        TestEnvironment::new(worker)
            .setting("TickSeconds", tick_seconds)
            .install()
    }

    #[test]
    fn it_ticks_as_often_as_the_setting_says_also_when_that_changes() {
        let environment = environment("10");
        let worker = environment.start::<Worker>().unwrap();
        assert_eq!(worker.role().line(), "Worker_IN_0 has ticked 1 times\n");
        environment.pass(Duration::from_secs(20));
        assert_eq!(worker.role().line(), "Worker_IN_0 has ticked 3 times\n");
        worker.change_settings(&[("TickSeconds", "60")]);
        environment.pass(Duration::from_secs(70));
        assert_eq!(worker.role().line(), "Worker_IN_0 has ticked 5 times\n");
    }

    #[test]
    fn a_setting_that_is_no_number_keeps_it_from_starting() {
        let error = environment("often").start::<Worker>().err().unwrap();
        assert_eq!(
            error,
            "TickSeconds is `often`: it has to be a whole number from 1"
        );
        assert!(environment("0").start::<Worker>().is_err());
    }
}
