//! The client: one method for each row of the path table.
//!
//! Each request has its own connection. Answers that do not come are not waited for longer than [`ANSWER_TIME`]; a stream that says
//! nothing for [`SILENCE`], not even an empty line, is taken as broken off.

mod body;
mod connection;
mod error;
mod lines;
mod place;

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, EXPECT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

pub use self::body::Package;
use self::body::{Outgoing, Permission};
pub use self::error::ClientError;
pub use self::lines::Lines;
use self::place::Place;
pub use self::place::Token;
use crate::query::to_query;
use crate::{
    DeploymentList, DeploymentRef, DeploymentStatus, Endpoint, EventLine, ExplainQuery, Explanation,
    HostInfo, JournalQuery, LogLine, Names, Operation, OperationId, Refusal, ScaleRequest, ServiceName,
    TENANT_HEADER, TargetRequest, TenantName, TopTable, UpdateRequest, UpgradeQuery, WaitQuery, WalkRequest,
    package,
};

/// How long an answer may take, beside what the request itself asks to wait, and the time that a package needs.
pub const ANSWER_TIME: Duration = Duration::from_secs(60);
/// How long a stream may say nothing. The host says something each 15 seconds.
pub const SILENCE: Duration = Duration::from_secs(60);
/// How long one request for an operation waits. The host waits no longer.
const WAIT_AT_A_TIME: Duration = Duration::from_secs(30);
/// The largest answer that is read, streams excepted.
const LARGEST_ANSWER: usize = 64 << 20;

/// Asks a host. Clone it as you like: it holds no connection.
#[derive(Clone, Debug)]
pub struct Client {
    place: Place,
    tenant: Option<TenantName>,
}

impl Client {
    /// Over a Unix socket.
    #[cfg(unix)]
    pub fn unix(path: impl Into<std::path::PathBuf>) -> Self {
        Self { place: Place::unix(path.into()), tenant: None }
    }

    /// Over TCP. The address is a URL such as `http://127.0.0.1:8443`. The token goes over the wire as it is: between machines use
    /// a tunnel.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`] for what is no such URL.
    pub fn tcp(url: &str, token: Token) -> Result<Self, ClientError> {
        Ok(Self { place: Place::tcp(url, token)?, tenant: None })
    }

    /// For this tenant, not for [`TenantName::usual`]. Only the owner of the host's socket may say so; with a token it has to be
    /// the token's.
    #[must_use]
    pub fn for_tenant(mut self, tenant: TenantName) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// What the host is.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]; the same holds for all other methods.
    pub async fn host(&self) -> Result<HostInfo, ClientError> {
        self.get(Endpoint::Host, &Names::default(), "").await
    }

    /// All deployments of the tenant.
    pub async fn services(&self) -> Result<DeploymentList, ClientError> {
        self.get(Endpoint::Services, &Names::default(), "").await
    }

    /// Begins to deploy a package.
    pub async fn deploy(&self, to: &DeploymentRef, package: Package) -> Result<Operation, ClientError> {
        self.send(Endpoint::Deploy, to, "", package).await
    }

    /// A deployment in full.
    pub async fn status(&self, of: &DeploymentRef) -> Result<DeploymentStatus, ClientError> {
        self.get(Endpoint::Status, &of.into(), "").await
    }

    /// Begins to delete a deployment.
    pub async fn delete(&self, what: &DeploymentRef) -> Result<Operation, ClientError> {
        self.bare(Endpoint::Delete, &what.into()).await
    }

    /// Begins to change the configuration.
    pub async fn update(&self, of: &DeploymentRef, to: &UpdateRequest) -> Result<Operation, ClientError> {
        self.post(Endpoint::Configuration, of, to).await
    }

    /// Begins to change numbers of instances.
    pub async fn scale(&self, of: &DeploymentRef, to: &ScaleRequest) -> Result<Operation, ClientError> {
        self.post(Endpoint::Scale, of, to).await
    }

    /// Begins to upgrade to another package.
    pub async fn upgrade(
        &self,
        what: &DeploymentRef,
        how: &UpgradeQuery,
        package: Package,
    ) -> Result<Operation, ClientError> {
        self.send(Endpoint::Upgrade, what, &to_query(how), package).await
    }

    /// Walks an upgrade domain of a manual upgrade, and gives the operation of the upgrade.
    pub async fn walk(&self, what: &DeploymentRef, domain: u32) -> Result<Operation, ClientError> {
        self.post(Endpoint::Walk, what, &WalkRequest { domain }).await
    }

    /// Begins to go back to what ran before.
    pub async fn rollback(&self, what: &DeploymentRef) -> Result<Operation, ClientError> {
        self.bare(Endpoint::Rollback, &what.into()).await
    }

    /// Begins to recycle instances.
    pub async fn recycle(&self, of: &DeploymentRef, which: &TargetRequest) -> Result<Operation, ClientError> {
        self.post(Endpoint::Recycle, of, which).await
    }

    /// Begins to stop instances.
    pub async fn stop(&self, of: &DeploymentRef, which: &TargetRequest) -> Result<Operation, ClientError> {
        self.post(Endpoint::Stop, of, which).await
    }

    /// Begins to start stopped instances.
    pub async fn start(&self, of: &DeploymentRef, which: &TargetRequest) -> Result<Operation, ClientError> {
        self.post(Endpoint::Start, of, which).await
    }

    /// Begins to swap the slots of a service.
    pub async fn swap(&self, service: &ServiceName) -> Result<Operation, ClientError> {
        self.bare(Endpoint::Swap, &Names { service: Some(service.clone()), ..Names::default() }).await
    }

    /// An operation, when it is over or waits for somebody, or after `wait`; the host waits a minute at most.
    pub async fn operation(
        &self,
        service: &ServiceName,
        operation: OperationId,
        wait: Duration,
    ) -> Result<Operation, ClientError> {
        let names = Names { service: Some(service.clone()), slot: None, operation: Some(operation) };
        let query = to_query(&WaitQuery { wait: Some(wait.as_secs()).filter(|wait| *wait > 0) });
        let deadline = Instant::now() + ANSWER_TIME + wait;
        let answer = self.answer(Endpoint::Operation, &names, &query, Outgoing::nothing(), deadline).await?;
        self.read(answer, deadline).await
    }

    /// Waits until an operation is over, or waits for somebody. `told` is called with every answer on the way, the last one
    /// too.
    pub async fn finished(
        &self,
        begun: &Operation,
        mut told: impl FnMut(&Operation),
    ) -> Result<Operation, ClientError> {
        loop {
            let now = self.operation(&begun.deployment.service, begun.id, WAIT_AT_A_TIME).await?;
            told(&now);
            if now.state != crate::OperationState::Running {
                return Ok(now);
            }
        }
    }

    /// What happened.
    pub async fn events(
        &self,
        of: &DeploymentRef,
        which: &JournalQuery,
    ) -> Result<Lines<EventLine>, ClientError> {
        self.lines(Endpoint::Events, of, which).await
    }

    /// What the guests wrote.
    pub async fn logs(
        &self,
        of: &DeploymentRef,
        which: &JournalQuery,
    ) -> Result<Lines<LogLine>, ClientError> {
        self.lines(Endpoint::Logs, of, which).await
    }

    /// Who may talk to whom.
    pub async fn explain(&self, of: &DeploymentRef, what: &ExplainQuery) -> Result<Explanation, ClientError> {
        self.get(Endpoint::Explain, &of.into(), &to_query(what)).await
    }

    /// What instances use.
    pub async fn top(&self, of: &DeploymentRef) -> Result<TopTable, ClientError> {
        self.get(Endpoint::Top, &of.into(), "").await
    }

    /// Metrics in the text format of Prometheus.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let deadline = Instant::now() + ANSWER_TIME;
        let nothing = Outgoing::nothing();
        let answer = self.answer(Endpoint::Metrics, &Names::default(), "", nothing, deadline).await?;
        let bytes = self.whole(answer, deadline).await?;
        String::from_utf8(bytes).map_err(|_| self.place.not_understood("it is no UTF-8"))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        what: Endpoint,
        names: &Names,
        query: &str,
    ) -> Result<T, ClientError> {
        let deadline = Instant::now() + ANSWER_TIME;
        let answer = self.answer(what, names, query, Outgoing::nothing(), deadline).await?;
        self.read(answer, deadline).await
    }

    async fn bare(&self, what: Endpoint, names: &Names) -> Result<Operation, ClientError> {
        self.get(what, names, "").await
    }

    async fn post(
        &self,
        what: Endpoint,
        of: &DeploymentRef,
        body: &impl Serialize,
    ) -> Result<Operation, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.place.not_understood(error.to_string()))?;
        let deadline = Instant::now() + ANSWER_TIME;
        let answer = self.answer(what, &of.into(), "", Outgoing::json(body), deadline).await?;
        self.read(answer, deadline).await
    }

    /// With a package there is no deadline for the request: a host that is not there any more is noticed by the operating system.
    async fn send(
        &self,
        what: Endpoint,
        to: &DeploymentRef,
        query: &str,
        package: Package,
    ) -> Result<Operation, ClientError> {
        let far = Duration::from_secs(24 * 3600);
        let body = Outgoing::package(package);
        let answer = self.answer(what, &to.into(), query, body, Instant::now() + far).await?;
        self.read(answer, Instant::now() + ANSWER_TIME).await
    }

    async fn lines<T: DeserializeOwned>(
        &self,
        what: Endpoint,
        of: &DeploymentRef,
        which: &JournalQuery,
    ) -> Result<Lines<T>, ClientError> {
        let deadline = Instant::now() + ANSWER_TIME;
        let query = to_query(which);
        let answer = self.answer(what, &of.into(), &query, Outgoing::nothing(), deadline).await?;
        Ok(Lines::new(answer.into_body(), self.place.clone()))
    }

    /// Sends a request, and waits for the head of its answer; what the host refuses is an error.
    async fn answer(
        &self,
        what: Endpoint,
        names: &Names,
        query: &str,
        body: Outgoing,
        deadline: Instant,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut uri = what.path(names);
        if !query.is_empty() {
            uri.push('?');
            uri.push_str(query);
        }
        let request = self.request(what, uri, body)?;
        let exchanging = connection::exchange(&self.place, request);
        let late = |_| self.place.broken_off("it does not answer");
        let answer = timeout_at(deadline, exchanging).await.map_err(late)??;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let bytes = self.whole(answer, deadline.min(Instant::now() + ANSWER_TIME)).await?;
        let refusal = serde_json::from_slice::<Refusal>(&bytes);
        Err(refusal.map_or_else(
            |_| self.place.strange_status(status),
            |refusal| ClientError::Refused(Box::new(refusal)),
        ))
    }

    fn request(&self, what: Endpoint, uri: String, body: Outgoing) -> Result<Request<Outgoing>, ClientError> {
        let mut request = Request::builder()
            .method(what.method().name())
            .uri(uri)
            .header(http::header::HOST, self.place.authority());
        if let Some(tenant) = &self.tenant {
            request = request.header(TENANT_HEADER, tenant.as_str());
        }
        if let Some(token) = self.place.token() {
            request = request.header(AUTHORIZATION, token.header());
        }
        if let Some(kind) = body.media_type() {
            request = request.header(CONTENT_TYPE, kind);
        }
        let permission = body.permission();
        if permission.is_some() {
            request = request.header(EXPECT, "100-continue");
        }
        let mut request =
            request.body(body).map_err(|error| ClientError::Address { reason: error.to_string() })?;
        if let Some(permission) = permission {
            hyper::ext::on_informational(&mut request, move |answer| {
                if answer.status() == StatusCode::CONTINUE {
                    permission.give();
                }
            });
        }
        Ok(request)
    }

    async fn read<T: DeserializeOwned>(
        &self,
        answer: Response<Incoming>,
        deadline: Instant,
    ) -> Result<T, ClientError> {
        let bytes = self.whole(answer, deadline).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.place.not_understood(error.to_string()))
    }

    async fn whole(&self, answer: Response<Incoming>, deadline: Instant) -> Result<Vec<u8>, ClientError> {
        let reading = Limited::new(answer.into_body(), LARGEST_ANSWER).collect();
        let read = timeout_at(deadline, reading).await;
        let read = read.map_err(|_| self.place.broken_off("its answer does not end"))?;
        Ok(read.map_err(|error| self.place.broken_off(error.to_string()))?.to_bytes().into())
    }
}

impl From<&DeploymentRef> for Names {
    fn from(deployment: &DeploymentRef) -> Self {
        Self { service: Some(deployment.service.clone()), slot: Some(deployment.slot), operation: None }
    }
}

impl Outgoing {
    fn media_type(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Json(_) => Some("application/json"),
            Self::Package { .. } => Some(package::MEDIA_TYPE),
        }
    }

    /// What lets the body go; none for one that goes at once.
    fn permission(&self) -> Option<Permission> {
        match self {
            Self::Package { permission, .. } => Some(permission.clone()),
            Self::Nothing | Self::Json(_) => None,
        }
    }
}
