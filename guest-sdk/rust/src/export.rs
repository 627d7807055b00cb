//! From a [`Role`] to the exports of a component: the macros, and the glue that they name.

use std::marker::PhantomData;

use crate::bindings::exports::wasm_roles::role::{entry_point, events};
use crate::bindings::wasm_roles::role::types as wit;
use crate::http::HttpHandler;
use crate::role::{Change, Role, Status, Verdict, reason};

#[doc(hidden)]
pub use wasip3;

/// The one value of a role in its component. Implemented by the export macros.
pub trait Singleton: Sized + 'static {
    /// The value, made when first asked for.
    fn get() -> &'static Self;
}

/// Compiles if `R` is a role, so that a host build finds the same mistakes as a component build.
pub const fn is_role<R: Role + Singleton>() {}

/// As [`is_role`], for a web role.
pub const fn is_web_role<R: HttpHandler + Singleton>() {}

/// The component's exports, in the shape that `wit-bindgen` asks for.
pub struct Exported<R>(PhantomData<R>);

impl<R: Role + Singleton> entry_point::Guest for Exported<R> {
    async fn on_start() -> Result<(), String> {
        R::get().on_start().await.map_err(|error| reason(error.as_ref()))
    }

    async fn run() -> Result<(), String> {
        R::get().run().await.map_err(|error| reason(error.as_ref()))
    }

    async fn on_stop() {
        R::get().on_stop().await;
    }
}

impl<R: Role + Singleton> events::Guest for Exported<R> {
    async fn changing(changes: Vec<wit::Change>) -> wit::Verdict {
        match R::get().changing(from_wit(changes)).await {
            Verdict::Accept => wit::Verdict::Accept,
            Verdict::Recycle => wit::Verdict::Recycle,
        }
    }

    async fn changed(changes: Vec<wit::Change>) {
        R::get().changed(from_wit(changes)).await;
    }

    async fn status_check() -> wit::Status {
        match R::get().status_check().await {
            Status::Ready => wit::Status::Ready,
            Status::Busy => wit::Status::Busy,
        }
    }

    async fn stopping() {
        R::get().stopping().await;
    }

    async fn simultaneous_changing(changes: Vec<wit::Change>) {
        R::get().simultaneous_changing(from_wit(changes)).await;
    }

    async fn simultaneous_changed(changes: Vec<wit::Change>) {
        R::get().simultaneous_changed(from_wit(changes)).await;
    }
}

fn from_wit(changes: Vec<wit::Change>) -> Vec<Change> {
    changes
        .into_iter()
        .map(|change| match change {
            wit::Change::ConfigurationSetting(name) => Change::ConfigurationSetting(name),
            wit::Change::Topology(role) => Change::Topology(role),
        })
        .collect()
}

/// Makes a component of a [`Role`]: exports `entry-point` and `events`. Use it once in a crate.
///
/// ```no_run
/// #[derive(Default)]
/// struct Idle;
/// impl wasm_roles_sdk::Role for Idle {}
/// wasm_roles_sdk::export_role!(Idle);
/// ```
#[macro_export]
macro_rules! export_role {
    ($role:ty) => {
        #[doc(hidden)]
        #[allow(unsafe_code, reason = "the exports of a component are raw functions")]
        const _: () = {
            impl $crate::export::Singleton for $role {
                fn get() -> &'static Self {
                    ::std::thread_local! {
                        static ROLE: &'static $role = ::std::boxed::Box::leak(::std::boxed::Box::default());
                    }
                    ROLE.with(|role| *role)
                }
            }
            $crate::export::is_role::<$role>();
            // The names of a component's exports are no symbols for a native linker.
            #[cfg(target_family = "wasm")]
            $crate::bindings::export_worker_role! { Exported with_types_in $crate::bindings }
            #[allow(dead_code, reason = "exported from components only")]
            type Exported = $crate::export::Exported<$role>;
        };
    };
}

/// Makes a component of a [`Role`] that is also an [`HttpHandler`](crate::http::HttpHandler): exports
/// `wasi:http/handler` beside what [`export_role!`] exports. Use it once in a crate.
#[macro_export]
macro_rules! export_web_role {
    ($role:ty) => {
        $crate::export_role!($role);
        #[doc(hidden)]
        #[allow(unsafe_code, reason = "the exports of a component are raw functions")]
        const _: () = {
            $crate::export::is_web_role::<$role>();
            #[cfg(target_family = "wasm")]
            $crate::export::wasip3::http::service::export!(Exported);
            #[allow(dead_code, reason = "exported from components only")]
            type Exported = $crate::export::Exported<$role>;
        };
    };
}
