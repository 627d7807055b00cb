//! Who does what the interface is asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use wasm_roles_control_interface::{
    DeploymentList, DeploymentRef, DeploymentStatus, EventLine, ExplainQuery, Explanation, HostInfo,
    JournalQuery, LogLine, Operation, OperationId, Refusal, ScaleRequest, ServiceName, Streamed,
    TargetRequest, TenantName, TopTable, UpdateRequest, UpgradeQuery, WalkRequest,
};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub tenant: TenantName,
    /// The owner of the host: whoever the host runs as. The owner may act for every tenant.
    pub owner: bool,
}

/// What an operator answers.
pub type Answered<T> = Result<T, Refusal>;

/// A stream of lines from an operator.
pub trait LineSource<T>: Send + 'static {
    /// The next line; it waits for it. None, or anything after [`Streamed::End`], is not asked for again. It can be dropped while
    /// it waits, and is then called again.
    fn next(&mut self) -> impl Future<Output = Option<Streamed<Arc<T>>>> + Send;
}

/// Does what the interface is asked for. A change is begun and answered with its operation: it goes on when whoever asked has
/// gone. The server never drops a change while it is begun, and drops everything else when whoever asked hangs up.
pub trait Operator: Clone + Send + Sync + 'static {
    /// A stream of events.
    type Events: LineSource<EventLine>;
    /// A stream of log lines.
    type Logs: LineSource<LogLine>;

    /// What the host is. Its owner sees all tenants in it, a tenant only itself.
    fn host(&self, caller: &Caller) -> impl Future<Output = HostInfo> + Send;

    /// All deployments of the tenant.
    fn services(&self, tenant: &TenantName) -> impl Future<Output = DeploymentList> + Send;

    /// Begins to deploy a package. What can be refused without it is refused before it is read.
    fn deploy(
        &self,
        caller: &Caller,
        to: DeploymentRef,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// A deployment in full.
    fn status(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
    ) -> impl Future<Output = Answered<DeploymentStatus>> + Send;

    /// Begins to delete a deployment.
    fn delete(
        &self,
        caller: &Caller,
        what: DeploymentRef,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to change the configuration.
    fn update(
        &self,
        caller: &Caller,
        of: DeploymentRef,
        to: UpdateRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to change numbers of instances.
    fn scale(
        &self,
        caller: &Caller,
        of: DeploymentRef,
        to: ScaleRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to upgrade to another package. What can be refused without it is refused before it is read.
    fn upgrade(
        &self,
        caller: &Caller,
        what: DeploymentRef,
        how: UpgradeQuery,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Walks an upgrade domain of a manual upgrade.
    fn walk(
        &self,
        caller: &Caller,
        what: DeploymentRef,
        to: WalkRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to go back to what ran before.
    fn rollback(
        &self,
        caller: &Caller,
        what: DeploymentRef,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to recycle instances.
    fn recycle(
        &self,
        caller: &Caller,
        of: DeploymentRef,
        which: TargetRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to stop instances.
    fn stop(
        &self,
        caller: &Caller,
        of: DeploymentRef,
        which: TargetRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to start stopped instances.
    fn start(
        &self,
        caller: &Caller,
        of: DeploymentRef,
        which: TargetRequest,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// Begins to swap the slots of a service.
    fn swap(&self, caller: &Caller, service: ServiceName)
    -> impl Future<Output = Answered<Operation>> + Send;

    /// An operation, when it is over or waits for somebody, or when `wait` is over. It can be dropped while it waits.
    fn operation(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
        operation: OperationId,
        wait: Duration,
    ) -> impl Future<Output = Answered<Operation>> + Send;

    /// What happened.
    fn events(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> impl Future<Output = Answered<Self::Events>> + Send;

    /// What the guests wrote.
    fn logs(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> impl Future<Output = Answered<Self::Logs>> + Send;

    /// Who may talk to whom.
    fn explain(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        what: ExplainQuery,
    ) -> impl Future<Output = Answered<Explanation>> + Send;

    /// What instances use.
    fn top(&self, tenant: &TenantName, of: &DeploymentRef)
    -> impl Future<Output = Answered<TopTable>> + Send;
}
