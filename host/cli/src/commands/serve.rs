//! `wasm-roles serve`: many services, for the other commands.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::sync::oneshot;
use wasm_roles_control_interface::{Detail, TenantName};
use wasm_roles_control_server::{ListenError, Server, ServerLimits, TokenFile};
use wasm_roles_controller::{Controller, Defaults, HostOptions};
use wasm_roles_fabric::{Clock, remove_tree};

use super::Ending;
use super::run::{engine, seed};
use crate::arguments::ServeArguments;
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
    let socket = socket(&arguments)?;
    let data = Data::of(&arguments)?;
    let opening = Controller::open(options(&arguments, data.path())?);
    let opened = tokio::select! {
        biased;
        () = signals.next() => return Ok(Ending::Interrupted),
        opened = opening => opened,
    };
    let (controller, problems) = opened.map_err(Failure::from)?;
    let mut server = Server::new(controller.clone(), ServerLimits::default());
    server.unix(&socket).map_err(Failure::from)?;
    let port = match (arguments.listen, &arguments.tokens) {
        (Some(at), Some(tokens)) => {
            let tokens = TokenFile::open(tokens).map_err(ListenError::from).map_err(Failure::from)?;
            Some(server.tcp(at, tokens).await.map_err(Failure::from)?)
        }
        _ => None,
    };
    say_what_is_there(&controller, &problems);
    tell(format!("Ready on {}\n", socket.display()));
    if let Some(at) = port {
        tell(format!("Ready on http://{at} for those who have a token\n"));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    signals.next().await;
    let ending = close(&controller, &mut signals).await;
    drop(stop);
    if ending == Ending::Done {
        // It has a time to stop of its own.
        tokio::select! {
            biased;
            () = signals.next() => return Ok(Ending::Interrupted),
            _ = serving => {}
        }
        tell("Stopped\n");
        data.end();
    }
    Ok(ending)
}

/// Stops all services. One more signal cuts off what has not stopped, and one more gives that up too.
async fn close(controller: &Controller, signals: &mut StopSignals) -> Ending {
    let running = controller.services_of_all().deployments.len();
    if running > 0 {
        let s = if running == 1 { "" } else { "s" };
        tell(format!("Stopping {running} deployment{s}; Ctrl-C again cuts off what has not stopped\n"));
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
    let runtime = engine(arguments.cache_dir.clone())?;
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

fn say_what_is_there(controller: &Controller, problems: &[Detail]) {
    for problem in problems {
        tell(format!("warning: {}\n", in_words(problem)));
        if let Some(hint) = &problem.hint {
            tell(format!("  hint: {hint}\n"));
        }
    }
    let usual = TenantName::usual();
    for deployment in controller.services_of_all().deployments {
        let tenant = if deployment.tenant == usual {
            String::new()
        } else {
            format!(" of tenant {}", deployment.tenant)
        };
        tell(format!("{}{tenant} is {}\n", deployment.deployment, deployment.state));
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
