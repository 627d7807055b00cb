//! A worker role that prints its setting `Greeting`, follows changes of it, and asks for a fresh start after ten ticks.

use std::time::Duration;

use wasm_roles_sdk::{Change, Role, RoleEnvironment, RoleResult, Verdict, export_role, sleep};

#[derive(Default)]
struct Ticker;

impl Role for Ticker {
    async fn run(&self) -> RoleResult {
        for tick in 1..=10 {
            println!("{tick}: {}", RoleEnvironment::setting("Greeting")?);
            sleep(Duration::from_millis(200)).await;
        }
        RoleEnvironment::request_recycle();
        // The fabric now calls `on_stop`; until then there is nothing left to do.
        loop {
            sleep(Duration::from_secs(3600)).await;
        }
    }

    // A new greeting is used from the next tick on; for other changes this instance wants to be started again.
    async fn changing(&self, changes: Vec<Change>) -> Verdict {
        let greeting = Change::ConfigurationSetting("Greeting".to_owned());
        if changes.iter().all(|change| *change == greeting) { Verdict::Accept } else { Verdict::Recycle }
    }

    async fn on_stop(&self) {
        println!("good bye from {}", RoleEnvironment::current_instance().id);
    }
}

export_role!(Ticker);
