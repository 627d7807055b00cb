//! What an idle connection costs: many interfaces, each with ten connections that have carried data both ways and wait.
//!
//! Guests are not part of it: what their own memory holds of a connection is theirs. The figure is for both ends of a
//! connection together.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use wasm_roles_virtual_network::{
    Audience, EndpointGrant, Interface, Network, Policy, PortRange, TcpListener, TcpStream, Transports,
};
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

use crate::instances::Silent;
use crate::process::private_memory;

const EACH: u32 = 10;
const PORT: NonZeroU16 = NonZeroU16::new(7000).unwrap();
/// What each end sends before it waits: more than one chunk, so that queues have grown.
const MESSAGES: usize = 100;

/// Opens the connections of `count` interfaces and prints what one costs.
pub fn run(count: u32) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async {
        // The first ones pay for what all share.
        let warm = Crowd::attach(16)?;
        let _warm = warm.connect().await?;
        let crowd = Crowd::attach(count)?;
        let before = private_memory()?;
        let connections = crowd.connect().await?;
        let taken = private_memory()?.saturating_sub(before);
        let each = taken / u64::try_from(connections.len().max(1))?;
        println!("| {count} interfaces with {EACH} open connections each | measured | bar |");
        println!("|---|---|---|");
        println!("| memory of an idle connection, both ends | {each} B | 4096 B |");
        Ok(())
    })
}

struct Crowd {
    interfaces: Vec<Interface>,
    listeners: Vec<TcpListener>,
}

impl Crowd {
    fn attach(count: u32) -> Result<Self> {
        let mut policy = Policy::builder();
        let role = policy.role("Peer");
        policy.endpoint(
            role,
            EndpointGrant {
                name: "Bench".to_owned(),
                transports: Transports::Tcp,
                ports: PortRange::single(PORT),
                audience: Audience::Deployment,
            },
        );
        for ordinal in 0..count {
            let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 4)) + ordinal);
            policy.instance(role, &format!("Peer_IN_{ordinal}"), ordinal, address);
        }
        let policy = Arc::new(policy.build()?);
        let network = Network::new(Arc::clone(&policy), Arc::new(Silent));
        let interfaces: Vec<Interface> =
            policy.instances().map(|instance| network.attach(instance)).collect::<Result<_, _>>()?;
        let listen = |interface: &Interface| {
            interface.bind(SocketAddr::from((interface.address(), PORT.get())))?.listen(16)
        };
        let listeners = interfaces.iter().map(listen).collect::<Result<_, _>>()?;
        Ok(Self { interfaces, listeners })
    }

    /// Connects each interface with the next one, half as often as each has ends.
    async fn connect(&self) -> Result<Vec<(TcpStream, TcpStream)>> {
        let mut connections = Vec::new();
        let next = self.interfaces.iter().zip(&self.listeners).cycle().skip(1);
        for (client, (server, listener)) in self.interfaces.iter().zip(next) {
            for _ in 0..EACH / 2 {
                let target = SocketAddr::from((server.address(), PORT.get()));
                let client = client.connect(target)?.await?;
                let server = listener.accept().await?;
                use_it(&client, &server)?;
                use_it(&server, &client)?;
                connections.push((client, server));
            }
        }
        Ok(connections)
    }
}

/// Sends messages that wait in the queue together, and reads them.
fn use_it(from: &TcpStream, to: &TcpStream) -> Result<()> {
    for _ in 0..MESSAGES {
        from.try_write(&mut Bytes::from(vec![7; 2048]))?;
    }
    let mut read = 0;
    while let Some(data) = to.try_read(usize::MAX)? {
        read += data.len();
    }
    ensure!(read == MESSAGES * 2048, "what was sent did not arrive");
    to.try_read(1)?
        .map_or(Ok(()), |_| Err(wasmtime::format_err!("there is more")))
        .context("an idle connection has nothing to read")
}
