//! A role that prints every event of its life as it comes.
//!
//! It has four settings: `Greeting` may change while it runs, `Capacity` needs a recycle, `BusyChecks` is how many status
//! checks it answers with Busy, `RecycleAfterSeconds` is when it asks to be recycled.

use std::cell::Cell;
use std::time::Duration;

#[cfg(test)]
mod tests;

use wasm_roles_sdk::{Change, Role, RoleEnvironment, RoleResult, Status, Verdict, export_role, sleep};

#[derive(Default)]
struct Worker {
    checks: Cell<u32>,
}

impl Role for Worker {
    async fn on_start(&self) -> RoleResult {
        println!("on-start: I am {}, and Starting", RoleEnvironment::current_instance().id);
        // An error here keeps the instance from starting.
        let capacity: u32 = RoleEnvironment::setting("Capacity")?.parse()?;
        println!("on-start: my capacity is {capacity}");
        Ok(())
    }

    async fn run(&self) -> RoleResult {
        println!("run: I am Ready. Greeting is `{}`", RoleEnvironment::setting("Greeting")?);
        match RoleEnvironment::setting("RecycleAfterSeconds")?.parse()? {
            0 => {}
            seconds => {
                sleep(Duration::from_secs(seconds)).await;
                println!("run: I ask to be recycled");
                RoleEnvironment::request_recycle();
            }
        }
        // When run returns, the instance is recycled; so it does not.
        loop {
            sleep(Duration::from_secs(3600)).await;
        }
    }

    async fn changing(&self, changes: Vec<Change>) -> Verdict {
        for change in &changes {
            println!("changing: {}", described(change));
        }
        // What was made for one capacity cannot be used with another.
        let refused = changes.contains(&Change::ConfigurationSetting("Capacity".to_owned()));
        println!("changing: I {}", if refused { "want to be recycled for it" } else { "go on with it" });
        if refused { Verdict::Recycle } else { Verdict::Accept }
    }

    async fn changed(&self, changes: Vec<Change>) {
        for change in &changes {
            println!("changed: {}", described(change));
        }
    }

    async fn status_check(&self) -> Status {
        let checks = self.checks.get() + 1;
        self.checks.set(checks);
        let busy = RoleEnvironment::setting("BusyChecks").ok().and_then(|value| value.parse().ok());
        let status = if checks <= busy.unwrap_or(0) { Status::Busy } else { Status::Ready };
        println!("status-check {checks}: {status:?}");
        status
    }

    async fn stopping(&self) {
        println!("stopping: I get no new traffic");
    }

    async fn on_stop(&self) {
        println!("on-stop: good bye");
    }

    async fn simultaneous_changing(&self, changes: Vec<Change>) {
        for change in &changes {
            println!("simultaneous-changing: {}", described(change));
        }
    }

    async fn simultaneous_changed(&self, changes: Vec<Change>) {
        for change in &changes {
            println!("simultaneous-changed: {}", described(change));
        }
    }
}

/// The change, with the value that can be read at this moment.
fn described(change: &Change) -> String {
    match change {
        Change::ConfigurationSetting(name) => {
            format!("{name} is `{}`", RoleEnvironment::setting(name).unwrap_or_default())
        }
        Change::Topology(role) => {
            let instances = RoleEnvironment::role(role).map_or(0, |role| role.instances.len());
            format!("I see {instances} instances of {role}")
        }
    }
}

export_role!(Worker);
