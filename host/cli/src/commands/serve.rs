//! `wasm-roles serve`: many services, for the other commands.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasm_roles_control_interface::{Detail, TenantName};
use wasm_roles_control_server::otlp::{Collector, Exporting, OtlpOptions, export};
use wasm_roles_control_server::{ListenError, Server, ServerLimits, TokenFile};
use wasm_roles_controller::{Controller, Defaults, HostOptions};
use wasm_roles_fabric::{Clock, remove_tree};

use super::Ending;
use super::run::{engine, seed};
use super::serve_log::{Following, Log};
use crate::arguments::{HostLogFormat, ServeArguments};
use crate::control;
use crate::data::temporary;
use crate::failure::Failure;
use crate::output::tell;
use crate::signals::StopSignals;
use crate::tenant_file;
use crate::words::host::in_words;

/// Holds services until it was asked to stop.
pub async fn serve(arguments: ServeArguments) -> Result<Ending> {
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    let (log, socket) = (Log(arguments.log_format), socket(&arguments)?);
    // Nothing starts for a host that nobody could ask.
    let tokens = may_listen(&arguments, &socket)?;
    let data = Data::of(&arguments)?;
    let (controller, recovery) =
        Controller::begin(options(&arguments, data.path())?).await.map_err(Failure::from)?;
    let (server, at) = match listen(&controller, &arguments, &socket, tokens).await {
        Ok(listening) => listening,
        Err(error) => {
            if close(&controller, &mut signals, log).await == Ending::Done {
                data.end();
            }
            return Err(Failure::from(error).into());
        }
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    // Who asks meanwhile is told so.
    let mut recovering = pin!(recovery.finish());
    let problems = tokio::select! {
        biased;
        () = signals.next() => return given_up(&controller, recovering, &mut signals, data, log).await,
        problems = &mut recovering => problems,
    };
    say_what_is_there(&controller, &problems, log);
    log.info(format!("Ready on {}", socket.display()));
    if let Some(at) = at.control {
        log.info(format!("Ready on http://{at} for those who have a token"));
    }
    if let Some(at) = at.metrics {
        log.info(format!("Metrics are at http://{at}/metrics"));
    }
    let export = arguments.otlp.map(|collector| Export::begin(&controller, collector, log));
    let following = Following::begin(log, &controller);
    signals.next().await;
    let ending = close(&controller, &mut signals, log).await;
    drop(stop);
    if ending == Ending::Done {
        // They have times to stop of their own.
        let rest = async {
            let _ = serving.await;
            if let Some(export) = export {
                export.end().await;
            }
            if let Some(following) = following {
                following.end().await;
            }
        };
        tokio::select! {
            biased;
            () = signals.next() => return Ok(Ending::Interrupted),
            () = rest => {}
        }
        log.info("Stopped");
        data.end();
    }
    Ok(ending)
}

/// What would keep the host from listening, as far as it can be seen before; the tokens, if there are some.
fn may_listen(arguments: &ServeArguments, socket: &Path) -> Result<Option<TokenFile>, Failure> {
    if control::is_served(socket) {
        return Err(ListenError::InUse { path: socket.to_owned() }.into());
    }
    for at in [arguments.listen, arguments.metrics].into_iter().flatten() {
        let free = std::net::TcpListener::bind(at);
        free.map_err(|source| Failure::from(ListenError::Address { at, source }))?;
    }
    let tokens = arguments.tokens.as_ref().map(TokenFile::open);
    tokens.transpose().map_err(|error| Failure::from(ListenError::from(error)))
}

/// Listens on the socket, and on the addresses that the arguments name.
async fn listen(
    controller: &Controller,
    arguments: &ServeArguments,
    socket: &Path,
    tokens: Option<TokenFile>,
) -> Result<(Server<Controller>, Addresses), ListenError> {
    let mut server = Server::new(controller.clone(), ServerLimits::default());
    server.unix(socket)?;
    let control = match (arguments.listen, tokens) {
        (Some(at), Some(tokens)) => Some(server.tcp(at, tokens).await?),
        _ => None,
    };
    let metrics = match arguments.metrics {
        Some(at) => Some(server.metrics(at).await?),
        None => None,
    };
    Ok((server, Addresses { control, metrics }))
}

/// Where a host listens beside its socket.
struct Addresses {
    control: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

/// The user does not want the host any more before it has brought back everything. What runs already has its time to stop.
async fn given_up(
    controller: &Controller,
    recovering: impl Future<Output = Vec<Detail>>,
    signals: &mut StopSignals,
    data: Data,
    log: Log,
) -> Result<Ending> {
    tokio::select! {
        biased;
        () = signals.next() => return Ok(Ending::Interrupted),
        _ = recovering => {}
    }
    if close(controller, signals, log).await == Ending::Done {
        data.end();
    }
    Ok(Ending::Interrupted)
}

/// Tells a collector what there is to tell.
struct Export {
    stop: oneshot::Sender<()>,
    exporting: JoinHandle<()>,
}

impl Export {
    fn begin(controller: &Controller, collector: Collector, log: Log) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let mut options = OtlpOptions::new(collector);
        options.told = Arc::new(move |exporting: &Exporting| match exporting {
            Exporting::Working => log.info(format!("OpenTelemetry: {exporting}")),
            trouble => log.warning(format!("OpenTelemetry: {trouble}"), None),
        });
        let exporting = tokio::spawn(export(controller.clone(), options, async { drop(stopped.await) }));
        Self { stop, exporting }
    }

    /// What is at hand is sent.
    async fn end(self) {
        drop(self.stop);
        let _ = self.exporting.await;
    }
}

/// Stops all services. One more signal cuts off what has not stopped, and one more gives that up too.
async fn close(controller: &Controller, signals: &mut StopSignals, log: Log) -> Ending {
    let running = controller.services_of_all().deployments.len();
    if running > 0 {
        let s = if running == 1 { "" } else { "s" };
        log.info(format!("Stopping {running} deployment{s}; Ctrl-C again cuts off what has not stopped"));
    }
    let (hurry, hurried) = oneshot::channel::<()>();
    let mut closing = std::pin::pin!(controller.close(async { drop(hurried.await) }));
    tokio::select! {
        biased;
        () = signals.next() => drop(hurry),
        () = &mut closing => {
            // Until here nobody may think that somebody is in a hurry.
            drop(hurry);
            return Ending::Done;
        }
    }
    tokio::select! {
        biased;
        () = signals.next() => {}
        () = closing => {}
    }
    Ending::Interrupted
}

fn socket(arguments: &ServeArguments) -> Result<PathBuf, Failure> {
    arguments.control.clone().or_else(control::of_serve).ok_or_else(|| {
        Failure::with_hint(
            "neither XDG_RUNTIME_DIR nor HOME names a folder for the socket of the host",
            "name a socket with `--control SOCKET`",
        )
    })
}

fn options(arguments: &ServeArguments, data: &Path) -> Result<HostOptions, Failure> {
    let runtime = engine(&arguments.cache, arguments.log_format == HostLogFormat::Plain)?;
    let mut options =
        HostOptions::new(runtime, Clock::new(SystemTime::now()), seed(arguments.seed)).kept_in(data);
    options.tenants = tenant_file::read(arguments.tenants.as_deref())?;
    options.defaults = Defaults {
        bind: arguments.bind,
        stop_budget: Duration::from_secs(arguments.stop_timeout),
        ..Defaults::default()
    };
    options.version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(options)
}

fn say_what_is_there(controller: &Controller, problems: &[Detail], log: Log) {
    for problem in problems {
        log.warning(in_words(problem), problem.hint.as_deref());
    }
    let usual = TenantName::usual();
    for deployment in controller.services_of_all().deployments {
        let tenant = if deployment.tenant == usual {
            String::new()
        } else {
            format!(" of tenant {}", deployment.tenant)
        };
        log.info(format!("{}{tenant} is {}", deployment.deployment, deployment.state));
    }
}

/// Where everything is kept.
enum Data {
    Named(PathBuf),
    /// Removed at the end.
    Own(TempDir),
}

impl Data {
    fn of(arguments: &ServeArguments) -> Result<Self> {
        Ok(match &arguments.data_dir {
            Some(named) => Self::Named(named.clone()),
            None => Self::Own(temporary()?),
        })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Own(folder) => folder.path(),
        }
    }

    /// Removes what nobody needs any more. Nothing may run.
    fn end(self) {
        let Self::Own(folder) = self else { return };
        let folder = folder.keep();
        // What guests have nested deeply must not be removed by recursion.
        if let Err(error) = remove_tree(&folder) {
            let folder = folder.display();
            tell(format!(
                "warning: files of services are left in {folder}: {error}\n  hint: remove what you do not need there\n"
            ));
        }
    }
}
