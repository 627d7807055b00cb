//! `wasi:sockets/ip-name-lookup` 0.3.

use wasm_roles_virtual_network::NetError;
use wasmtime::component::Accessor;

use super::bindings::wasi::sockets::ip_name_lookup::{ErrorCode, Host, HostWithStore};
use super::bindings::wasi::sockets::types::IpAddress;
use super::ip_address;
use crate::{Sockets, SocketsView};

impl Host for SocketsView<'_> {}

impl<T: Send + 'static> HostWithStore<T> for Sockets {
    async fn resolve_addresses(
        store: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<IpAddress>, ErrorCode>> {
        let resolved = store.with(|mut access| access.get().interface.resolve(&name));
        Ok(match resolved {
            Ok(addresses) => Ok(addresses.into_iter().map(ip_address).collect()),
            Err(NetError::AccessDenied) => Err(ErrorCode::AccessDenied),
            Err(_) => Err(ErrorCode::NameUnresolvable),
        })
    }
}
