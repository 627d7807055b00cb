//! Where the public ports of a slot listen, by their numbers in the definition: `53` for TCP and `53/udp` for UDP, since one number
//! can be open for both, each at a place of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use wasm_roles_fabric::Published;
use wasm_roles_service_plan::{PublicPort, Transport};

/// Where public ports listen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Places(BTreeMap<Key, SocketAddr>);

/// A public port of the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    port: u16,
    is_udp: bool,
}

impl Places {
    /// Where these listen.
    pub(crate) fn of_all(published: &[Published]) -> Self {
        Self(published.iter().map(|published| (Key::of(&published.public), published.at)).collect())
    }

    /// Where this one listens. A record that says nothing of UDP is one of a time when one place held for both.
    pub(crate) fn of(&self, public: &PublicPort) -> Option<SocketAddr> {
        let key = Key::of(public);
        self.0.get(&key).or_else(|| self.0.get(&Key { is_udp: false, ..key })).copied()
    }
}

impl Key {
    fn of(public: &PublicPort) -> Self {
        Self { port: public.port.get(), is_udp: public.transport == Transport::Udp }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.port, if self.is_udp { "/udp" } else { "" })
    }
}

impl FromStr for Key {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (port, is_udp) = match text.strip_suffix("/udp") {
            Some(port) => (port, true),
            None => (text, false),
        };
        Ok(Self { port: port.parse()?, is_udp })
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| de::Error::custom(format!("`{}` is no port: {error}", text.escape_debug())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;
    use wasm_roles_service_model::{Options, Source};

    /// Port 53 for TCP and for UDP.
    fn public() -> Vec<PublicPort> {
        let schema = "http://schemas.microsoft.com/ServiceHosting/2008/10";
        let text = format!(
            r#"<ServiceDefinition name="Svc" xmlns="{schema}/ServiceDefinition"><WorkerRole name="W"><Endpoints>
                <InputEndpoint name="T" protocol="tcp" port="53" /><InputEndpoint name="U" protocol="udp" port="53" />
            </Endpoints></WorkerRole></ServiceDefinition>"#
        );
        let sources = Sources {
            definition: Source { name: "Svc.csdef".to_owned(), text },
            configuration: None,
            overlays: Vec::new(),
            options: Options::default(),
            limits: Vec::new(),
            confined_to: None,
        };
        let (model, _) = sources.model(None, &BTreeMap::new()).unwrap();
        sources.plan(&model).unwrap().public
    }

    #[test]
    fn one_number_has_a_place_for_tcp_and_one_for_udp_and_both_are_written() {
        let public = public();
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let published: Vec<Published> = public
            .iter()
            .zip([40_001, 50_002])
            .map(|(public, port)| Published { public: public.clone(), at: at(port) })
            .collect();
        let places = Places::of_all(&published);
        let written = serde_json::to_string(&places).unwrap();
        assert_eq!(written, r#"{"53":"127.0.0.1:40001","53/udp":"127.0.0.1:50002"}"#);
        let read: Places = serde_json::from_str(&written).unwrap();
        let found: Vec<Option<SocketAddr>> = public.iter().map(|public| read.of(public)).collect();
        assert_eq!(found, [Some(at(40_001)), Some(at(50_002))]);
        let before: Places = serde_json::from_str(r#"{"53":"127.0.0.1:40001"}"#).unwrap();
        assert_eq!(before.of(&public[1]), Some(at(40_001)));
        assert!(serde_json::from_str::<Places>(r#"{"53/tcp":"127.0.0.1:1"}"#).is_err());
    }
}
