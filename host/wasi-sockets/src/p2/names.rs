//! `wasi:sockets/ip-name-lookup` 0.2.

use std::net::IpAddr;
use std::vec::IntoIter;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::bindings::wasi::sockets::ip_name_lookup::{Host, HostResolveAddressStream};
use super::bindings::wasi::sockets::network::IpAddress;
use super::{InstanceNetwork, SocketResult, ip_address, net_error, table_error};
use crate::SocketsView;

/// The answer to a look-up: it is known at once.
pub struct Addresses(IntoIter<IpAddr>);

#[async_trait::async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {}
}

impl Host for SocketsView<'_> {
    fn resolve_addresses(
        &mut self,
        _: Resource<InstanceNetwork>,
        name: String,
    ) -> SocketResult<Resource<Addresses>> {
        let addresses = self.interface.resolve(&name).map_err(net_error)?;
        self.table.push(Addresses(addresses.into_iter())).map_err(table_error)
    }
}

impl HostResolveAddressStream for SocketsView<'_> {
    fn resolve_next_address(&mut self, stream: Resource<Addresses>) -> SocketResult<Option<IpAddress>> {
        Ok(self.table.get_mut(&stream).map_err(table_error)?.0.next().map(ip_address))
    }

    fn subscribe(&mut self, stream: Resource<Addresses>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, stream)
    }

    fn drop(&mut self, stream: Resource<Addresses>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}
