//! A role whose setting `mode` picks in which phase it fails, and how. Without the setting it just waits.
//!
//! Each phase prints a line when it begins: `on-start`, `run`, `stopping`, `on-stop`, each followed by the mode.
#![allow(clippy::panic, reason = "that is what it is for")]

use std::hint::black_box;
use std::time::Duration;

use wasm_roles_sdk::{Role, RoleEnvironment, RoleResult, export_role, sleep};

#[derive(Default)]
struct RoleMisbehave;

impl Role for RoleMisbehave {
    async fn on_start(&self) -> RoleResult {
        match begin("on-start").as_str() {
            "panic-in-start" => panic!("panicking in on-start as told"),
            "fail-start" => Err("failing in on-start as told".into()),
            "spin-in-start" => spin(),
            "slow-start" => wait_for_ever().await,
            _ => Ok(()),
        }
    }

    async fn run(&self) -> RoleResult {
        match begin("run").as_str() {
            "panic-in-run" => panic!("panicking in run as told"),
            "fail-run" => Err("failing in run as told".into()),
            "return" => Ok(()),
            "spin" => spin(),
            "flood" => loop {
                println!("a line of a flood of lines that nobody wants to read");
                sleep(Duration::ZERO).await;
            },
            "eat-memory" => eat_memory(),
            "request-recycle" => {
                RoleEnvironment::request_recycle();
                wait_for_ever().await
            }
            // Blocks the instance's only thread, as a program that knows nothing of async does.
            "block" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            _ => wait_for_ever().await,
        }
    }

    async fn stopping(&self) {
        begin("stopping");
    }

    async fn on_stop(&self) {
        match begin("on-stop").as_str() {
            "panic-in-stop" => panic!("panicking in on-stop as told"),
            "slow-stop" => drop(wait_for_ever().await),
            "spin-in-stop" => drop(spin()),
            _ => {}
        }
    }
}

fn begin(phase: &str) -> String {
    let mode = RoleEnvironment::setting("mode").unwrap_or_else(|_| "wait".to_owned());
    println!("{phase} {mode}");
    mode
}

async fn wait_for_ever() -> RoleResult {
    loop {
        sleep(Duration::from_secs(3600)).await;
    }
}

fn spin() -> RoleResult {
    loop {
        black_box(());
    }
}

fn eat_memory() -> RoleResult {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}

export_role!(RoleMisbehave);
