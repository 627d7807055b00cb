//! `ip-name-lookup`: a stream hands the answer out address by address. The answer about a name of the deployment is there at
//! once; one of the world outside is waited for.

use std::future::poll_fn;
use std::net::IpAddr;
use std::vec;

use async_trait::async_trait;
use wasm_roles_virtual_network::LookUp;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::bindings::wasi::sockets::ip_name_lookup::{Host, HostResolveAddressStream};
use super::bindings::wasi::sockets::network::{ErrorCode, IpAddress};
use super::{Network, SocketError, SocketResult, errors};
use crate::SocketsView;

/// The answer to a look-up, as far as the guest has not taken it yet.
pub enum ResolveAddressStream {
    Waits(LookUp),
    Answered(Result<vec::IntoIter<IpAddr>, ErrorCode>),
}

impl ResolveAddressStream {
    /// Takes the answer, if there is one now.
    fn settle(&mut self) {
        if let Self::Waits(look_up) = self
            && let Some(answer) = look_up.try_finish()
        {
            *self = Self::Answered(answer.map(Vec::into_iter).map_err(errors::resolve));
        }
    }
}

#[async_trait]
impl Pollable for ResolveAddressStream {
    async fn ready(&mut self) {
        if let Self::Waits(look_up) = self {
            poll_fn(|cx| look_up.poll_ready(cx)).await;
        }
    }
}

impl Host for SocketsView<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        self.table.get(&network).map_err(SocketError::trap)?;
        let mut stream = ResolveAddressStream::Waits(self.interface.look_up(&name));
        stream.settle();
        // Only a malformed name is an error of this call; other errors come with the first address.
        if let ResolveAddressStream::Answered(Err(ErrorCode::InvalidArgument)) = stream {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let stream = self.table.push(stream);
        stream.map_err(|error| errors::table(error, ErrorCode::OutOfMemory))
    }
}

impl HostResolveAddressStream for SocketsView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let stream = self.table.get_mut(&stream).map_err(SocketError::trap)?;
        stream.settle();
        match stream {
            ResolveAddressStream::Waits(_) => Err(ErrorCode::WouldBlock.into()),
            ResolveAddressStream::Answered(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
            ResolveAddressStream::Answered(Err(code)) => Err((*code).into()),
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
