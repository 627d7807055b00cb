//! Where the public ports of a service listen on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;
use wasm_roles_fabric::{Problem, Publication};
use wasm_roles_service_plan::{Plan, Port};

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct PublicationArguments {
    /// Let a public port listen elsewhere, for example 80=127.0.0.1:8080
    #[arg(long, value_name = "PUBLIC=ADDR:PORT", value_parser = parse_publish)]
    pub publish: Vec<(Port, SocketAddr)>,

    /// The address that the other public ports listen on
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
}

impl PublicationArguments {
    /// For a deployment.
    pub fn publication(&self) -> Publication {
        Publication { bind: self.bind, at: self.publish.iter().copied().collect(), ..Publication::default() }
    }

    /// What a deployment of the plan would say about places for ports that the plan does not have.
    pub fn problems(&self, plan: &Plan) -> Vec<Problem> {
        let known: Vec<Port> = plan.public.iter().map(|public| public.port).collect();
        let unknown = self.publication().at.into_keys().filter(|port| !known.contains(port));
        unknown.map(|port| Problem::UnknownPublicPort { port, known: known.clone() }).collect()
    }
}

pub(super) fn parse_publish(text: &str) -> Result<(Port, SocketAddr), String> {
    let (public, place) =
        text.split_once('=').ok_or("it has the form PUBLIC=ADDR:PORT, as in 80=127.0.0.1:8080")?;
    let public = public.parse().ok().and_then(Port::new).ok_or_else(|| format!("`{public}` is no port"))?;
    let place =
        place.parse().map_err(|_| format!("`{place}` is no address with port, such as 127.0.0.1:8080"))?;
    Ok((public, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_public_ports_are_read() {
        let (port, place) = parse_publish("80=127.0.0.1:8080").unwrap();
        assert_eq!((port.get(), place), (80, "127.0.0.1:8080".parse().unwrap()));
        assert!(parse_publish("443=[::1]:8443").is_ok());
        for wrong in ["80", "0=127.0.0.1:1", "x=127.0.0.1:1", "80=8080", "80=localhost:80", "80="] {
            assert!(parse_publish(wrong).is_err(), "{wrong}");
        }
    }
}
