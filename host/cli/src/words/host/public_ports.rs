//! Where a deployment can be reached.

use wasm_roles_control_interface::PublicAddress;

use super::super::columns::fitted;

/// A table; nothing when there are no public ports.
pub fn public_ports(addresses: &[PublicAddress], line_length: Option<usize>) -> String {
    if addresses.is_empty() {
        return String::new();
    }
    let heading = ["PUBLIC PORT", "ROLE", "ENDPOINT", "LISTENS ON"];
    fitted(&heading, addresses.iter().map(row).collect(), line_length)
}

fn row(address: &PublicAddress) -> Vec<String> {
    let transport = if address.protocol == "udp" { "udp" } else { "tcp" };
    let place = match address.protocol.as_str() {
        web @ ("http" | "https") => format!("{web}://{}/", address.at),
        _ => address.at.to_string(),
    };
    let who = address.instance.as_ref().unwrap_or(&address.role).clone();
    vec![format!("{}/{transport}", address.port), who, address.endpoint.clone(), place]
}
