//! `ip-name-lookup`. The answer about a name of the deployment is there at once; one of the world outside is waited for.

use wasmtime::component::Accessor;
use wasmtime_wasi::TrappableError;

use super::bindings::wasi::sockets::ip_name_lookup::{ErrorCode, Host, HostWithStore, IpAddress};
use super::errors;
use crate::{Sockets, SocketsView};

pub(super) type LookUpError = TrappableError<ErrorCode>;

impl Host for SocketsView<'_> {
    fn convert_error_code(&mut self, error: LookUpError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

impl<T: Send + 'static> HostWithStore<T> for Sockets {
    async fn resolve_addresses(
        store: &Accessor<T, Self>,
        name: String,
    ) -> Result<Vec<IpAddress>, LookUpError> {
        let answer = store.with(|mut access| access.get().interface.look_up(&name)).await;
        Ok(answer.map_err(errors::resolve)?.into_iter().map(IpAddress::from).collect())
    }
}
