//! The controller as the server asks it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use wasm_roles_control_interface::{
    DeploymentList, DeploymentRef, DeploymentStatus, EventLine, ExplainQuery, Explanation, HostInfo,
    JournalQuery, LogLine, Operation, OperationId, ScaleRequest, ServiceName, Streamed, TargetRequest,
    TenantName, TopTable, UpdateRequest, UpgradeQuery, WalkRequest,
};
use wasm_roles_control_server::{Answered, Caller, LineSource, Operator};

use crate::controller::{About, Controller, Lines};

impl<T: About + Send + Sync + 'static> LineSource<T> for Lines<T> {
    async fn next(&mut self) -> Option<Streamed<Arc<T>>> {
        Some(Self::next(self).await)
    }
}

impl Controller {
    /// What is told to those who ask names no places of the host.
    fn told<T>(&self, answered: Answered<T>) -> Answered<T> {
        answered.map_err(|refusal| self.0.places.refusal(refusal))
    }

    fn operation_told(&self, answered: Answered<Operation>) -> Answered<Operation> {
        self.told(answered.map(|operation| self.0.places.operation(operation)))
    }
}

impl Operator for Controller {
    type Events = Lines<EventLine>;
    type Logs = Lines<LogLine>;

    async fn host(&self, caller: &Caller) -> HostInfo {
        if caller.owner {
            // It has to find the files that it is told of.
            self.host_of_owner(&caller.tenant)
        } else {
            self.0.places.host(self.host(&caller.tenant))
        }
    }

    async fn services(&self, tenant: &TenantName) -> DeploymentList {
        self.0.places.services(self.services(tenant))
    }

    async fn deploy(
        &self,
        caller: &Caller,
        to: DeploymentRef,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> Answered<Operation> {
        self.operation_told(self.deploy(&caller.tenant, &to, caller.owner, package).await)
    }

    async fn status(&self, tenant: &TenantName, of: &DeploymentRef) -> Answered<DeploymentStatus> {
        let status = self.status(tenant, of);
        self.told(status.map(|status| self.0.places.status(status)))
    }

    async fn delete(&self, caller: &Caller, what: DeploymentRef) -> Answered<Operation> {
        self.operation_told(self.delete(&caller.tenant, &what).await)
    }

    async fn update(&self, caller: &Caller, of: DeploymentRef, to: UpdateRequest) -> Answered<Operation> {
        self.operation_told(self.update(&caller.tenant, &of, to).await)
    }

    async fn scale(&self, caller: &Caller, of: DeploymentRef, to: ScaleRequest) -> Answered<Operation> {
        self.operation_told(self.scale(&caller.tenant, &of, to).await)
    }

    async fn upgrade(
        &self,
        caller: &Caller,
        what: DeploymentRef,
        how: UpgradeQuery,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> Answered<Operation> {
        self.operation_told(self.upgrade(&caller.tenant, &what, caller.owner, how, package).await)
    }

    async fn walk(&self, caller: &Caller, what: DeploymentRef, to: WalkRequest) -> Answered<Operation> {
        self.operation_told(self.walk(&caller.tenant, &what, to).await)
    }

    async fn rollback(&self, caller: &Caller, what: DeploymentRef) -> Answered<Operation> {
        self.operation_told(self.rollback(&caller.tenant, &what).await)
    }

    async fn recycle(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.operation_told(self.recycle(&caller.tenant, &of, which).await)
    }

    async fn stop(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.operation_told(self.stop(&caller.tenant, &of, which).await)
    }

    async fn start(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.operation_told(self.start(&caller.tenant, &of, which).await)
    }

    async fn swap(&self, caller: &Caller, service: ServiceName) -> Answered<Operation> {
        self.operation_told(self.swap(&caller.tenant, &service).await)
    }

    async fn operation(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
        operation: OperationId,
        wait: Duration,
    ) -> Answered<Operation> {
        self.operation_told(self.operation(tenant, service, operation, wait).await)
    }

    async fn events(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> Answered<Self::Events> {
        self.told(self.events(tenant, of, &which))
    }

    async fn logs(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> Answered<Self::Logs> {
        self.told(self.logs(tenant, of, &which))
    }

    async fn explain(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        what: ExplainQuery,
    ) -> Answered<Explanation> {
        self.told(self.explain(tenant, of, &what))
    }

    async fn top(&self, tenant: &TenantName, of: &DeploymentRef) -> Answered<TopTable> {
        self.told(self.top(tenant, of))
    }
}
