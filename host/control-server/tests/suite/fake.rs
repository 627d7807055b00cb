//! An operator that does nothing and remembers what it was asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use wasm_roles_control_interface::{
    DeploymentList, DeploymentRef, DeploymentState, DeploymentStatus, DeploymentSummary, EndpointRow,
    EventLine, ExplainQuery, ExplainedEndpoint, Explanation, Generation, HostInfo, InstanceProgress,
    InstanceRow, InstanceState, JournalQuery, LogLine, LogStream, Operation, OperationId, OperationKind,
    OperationState, PublicAddress, Refusal, RefusalCode, RoleCount, ScaleRequest, ServiceName, Streamed,
    TargetRequest, TenantName, TenantUsage, Timestamp, TopRow, TopTable, UpdateRequest, UpgradeQuery, Usage,
    WalkProgress, WalkRequest,
};
use wasm_roles_control_server::{Answered, Caller, LineSource, Operator};

/// Answers everything.
#[derive(Clone, Default)]
pub struct Fake(Arc<State>);

#[derive(Default)]
struct State {
    calls: Mutex<Vec<String>>,
    refusal: Mutex<Option<Refusal>>,
    lines: Mutex<Option<mpsc::Receiver<Streamed<Arc<LogLine>>>>>,
    /// How an operation stands that is waited for.
    operation: watch::Sender<Option<OperationState>>,
    waited_for: Notify,
    dropped: Notify,
    /// The next roll-back drops the first when it begins, and waits for the second.
    gate: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
    passed: Notify,
    /// What is in production has gone to staging.
    swapped: AtomicBool,
    /// Another deployment has come into its slot.
    replaced: AtomicBool,
}

impl Fake {
    /// What it was asked for since the last time.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.calls.lock().unwrap())
    }

    /// From now on every change is refused.
    pub fn refuse(&self, refusal: Refusal) {
        *self.0.refusal.lock().unwrap() = Some(refusal);
    }

    /// The next stream of log lines has what is sent to this.
    pub fn log_lines(&self, places: usize) -> mpsc::Sender<Streamed<Arc<LogLine>>> {
        let (sender, receiver) = mpsc::channel(places);
        *self.0.lines.lock().unwrap() = Some(receiver);
        sender
    }

    /// What was in production is in staging from now on.
    pub fn swap_slots(&self) {
        self.0.swapped.store(true, Ordering::SeqCst);
    }

    /// Between the look at what there is and the look at one, another deployment comes into its slot.
    pub fn replace_when_asked(&self, replaced: bool) {
        self.0.replaced.store(replaced, Ordering::SeqCst);
    }

    /// Operations that are waited for are this.
    pub fn set_operation(&self, state: OperationState) {
        self.0.operation.send_replace(Some(state));
    }

    /// Until somebody waits for an operation.
    pub async fn waited_for(&self) {
        self.0.waited_for.notified().await;
    }

    /// Until the source of a stream was dropped.
    pub async fn stream_dropped(&self) {
        self.0.dropped.notified().await;
    }

    /// The next roll-back waits: until the first of these ends it has not begun, and the second lets it go on.
    pub fn hold_rollback(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((entered, is_in), (go_on, goes)) = (oneshot::channel(), oneshot::channel());
        *self.0.gate.lock().unwrap() = Some((entered, goes));
        (is_in, go_on)
    }

    /// Until a roll-back that was held has gone on.
    pub async fn rollback_went_on(&self) {
        self.0.passed.notified().await;
    }

    fn call(&self, call: String) {
        self.0.calls.lock().unwrap().push(call);
    }

    fn changes(&self, tenant: &TenantName, kind: OperationKind, of: DeploymentRef) -> Answered<Operation> {
        match self.0.refusal.lock().unwrap().clone() {
            Some(refusal) => Err(refusal),
            None => Ok(operation(tenant, kind, of, OperationState::Running)),
        }
    }

    async fn read(mut package: impl AsyncRead + Unpin) -> Answered<usize> {
        let mut read = Vec::new();
        package.read_to_end(&mut read).await.map_err(|error| {
            Refusal::new(RefusalCode::BadPackage, format!("the operator cannot read it: {error}"))
        })
    }
}

pub fn time(seconds: u64) -> Timestamp {
    Timestamp::since_1970(Duration::from_secs(1_800_000_000 + seconds))
}

pub fn operation(
    tenant: &TenantName,
    kind: OperationKind,
    deployment: DeploymentRef,
    state: OperationState,
) -> Operation {
    let instance = InstanceProgress {
        instance: "Web_IN_0".to_owned(),
        domain: 0,
        generation: Generation::New,
        reaction: Some("accepted".to_owned()),
    };
    Operation {
        id: OperationId(7),
        kind,
        tenant: tenant.clone(),
        deployment,
        state,
        begun: time(1),
        ended: state.is_over().then(|| time(2)),
        message: "walks upgrade domain 1 of 2".to_owned(),
        progress: Some(WalkProgress { domain: Some(1), domains: 2, instances: vec![instance] }),
        failure: (state == OperationState::Failed)
            .then(|| Refusal::new(RefusalCode::NotHealthy, "Web_IN_0 was not Ready in time")),
    }
}

pub fn summary(tenant: &TenantName, deployment: DeploymentRef) -> DeploymentSummary {
    DeploymentSummary {
        operation: Some(operation(
            tenant,
            OperationKind::Update,
            deployment.clone(),
            OperationState::Waiting,
        )),
        deployment,
        tenant: tenant.clone(),
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        state: DeploymentState::Changing,
        since: time(0),
        revision: 2,
        roles: vec![RoleCount { role: "Web".to_owned(), instances: 1, ready: 1 }],
        addresses: vec![PublicAddress {
            endpoint: "Http".to_owned(),
            role: "Web".to_owned(),
            instance: None,
            protocol: "http".to_owned(),
            port: 80,
            at: "127.0.0.1:8080".parse().unwrap(),
        }],
    }
}

pub fn line(sequence: u64, message: &str) -> LogLine {
    LogLine {
        sequence,
        time: time(sequence),
        instance: "Web_IN_0".to_owned(),
        role: "Web".to_owned(),
        task: None,
        stream: LogStream::Stdout,
        message: message.to_owned(),
        cut: false,
    }
}

impl Operator for Fake {
    type Events = Source<EventLine>;
    type Logs = Source<LogLine>;

    async fn host(&self, caller: &Caller) -> HostInfo {
        self.call(format!("{} host", caller.tenant));
        HostInfo {
            version: "1.2.3".to_owned(),
            now: time(60),
            since: time(0),
            tenant: caller.tenant.clone(),
            persistent: true,
            recovering: false,
            tenants: vec![TenantUsage {
                tenant: caller.tenant.clone(),
                deployments: 1,
                instances: Usage { used: 1, cap: Some(10) },
                memory_bytes: Usage { used: 1 << 20, cap: None },
                public_ports: Usage { used: 1, cap: Some(2) },
            }],
            problems: Vec::new(),
        }
    }

    async fn services(&self, tenant: &TenantName) -> DeploymentList {
        self.call(format!("{tenant} services"));
        let swapped = self.0.swapped.load(Ordering::SeqCst);
        let shop = if swapped { "shop/staging" } else { "shop" }.parse().unwrap();
        DeploymentList { now: time(60), deployments: vec![summary(tenant, shop)] }
    }

    async fn deploy(
        &self,
        caller: &Caller,
        to: DeploymentRef,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> Answered<Operation> {
        let begun = self.changes(&caller.tenant, OperationKind::Deploy, to.clone())?;
        let bytes = Self::read(package).await?;
        self.call(format!("{} deploy {to}, {bytes} bytes, owner: {}", caller.tenant, caller.owner));
        Ok(begun)
    }

    async fn status(&self, tenant: &TenantName, of: &DeploymentRef) -> Answered<DeploymentStatus> {
        self.call(format!("{tenant} status {of}"));
        if of.service.as_str() != "shop" {
            return Err(Refusal::new(RefusalCode::NotFound, format!("there is no deployment {of}"))
                .hint("`wasm-roles ps` lists them"));
        }
        let endpoint = EndpointRow {
            name: "Http".to_owned(),
            kind: "input".to_owned(),
            protocol: "http".to_owned(),
            port: 80,
            port_max: None,
            public_port: Some(80),
        };
        let instance = InstanceRow {
            instance: "Web_IN_0".to_owned(),
            role: "Web".to_owned(),
            state: InstanceState::Ready,
            since: time(5),
            restarts: 3,
            reason: Some("run returned".to_owned()),
            last_words: vec!["\u{1b}[31mlast".to_owned()],
            update_domain: 0,
            fault_domain: 1,
            address: "10.0.0.4".parse().unwrap(),
            endpoints: vec![endpoint],
            revision: 2,
            held: false,
        };
        Ok(DeploymentStatus {
            now: time(60),
            summary: if self.0.replaced.load(Ordering::SeqCst) {
                DeploymentSummary { id: "another".to_owned(), ..summary(tenant, of.clone()) }
            } else {
                summary(tenant, of.clone())
            },
            definition: "Shop".to_owned(),
            configuration: Some("ServiceConfiguration.cscfg".to_owned()),
            can_roll_back: true,
            instances: vec![instance],
            operations: vec![operation(tenant, OperationKind::Scale, of.clone(), OperationState::Failed)],
            problems: Vec::new(),
        })
    }

    async fn delete(&self, caller: &Caller, what: DeploymentRef) -> Answered<Operation> {
        self.call(format!("{} delete {what}", caller.tenant));
        self.changes(&caller.tenant, OperationKind::Delete, what)
    }

    async fn update(&self, caller: &Caller, of: DeploymentRef, to: UpdateRequest) -> Answered<Operation> {
        self.call(format!("{} update {of} to {}: {}", caller.tenant, to.name, to.configuration.len()));
        self.changes(&caller.tenant, OperationKind::Update, of)
    }

    async fn scale(&self, caller: &Caller, of: DeploymentRef, to: ScaleRequest) -> Answered<Operation> {
        self.call(format!("{} scale {of} to {:?} without {:?}", caller.tenant, to.roles, to.remove));
        self.changes(&caller.tenant, OperationKind::Scale, of)
    }

    async fn upgrade(
        &self,
        caller: &Caller,
        what: DeploymentRef,
        how: UpgradeQuery,
        package: impl AsyncRead + Send + Unpin + 'static,
    ) -> Answered<Operation> {
        let begun = self.changes(&caller.tenant, OperationKind::Upgrade, what.clone())?;
        let bytes = Self::read(package).await?;
        self.call(format!("{} upgrade {what} {:?} {:?}, {bytes} bytes", caller.tenant, how.mode, how.health));
        Ok(begun)
    }

    async fn walk(&self, caller: &Caller, what: DeploymentRef, to: WalkRequest) -> Answered<Operation> {
        self.call(format!("{} walk {what} {}", caller.tenant, to.domain));
        self.changes(&caller.tenant, OperationKind::Upgrade, what)
    }

    async fn rollback(&self, caller: &Caller, what: DeploymentRef) -> Answered<Operation> {
        self.call(format!("{} rollback {what}", caller.tenant));
        let gate = self.0.gate.lock().unwrap().take();
        if let Some((entered, go_on)) = gate {
            drop(entered);
            let _ = go_on.await;
            self.call("the rollback is begun".to_owned());
            self.0.passed.notify_one();
        }
        self.changes(&caller.tenant, OperationKind::Rollback, what)
    }

    async fn recycle(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.call(format!("{} recycle {of} {:?}", caller.tenant, which.targets));
        self.changes(&caller.tenant, OperationKind::Recycle, of)
    }

    async fn stop(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.call(format!("{} stop {of} {:?}", caller.tenant, which.targets));
        self.changes(&caller.tenant, OperationKind::Stop, of)
    }

    async fn start(&self, caller: &Caller, of: DeploymentRef, which: TargetRequest) -> Answered<Operation> {
        self.call(format!("{} start {of} {:?}", caller.tenant, which.targets));
        self.changes(&caller.tenant, OperationKind::Start, of)
    }

    async fn swap(&self, caller: &Caller, service: ServiceName) -> Answered<Operation> {
        self.call(format!("{} swap {service}", caller.tenant));
        self.changes(&caller.tenant, OperationKind::Swap, service.as_str().parse().unwrap())
    }

    async fn operation(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
        id: OperationId,
        wait: Duration,
    ) -> Answered<Operation> {
        self.call(format!("{tenant} operation {id} of {service}, wait {}", wait.as_secs()));
        let of: DeploymentRef = service.as_str().parse().unwrap();
        let mut state = OperationState::Running;
        if !wait.is_zero() {
            self.0.waited_for.notify_one();
            let mut known = self.0.operation.subscribe();
            state = known.wait_for(Option::is_some).await.unwrap().unwrap();
        }
        Ok(operation(tenant, OperationKind::Update, of, state))
    }

    async fn events(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> Answered<Source<EventLine>> {
        self.call(format!("{tenant} events {of} {which:?}"));
        let event = EventLine {
            sequence: 4,
            time: time(4),
            kind: "status".to_owned(),
            instance: Some("Web_IN_0".to_owned()),
            role: Some("Web".to_owned()),
            message: "Web_IN_0 is Ready".to_owned(),
            fields: [("status".to_owned(), "Ready".into())].into(),
        };
        let (sender, lines) = mpsc::channel(8);
        sender.try_send(Streamed::Gap { missed: 3 }).unwrap();
        sender.try_send(Streamed::Line(Arc::new(event))).unwrap();
        let reason = wasm_roles_control_interface::EndOfStream::Complete;
        sender.try_send(Streamed::End { reason }).unwrap();
        Ok(Source { lines, state: Arc::clone(&self.0) })
    }

    async fn logs(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        which: JournalQuery,
    ) -> Answered<Source<LogLine>> {
        self.call(format!("{tenant} logs {of} {which:?}"));
        let lines = self.0.lines.lock().unwrap().take();
        let lines = lines.expect("a test says which lines there are");
        Ok(Source { lines, state: Arc::clone(&self.0) })
    }

    async fn explain(
        &self,
        tenant: &TenantName,
        of: &DeploymentRef,
        what: ExplainQuery,
    ) -> Answered<Explanation> {
        self.call(format!("{tenant} explain {of} {} -> {} {:?}", what.from, what.to, what.endpoint));
        let answer = ExplainedEndpoint { allowed: true, text: "allowed by\nline 3".to_owned() };
        Ok(Explanation { from: what.from, to: what.to, allowed: true, answers: vec![answer] })
    }

    async fn top(&self, tenant: &TenantName, of: &DeploymentRef) -> Answered<TopTable> {
        self.call(format!("{tenant} top {of}"));
        let row = TopRow {
            instance: "Web_IN_0".to_owned(),
            role: "Web".to_owned(),
            state: InstanceState::Ready,
            cpu_millis: 1_500,
            memory_bytes: 1 << 20,
            memory_limit_bytes: 2 << 20,
            connections: 9,
            bytes_in: 10,
            bytes_out: 11,
            restarts: 3,
        };
        Ok(TopTable { now: time(60), rows: vec![row] })
    }
}

/// What a test sends.
pub struct Source<T> {
    lines: mpsc::Receiver<Streamed<Arc<T>>>,
    state: Arc<State>,
}

impl<T: Send + Sync + 'static> LineSource<T> for Source<T> {
    async fn next(&mut self) -> Option<Streamed<Arc<T>>> {
        self.lines.recv().await
    }
}

impl<T> Drop for Source<T> {
    fn drop(&mut self) {
        self.state.dropped.notify_one();
    }
}
