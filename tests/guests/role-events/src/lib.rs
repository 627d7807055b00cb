//! A role that prints every event as it comes, each with the value that its setting `depth` has at that moment.
//!
//! Its setting `mode` says what to do in which event's handler, such as `panic changing` or `return run, hang on-stop`.
//! `answer` gives the other answer than usual, `hang` never returns, `block` blocks in WASI 0.2. `accept run` blocks in a
//! `std::net` accept on port 7000, as a program that knows nothing of async does; `serve run` accepts there without
//! blocking. `recycle run` asks for a recycle. `list` prints which instances it sees at that moment; `describe run`
//! all that it can find out about itself and its deployment.
#![allow(clippy::panic, reason = "that is what it is for")]

use std::net::TcpListener;
use std::time::Duration;

use wasm_roles_sdk::{
    Change, Endpoint, Role, RoleEnvironment, RoleInstance, RoleResult, Status, Verdict, export_role, net,
    sleep,
};

#[derive(Default)]
struct RoleEvents;

impl Role for RoleEvents {
    async fn on_start(&self) -> RoleResult {
        match happens("on-start", &[]).await.as_str() {
            "answer" => Err("failing in on-start as told".into()),
            _ => Ok(()),
        }
    }

    async fn run(&self) -> RoleResult {
        match happens("run", &[]).await.as_str() {
            "accept" => accept(),
            "serve" => serve().await,
            "return" => Ok(()),
            "answer" => Err("failing in run as told".into()),
            "describe" => {
                describe();
                wait_for_ever().await
            }
            "recycle" => {
                RoleEnvironment::request_recycle();
                wait_for_ever().await
            }
            _ => wait_for_ever().await,
        }
    }

    async fn on_stop(&self) {
        happens("on-stop", &[]).await;
    }

    async fn changing(&self, changes: Vec<Change>) -> Verdict {
        match happens("changing", &changes).await.as_str() {
            "answer" => Verdict::Recycle,
            _ => Verdict::Accept,
        }
    }

    async fn changed(&self, changes: Vec<Change>) {
        happens("changed", &changes).await;
    }

    async fn status_check(&self) -> Status {
        match happens("status-check", &[]).await.as_str() {
            "answer" => Status::Busy,
            _ => Status::Ready,
        }
    }

    async fn stopping(&self) {
        happens("stopping", &[]).await;
    }

    async fn simultaneous_changing(&self, changes: Vec<Change>) {
        happens("simultaneous-changing", &changes).await;
    }

    async fn simultaneous_changed(&self, changes: Vec<Change>) {
        happens("simultaneous-changed", &changes).await;
    }
}

/// Prints the event and does what the mode says; gives the word of the mode if it is about this event.
async fn happens(event: &str, changes: &[Change]) -> String {
    let depth = RoleEnvironment::setting("depth").unwrap_or_default();
    let names: Vec<String> = changes.iter().map(name).collect();
    println!("{event} [{}] depth={depth}", names.join(" "));
    let mode = RoleEnvironment::setting("mode").unwrap_or_default();
    let told = mode.split(", ").filter_map(|told| told.split_once(' ')).find(|(_, of)| *of == event);
    let word = told.map(|(word, _)| word).unwrap_or_default();
    match word {
        "panic" => panic!("panicking in {event} as told"),
        "hang" => drop(wait_for_ever().await),
        "list" => println!("{event} sees {}", seen()),
        "block" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        _ => {}
    }
    word.to_owned()
}

async fn wait_for_ever() -> RoleResult {
    loop {
        sleep(Duration::from_secs(3600)).await;
    }
}

fn name(change: &Change) -> String {
    match change {
        Change::ConfigurationSetting(name) => format!("setting:{name}"),
        Change::Topology(role) => format!("topology:{role}"),
    }
}

/// All instances that it sees, its own role's and others'.
fn seen() -> String {
    let instances = RoleEnvironment::roles().into_iter().flat_map(|role| role.instances);
    instances.map(|instance| instance.id).collect::<Vec<_>>().join(" ")
}

async fn serve() -> RoleResult {
    let mut listener = net::TcpListener::bind(([0, 0, 0, 0], 7000))?;
    println!("listening");
    loop {
        drop(listener.accept().await?);
        println!("accepted");
    }
}

/// One line for each answer of the environment, unknown names included.
fn describe() {
    println!("deployment {}", RoleEnvironment::deployment_id());
    println!("available {} emulated {}", RoleEnvironment::is_available(), RoleEnvironment::is_emulated());
    println!("current {}", described(&RoleEnvironment::current_instance()));
    for role in RoleEnvironment::roles() {
        let instances: Vec<String> = role.instances.iter().map(described).collect();
        println!("role {}: {}", role.name, instances.join(", "));
    }
    match RoleEnvironment::local_resource("cache") {
        Ok(cache) => println!("cache {} {} MB", cache.path.display(), cache.size_in_megabytes),
        Err(error) => println!("{error}"),
    }
    let long = "x".repeat(1 << 20);
    for name in ["", "Depth", "depth ", "../depth", "de\0pth", "größe", &long] {
        let setting = RoleEnvironment::setting(name).is_err();
        let resource = RoleEnvironment::local_resource(name).is_err();
        let role = RoleEnvironment::role(name).is_none();
        let endpoint = RoleEnvironment::current_instance().endpoint(name).is_err();
        println!("unknown {}", setting && resource && role && endpoint);
    }
}

fn described(instance: &RoleInstance) -> String {
    let endpoint = |endpoint: &Endpoint| {
        let Endpoint { name, kind, protocol, last_port, public_port, .. } = endpoint;
        let at = endpoint.socket_address();
        format!("{name} {kind:?} {protocol:?} {at} last {last_port:?} public {public_port:?}")
    };
    let endpoints: Vec<String> = instance.endpoints.iter().map(endpoint).collect();
    let RoleInstance { id, role, fault_domain, update_domain, .. } = instance;
    format!("{id} of {role} in {fault_domain}/{update_domain} [{}]", endpoints.join("; "))
}

fn accept() -> RoleResult {
    let listener = TcpListener::bind(("0.0.0.0", 7000))?;
    println!("listening");
    loop {
        drop(listener.accept()?);
        println!("accepted, depth={}", RoleEnvironment::setting("depth").unwrap_or_default());
    }
}

export_role!(RoleEvents);
