//! WorkerRole1 and WorkerRole2: they answer on every internal endpoint that the service definition gives them.

use myservice_reachability::Responder;
use wasm_roles_sdk::{Role, RoleResult, export_role};

#[derive(Default)]
struct WorkerRole {
    responder: Responder,
}

impl Role for WorkerRole {
    async fn on_start(&self) -> RoleResult {
        Ok(self.responder.bind()?)
    }

    async fn run(&self) -> RoleResult {
        Ok(self.responder.serve().await?)
    }
}

export_role!(WorkerRole);
