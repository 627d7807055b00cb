//! The commands that look at what runs on a host.

use anyhow::{Context, Result};
use serde::Serialize;
use wasm_roles_control_interface::{
    DeploymentRef, EndOfStream, EventLine, JournalQuery, Lines, LogLine, Streamed, TopTable,
};
use wasm_roles_fabric::Line;

use super::Ending;
use crate::arguments::{
    EventsArguments, Format, HostArguments, LineArguments, LogsArguments, PsArguments, StatusArguments,
    TopArguments, WatchArguments,
};
use crate::control::{self, only_deployment};
use crate::failure::Failure;
use crate::output::{self, Reader, tell};
use crate::signals::StopSignals;
use crate::words::host as words;
use crate::words::{GuestLines, colored_output, terminal};

/// Lists deployments.
pub async fn ps(arguments: PsArguments) -> Result<Ending> {
    let client = control::client(&arguments.control)?;
    let ask = async || Ok(client.services().await?);
    let page = |list: &_| words::list(list, terminal::line_length());
    shown(&arguments.watch, arguments.control.format, ask, page).await
}

/// Shows the host itself.
pub async fn host(arguments: HostArguments) -> Result<Ending> {
    let client = control::client(&arguments.control)?;
    let ask = async || Ok(client.host().await?);
    let page = |info: &_| words::info(info, terminal::line_length());
    shown(&arguments.watch, arguments.control.format, ask, page).await
}

/// Shows one deployment.
pub async fn status(arguments: StatusArguments) -> Result<Ending> {
    let client = control::client(&arguments.control)?;
    let deployment = only_deployment(&client, arguments.of.deployment.as_ref()).await?;
    let ask = async || Ok(client.status(&deployment).await?);
    let page = |status: &_| words::status(status, terminal::line_length());
    shown(&arguments.watch, arguments.control.format, ask, page).await
}

/// Shows what instances use.
pub async fn top(arguments: TopArguments) -> Result<Ending> {
    let client = control::client(&arguments.control)?;
    let deployment = only_deployment(&client, arguments.of.deployment.as_ref()).await?;
    let ask = async || Ok(client.top(&deployment).await?);
    let mut before: Option<TopTable> = None;
    let page = |table: &TopTable| {
        let page = words::top(table, before.as_ref(), terminal::line_length());
        before = Some(table.clone());
        page
    };
    shown(&arguments.watch, arguments.control.format, ask, page).await
}

/// Asks and shows the answer, once or until nobody wants it any more.
async fn shown<T: Serialize>(
    watch: &WatchArguments,
    format: Format,
    mut ask: impl AsyncFnMut() -> Result<T, Failure>,
    mut page: impl FnMut(&T) -> String,
) -> Result<Ending> {
    if !watch.watch {
        let answer = ask().await?;
        match format {
            Format::Human => output::print(page(&answer))?,
            Format::Json => output::print_json(&answer)?,
        }
        return Ok(Ending::Done);
    }
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    let mut is_first = true;
    loop {
        let answer = ask().await?;
        let text = match format {
            Format::Json => output::json_line(&answer)?,
            Format::Human if terminal::is_screen() => format!("{}{}", terminal::CLEAR, page(&answer)).into(),
            Format::Human if is_first => page(&answer).into(),
            Format::Human => format!("\n{}", page(&answer)).into(),
        };
        if output::print_to_reader(text)? == Reader::Gone {
            return Ok(Ending::Done);
        }
        is_first = false;
        tokio::select! {
            biased;
            () = signals.next() => return Ok(Ending::Done),
            () = tokio::time::sleep(watch.interval) => {}
        }
    }
}

/// Prints what guests have written.
pub async fn logs(arguments: LogsArguments) -> Result<Ending> {
    let LogsArguments { target, of, lines, no_prefix, control } = arguments;
    let client = control::client(&control)?;
    let deployment = only_deployment(&client, of.deployment.as_ref()).await?;
    let guests = if no_prefix {
        GuestLines::raw()
    } else {
        let status = client.status(&deployment).await.map_err(Failure::from)?;
        GuestLines::prefixed(status.instances.iter().map(|row| row.instance.as_str()), colored_output())
    };
    let stream = client.logs(&deployment, &query(&lines, target)).await.map_err(Failure::from)?;
    let line = |line: LogLine| {
        let text = Line { bytes: line.message.into_bytes(), cut: line.cut };
        guests.line(&line.instance, line.task.as_deref(), &text)
    };
    told(stream, control.format, &deployment, line).await
}

/// Prints what has happened.
pub async fn events(arguments: EventsArguments) -> Result<Ending> {
    let EventsArguments { of, lines, control } = arguments;
    let client = control::client(&control)?;
    let deployment = only_deployment(&client, of.deployment.as_ref()).await?;
    let stream = client.events(&deployment, &query(&lines, None)).await.map_err(Failure::from)?;
    told(stream, control.format, &deployment, |event: EventLine| words::event(&event).into_bytes()).await
}

fn query(lines: &LineArguments, of: Option<String>) -> JournalQuery {
    JournalQuery { after: lines.after, last: lines.last, follow: lines.follow, of }
}

/// Prints a stream until its end, or until nobody wants it any more.
async fn told<T: Serialize + serde::de::DeserializeOwned>(
    mut stream: Lines<T>,
    format: Format,
    deployment: &DeploymentRef,
    mut line: impl FnMut(T) -> Vec<u8>,
) -> Result<Ending> {
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    loop {
        let next = tokio::select! {
            biased;
            () = signals.next() => return Ok(Ending::Done),
            next = stream.next() => next.map_err(Failure::from)?,
        };
        let text = match (next, format) {
            (None, _) => return Ok(Ending::Done),
            (Some(next), Format::Json) => output::json_line(&next)?,
            (Some(Streamed::Line(next)), Format::Human) => line(next),
            (Some(Streamed::Gap { missed }), Format::Human) => {
                tell(format!("note: {missed} lines are not there any more\n"));
                continue;
            }
            (Some(Streamed::End { reason }), Format::Human) => {
                match reason {
                    EndOfStream::Complete => {}
                    EndOfStream::Deleted => tell(format!("note: {deployment} was deleted\n")),
                    EndOfStream::Stopping => tell("note: the host stops\n"),
                }
                continue;
            }
        };
        if output::print_to_reader(text)? == Reader::Gone {
            return Ok(Ending::Done);
        }
    }
}
