//! The table at the start: what runs, and where it can be reached.

use wasm_roles_fabric::Published;
use wasm_roles_service_plan::{PlannedEndpoint, PlannedInstance, Protocol, Transport};

use super::Started;

/// The service, its instances and its public ports.
pub fn table(started: &Started<'_>) -> String {
    let plan = started.plan;
    let configuration =
        started.configuration.map_or("no configuration".to_owned(), |file| format!("configuration {file}"));
    let mut text =
        format!("Service {}, {configuration}\nDeployment {}\n\n", plan.service, started.deployment_id);
    let heading = ["INSTANCE", "ROLE", "ADDRESS", "ENDPOINTS"].map(str::to_owned);
    text.push_str(&aligned(heading, plan.instances.iter().map(instance_row)));
    if !started.published.is_empty() {
        let heading = ["PUBLIC PORT", "ROLE", "ENDPOINT", "LISTENS ON"].map(str::to_owned);
        text.push('\n');
        text.push_str(&aligned(heading, started.published.iter().map(port_row)));
    }
    text.push('\n');
    text
}

fn instance_row(instance: &PlannedInstance) -> [String; 4] {
    let endpoints: Vec<String> = instance.endpoints.iter().map(endpoint).collect();
    let endpoints = if endpoints.is_empty() { "-".to_owned() } else { endpoints.join(", ") };
    [instance.id.to_string(), instance.role.to_string(), instance.address.to_string(), endpoints]
}

/// Such as `HttpIn http 8080`.
fn endpoint(endpoint: &PlannedEndpoint) -> String {
    let ports = match (endpoint.port, endpoint.port_max) {
        (0, _) => "every port".to_owned(),
        (first, Some(last)) => format!("{first}-{last}"),
        (only, None) => only.to_string(),
    };
    format!("{} {} {ports}", endpoint.name, endpoint.protocol)
}

fn port_row(published: &Published) -> [String; 4] {
    let public = &published.public;
    let transport = match public.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let who = public.instance.as_ref().map_or_else(|| public.role.to_string(), ToString::to_string);
    let place = match published.at {
        Some(at) if public.protocol == Protocol::Http => format!("http://{at}/"),
        Some(at) => at.to_string(),
        None => format!("- ({} is not served by this version)", public.protocol),
    };
    [format!("{}/{transport}", public.port), who, public.endpoint.clone(), place]
}

/// Rows in columns as wide as their widest cell; the last one ends where it ends.
fn aligned<const N: usize>(heading: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    const GAP: usize = 2;
    let rows: Vec<[String; N]> = std::iter::once(heading).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}", width = width + GAP));
        let mut line = cells.collect::<String>().trim_end().to_owned();
        line.push('\n');
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let text =
            aligned(row(["A", "BB", "C"]), [row(["aaaa", "b", "c c c"]), row(["grün", "", ""])].into_iter());
        assert_eq!(text, "A     BB  C\naaaa  b   c c c\ngrün\n");
    }
}
