//! A run that the other commands can operate: they find its socket beside those of hosts.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use wasm_roles_control_interface::{DeploymentRef, NameError, ServiceName, Slot, TenantName};
use wasm_roles_control_server::{Server, ServerLimits};
use wasm_roles_controller::{Adopted, Adoption, Controller, HostOptions, Sources};
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{Clock, Deployment, Event, Events, Runtime, Seed};

use crate::control;
use crate::failure::Failure;
use crate::output::tell;

/// Events that can wait to be told; then the guests that write wait too.
const EVENTS: usize = 256;
/// How long whoever has deleted the deployment has to ask how that ended.
const HEARD: Duration = Duration::from_secs(1);
/// The name of a service whose own is no name on a host.
const UNNAMED: &str = "service";

/// What a host needs to know of a run.
pub struct Host {
    pub runtime: Runtime,
    pub clock: Clock,
    pub seed: Seed,
    /// What the run grants beside the definition.
    pub rules: HostRules,
}

/// A deployment that is operated by others too.
pub struct Operated {
    adopted: Adopted,
    server: Option<Serving>,
}

/// The server of a run's socket.
pub struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Operated {
    /// Lets others operate a deployment. Its events come out again. A socket that cannot be made is no reason not to run.
    pub async fn begin(
        host: Host,
        deployment: Deployment,
        events: Events,
        sources: Sources,
    ) -> Result<(Self, mpsc::Receiver<Event>), Failure> {
        let service = name(&deployment.plan().service).map_err(|error| Failure::new(error.to_string()))?;
        let (controller, _) = Controller::open(HostOptions::new(host.runtime, host.clock, host.seed)).await?;
        let (tee, told) = mpsc::channel(EVENTS);
        let who = DeploymentRef::new(service, Slot::Production);
        let tenant = TenantName::usual();
        let adoption =
            Adoption { tenant, who, deployment, events, tee: Some(tee), sources, rules: host.rules };
        let adopted = controller.adopt(adoption).await.map_err(|refusal| Failure::from(&refusal))?;
        Ok((Self { adopted, server: serve(controller) }, told))
    }

    /// The deployment, for whoever changes it.
    pub fn adopted(&self) -> Adopted {
        self.adopted.clone()
    }

    /// Waits until somebody has deleted the deployment.
    pub async fn ended(&self) {
        self.adopted.ended().await;
    }

    /// Nobody else operates it any more; none when it was deleted. Whoever follows what it tells goes on to hear it until the server
    /// ends.
    pub async fn release(self) -> (Option<Deployment>, Option<Serving>) {
        let Self { adopted, server } = self;
        let deployment = adopted.release().await;
        if deployment.is_none() {
            sleep(HEARD).await;
        }
        (deployment, server)
    }
}

impl Serving {
    /// Ends the server, and waits until its socket is gone.
    pub async fn end(self) {
        drop(self.stop);
        // Only when the tokio runtime shuts down.
        let _ = self.task.await;
    }
}

/// A definition may have a name that is none on a host; then its service has another one there.
fn name(of_definition: &str) -> Result<ServiceName, NameError> {
    of_definition.parse().or_else(|_| UNNAMED.parse())
}

fn serve(controller: Controller) -> Option<Serving> {
    let socket = control::of_run()?;
    let mut server = Server::new(controller, ServerLimits::default());
    if let Err(error) = server.unix(&socket) {
        tell(format!("note: the other commands cannot ask this run: {error}\n"));
        return None;
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.serve(async { drop(stopped.await) }));
    Some(Serving { stop, task })
}
