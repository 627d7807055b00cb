//! `ip-name-lookup`: every answer is there at once, and a stream hands it out address by address.

use std::net::IpAddr;
use std::vec;

use async_trait::async_trait;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::bindings::wasi::sockets::ip_name_lookup::{Host, HostResolveAddressStream};
use super::bindings::wasi::sockets::network::{ErrorCode, IpAddress};
use super::{Network, SocketError, SocketResult, errors};
use crate::SocketsView;

/// The answer to a look-up, as far as the guest has not taken it yet.
pub struct ResolveAddressStream(Result<vec::IntoIter<IpAddr>, ErrorCode>);

#[async_trait]
impl Pollable for ResolveAddressStream {
    async fn ready(&mut self) {}
}

impl Host for SocketsView<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        self.table.get(&network).map_err(SocketError::trap)?;
        let answer = match self.interface.resolve(&name).map_err(errors::resolve) {
            // Only a malformed name is an error of this call; other errors come with the first address.
            Err(ErrorCode::InvalidArgument) => return Err(ErrorCode::InvalidArgument.into()),
            answer => answer.map(Vec::into_iter),
        };
        let stream = self.table.push(ResolveAddressStream(answer));
        stream.map_err(|error| errors::table(error, ErrorCode::OutOfMemory))
    }
}

impl HostResolveAddressStream for SocketsView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        match &mut self.table.get_mut(&stream).map_err(SocketError::trap)?.0 {
            Ok(addresses) => Ok(addresses.next().map(IpAddress::from)),
            Err(code) => Err((*code).into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}
