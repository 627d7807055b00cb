//! One request: found in the path table, asked of the operator, answered.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use wasm_roles_control_interface::query::from_query;
use wasm_roles_control_interface::{
    DeploymentRef, Endpoint, Names, Operation, OperationId, Refusal, RefusalCode, ServiceName, UpgradeQuery,
    WaitQuery, openapi,
};

use crate::answers::{Answer, begun, json, refused, stream, whole};
use crate::door::{Inside, Pass, Turnstile, Way};
use crate::intake::{self, Arriving};
use crate::limits::ServerLimits;
use crate::metrics::{self, Requests};
use crate::operator::{Answered, Caller, Operator};
use crate::streams::lines;

/// The longest wait for an operation.
const LONGEST_WAIT: u64 = 60;
/// The media type of streams.
const LINES: &str = "application/x-ndjson";

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Desk<O> {
    pub(crate) operator: O,
    pub(crate) limits: ServerLimits,
    pub(crate) turnstile: Turnstile,
    pub(crate) requests: Requests,
    /// True when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl<O: Operator> Desk<O> {
    /// Answers a request. Its place is taken until the answer is written.
    pub(crate) async fn answer(
        &self,
        way: &Way,
        request: Request<Incoming>,
    ) -> (Response<Answer>, Option<Inside>) {
        let path = request.uri().path().to_owned();
        let found = Endpoint::find(request.method().as_str(), &path);
        let endpoint = found.as_ref().ok().map(|(endpoint, _)| *endpoint);
        let mut place = None;
        let answered = self.answered(way, found, request, &mut place).await;
        let answer = answered.unwrap_or_else(|refusal| refused(&refusal, &path));
        self.requests.count(endpoint, answer.status());
        (answer, place)
    }

    async fn answered(
        &self,
        way: &Way,
        found: Result<(Endpoint, Names), Refusal>,
        request: Request<Incoming>,
        place: &mut Option<Inside>,
    ) -> Answered<Response<Answer>> {
        // Before anything else: who is not known learns nothing of the interface.
        let caller = way.caller(request.headers()).await?;
        let (endpoint, names) = found?;
        if matches!(way, Way::Metrics) && endpoint != Endpoint::Metrics {
            let refusal = Refusal::new(RefusalCode::NotFound, "there are metrics here and nothing else");
            return Err(refusal.hint("ask for /metrics, or ask at the socket of the host"));
        }
        let inside = self.turnstile.enter(&caller.tenant, self.limits.requests_of_a_tenant)?;
        *place = Some(inside.clone());
        if *self.stopping.borrow() {
            let refusal = Refusal::new(RefusalCode::Stopping, "the host stops");
            return Err(refusal.hint("ask again when it runs again"));
        }
        let asked = Asked { desk: self, way, endpoint, names, caller, request };
        match endpoint {
            Endpoint::Host | Endpoint::Services | Endpoint::Metrics | Endpoint::OpenApi => {
                asked.of_host().await
            }
            Endpoint::Events | Endpoint::Logs => asked.stream(inside).await,
            Endpoint::Status | Endpoint::Operation | Endpoint::Explain | Endpoint::Top => {
                asked.reading().await
            }
            Endpoint::Deploy
            | Endpoint::Delete
            | Endpoint::Configuration
            | Endpoint::Scale
            | Endpoint::Upgrade
            | Endpoint::Walk
            | Endpoint::Rollback
            | Endpoint::Recycle
            | Endpoint::Stop
            | Endpoint::Start
            | Endpoint::Swap => asked.change(inside).await,
        }
    }
}

/// A request that is known.
struct Asked<'a, O> {
    desk: &'a Desk<O>,
    way: &'a Way,
    endpoint: Endpoint,
    names: Names,
    caller: Caller,
    request: Request<Incoming>,
}

impl<O: Operator> Asked<'_, O> {
    async fn of_host(self) -> Answered<Response<Answer>> {
        let operator = &self.desk.operator;
        self.no_query()?;
        Ok(match self.endpoint {
            Endpoint::Services => ok(&operator.services(&self.caller.tenant).await),
            Endpoint::Metrics => {
                let open = self.desk.turnstile.open();
                let text = metrics::text(operator, &self.caller, &self.desk.requests, open).await;
                whole(StatusCode::OK, metrics::MEDIA_TYPE, text)
            }
            Endpoint::OpenApi => whole(StatusCode::OK, "application/json", openapi::DOCUMENT),
            _ => ok(&operator.host(&self.caller).await),
        })
    }

    async fn reading(self) -> Answered<Response<Answer>> {
        let (operator, tenant) = (&self.desk.operator, &self.caller.tenant);
        Ok(match self.endpoint {
            Endpoint::Operation => {
                let wait = self.query::<WaitQuery>()?.wait.unwrap_or(0).min(LONGEST_WAIT);
                let (service, operation) = (self.service()?, self.operation()?);
                let waiting = operator.operation(tenant, &service, operation, Duration::from_secs(wait));
                let mut stopping = self.desk.stopping.clone();
                let answered = tokio::select! {
                    answered = waiting => Some(answered),
                    _ = stopping.wait_for(|stopping| *stopping) => None,
                };
                // Nobody waits for an operation when the host stops, but sees how far it is.
                let answered = match answered {
                    Some(answered) => answered,
                    None => operator.operation(tenant, &service, operation, Duration::ZERO).await,
                };
                ok(&answered?)
            }
            Endpoint::Explain => {
                let query = self.query()?;
                ok(&operator.explain(tenant, &self.deployment()?, query).await?)
            }
            Endpoint::Top => {
                self.no_query()?;
                ok(&operator.top(tenant, &self.deployment()?).await?)
            }
            _ => {
                self.no_query()?;
                ok(&operator.status(tenant, &self.deployment()?).await?)
            }
        })
    }

    async fn stream(self, inside: Inside) -> Answered<Response<Answer>> {
        let query = self.query()?;
        let (desk, deployment) = (self.desk, self.deployment()?);
        let (beat, stopping, tenant) = (desk.limits.beat, desk.stopping.clone(), &self.caller.tenant);
        let pass = Pass::new(self.way.clone(), self.request.headers().clone(), tenant.clone());
        let held = (pass, inside);
        let pieces = if self.endpoint == Endpoint::Events {
            lines(desk.operator.events(tenant, &deployment, query).await?, beat, stopping, held)
        } else {
            lines(desk.operator.logs(tenant, &deployment, query).await?, beat, stopping, held)
        };
        Ok(stream(LINES, pieces))
    }

    /// In a task of its own: who hangs up does not leave a change half begun.
    async fn change(self, inside: Inside) -> Answered<Response<Answer>> {
        let change = Change::of(&self)?;
        let Self { desk, endpoint, caller, request, .. } = self;
        let (operator, limits) = (desk.operator.clone(), desk.limits);
        let beginning = tokio::spawn(async move {
            let from = Sent { endpoint, caller, request, inside };
            change.begin(&operator, &limits, from).await
        });
        let failed = |error| {
            let message = format!("the operation could not be begun: {error}");
            Refusal::new(RefusalCode::Internal, message).hint("look at what the host writes")
        };
        Ok(begun(&beginning.await.map_err(failed)??))
    }

    fn query<T: DeserializeOwned>(&self) -> Answered<T> {
        let query = self.request.uri().query().unwrap_or_default();
        from_query(query).map_err(|error| {
            Refusal::new(RefusalCode::BadRequest, error.to_string())
                .hint("what this path takes is in /v1/openapi.json")
        })
    }

    /// What stands behind a path that takes nothing there would otherwise be thought to have an effect.
    fn no_query(&self) -> Answered<()> {
        match self.request.uri().query() {
            None | Some("") => Ok(()),
            Some(_) => Err(Refusal::new(RefusalCode::BadRequest, "this path has no query")
                .hint("leave out what stands behind the question mark")),
        }
    }

    // A path has the names that its form has: these refusals are never seen.

    fn service(&self) -> Answered<ServiceName> {
        self.names.service.clone().ok_or_else(|| nameless("service"))
    }

    fn operation(&self) -> Answered<OperationId> {
        self.names.operation.ok_or_else(|| nameless("operation"))
    }

    fn deployment(&self) -> Answered<DeploymentRef> {
        let slot = self.names.slot.ok_or_else(|| nameless("slot"))?;
        Ok(DeploymentRef::new(self.service()?, slot))
    }
}

/// A request for a change, and its place.
struct Sent {
    endpoint: Endpoint,
    caller: Caller,
    request: Request<Incoming>,
    inside: Inside,
}

/// What a change is for, as its path and query say.
enum Change {
    Swap(ServiceName),
    Of(DeploymentRef, UpgradeQuery),
}

impl Change {
    fn of<O: Operator>(asked: &Asked<'_, O>) -> Answered<Self> {
        if asked.endpoint == Endpoint::Upgrade {
            return Ok(Self::Of(asked.deployment()?, asked.query()?));
        }
        asked.no_query()?;
        match asked.endpoint {
            Endpoint::Swap => Ok(Self::Swap(asked.service()?)),
            _ => Ok(Self::Of(asked.deployment()?, UpgradeQuery::default())),
        }
    }

    async fn begin<O: Operator>(
        self,
        operator: &O,
        limits: &ServerLimits,
        Sent { endpoint, ref caller, request, inside }: Sent,
    ) -> Answered<Operation> {
        let (of, how) = match self {
            Self::Swap(service) => return operator.swap(caller, service).await,
            Self::Of(deployment, how) => (deployment, how),
        };
        match endpoint {
            Endpoint::Deploy => {
                let (package, failure) = Arriving::of(request, limits, inside)?;
                operator.deploy(caller, of, package).await.map_err(|refusal| failure.or(refusal))
            }
            Endpoint::Upgrade => {
                let (package, failure) = Arriving::of(request, limits, inside)?;
                operator.upgrade(caller, of, how, package).await.map_err(|refusal| failure.or(refusal))
            }
            Endpoint::Configuration => {
                operator.update(caller, of, intake::json(request, limits).await?).await
            }
            Endpoint::Scale => operator.scale(caller, of, intake::json(request, limits).await?).await,
            Endpoint::Walk => operator.walk(caller, of, intake::json(request, limits).await?).await,
            Endpoint::Recycle => operator.recycle(caller, of, intake::json(request, limits).await?).await,
            Endpoint::Stop => operator.stop(caller, of, intake::json(request, limits).await?).await,
            Endpoint::Start => operator.start(caller, of, intake::json(request, limits).await?).await,
            Endpoint::Rollback => operator.rollback(caller, of).await,
            Endpoint::Delete => operator.delete(caller, of).await,
            other => {
                let message = format!("{other} changes nothing here");
                Err(Refusal::new(RefusalCode::Internal, message).hint("tell whoever develops the host"))
            }
        }
    }
}

fn nameless(what: &str) -> Refusal {
    Refusal::new(RefusalCode::BadRequest, format!("the path names no {what}"))
}

fn ok(value: &impl serde::Serialize) -> Response<Answer> {
    json(StatusCode::OK, value)
}
