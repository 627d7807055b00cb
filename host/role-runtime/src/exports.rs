//! Finding and calling what a component exports.
//!
//! Functions are looked up by name once, when the component is loaded, and typed once per instance. A function that
//! the contract calls async may be lifted synchronously by the guest's toolchain; both are accepted.

use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, Resource, TypedFunc,
};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::p3::bindings::{Service, ServiceIndices};

use crate::component::{RoleShape, WasiVersion};
use crate::events::{EventExports, EventIndices};
use crate::sandbox::Sandbox;

/// Where the functions of a component are.
pub(crate) struct ExportIndices {
    entry_point: Option<EntryPointIndices>,
    pub(crate) events: EventIndices,
    program: Option<(WasiVersion, ComponentExportIndex)>,
    http: Option<(WasiVersion, ComponentExportIndex)>,
}

struct EntryPointIndices {
    on_start: ComponentExportIndex,
    run: ComponentExportIndex,
    on_stop: ComponentExportIndex,
}

impl ExportIndices {
    pub(crate) fn find(component: &Component) -> Self {
        // Within 0.2 and within 0.3 versions are compatible, and wasmtime finds the one that is there.
        let function = |interface: &str, name: &str| {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), name)
        };
        let entry_point = |name| function("wasm-roles:role/entry-point@0.1.0", name);
        let versioned = |old: (&str, &str), new: (&str, &str)| {
            let new = function(new.0, new.1).map(|index| (WasiVersion::V0_3, index));
            new.or_else(|| function(old.0, old.1).map(|index| (WasiVersion::V0_2, index)))
        };
        Self {
            entry_point: (|| {
                Some(EntryPointIndices {
                    on_start: entry_point("on-start")?,
                    run: entry_point("run")?,
                    on_stop: entry_point("on-stop")?,
                })
            })(),
            events: EventIndices::find(function),
            program: versioned(("wasi:cli/run@0.2.0", "run"), ("wasi:cli/run@0.3.0", "run")),
            http: versioned(
                ("wasi:http/incoming-handler@0.2.0", "handle"),
                ("wasi:http/handler@0.3.0", "handle"),
            ),
        }
    }

    /// The 0.2 handler alone, of an instance that is made for one request. `None` if the component has none.
    pub(crate) fn handle_0_2(
        &self,
        store: &mut Store<Sandbox>,
        instance: &Instance,
    ) -> wasmtime::Result<Option<Handle02>> {
        match &self.http {
            Some((WasiVersion::V0_2, index)) => typed(store, instance, index).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn shape(&self) -> RoleShape {
        RoleShape {
            entry_point: self.entry_point.is_some(),
            events: !self.events.is_empty(),
            program: self.program.map(|(version, _)| version),
            http: self.http.map(|(version, _)| version),
        }
    }
}

/// The functions of one instance.
pub(crate) struct Exports {
    pub(crate) entry_point: Option<EntryPoint>,
    pub(crate) events: EventExports,
    pub(crate) program: Option<TypedFunc<(), (Result<(), ()>,)>>,
    pub(crate) handler: Option<Handler>,
}

pub(crate) struct EntryPoint {
    pub(crate) on_start: TypedFunc<(), (Result<(), String>,)>,
    pub(crate) run: TypedFunc<(), (Result<(), String>,)>,
    pub(crate) on_stop: TypedFunc<(), ()>,
}

/// `handle` of `wasi:http/incoming-handler` 0.2.
pub(crate) type Handle02 = TypedFunc<(Resource<HostIncomingRequest>, Resource<HostResponseOutparam>), ()>;

/// What answers requests.
pub(crate) enum Handler {
    V0_2(Handle02),
    V0_3(Service),
}

impl Exports {
    /// # Errors
    ///
    /// When a function does not have the type that the contract gives it.
    pub(crate) fn load(
        store: &mut Store<Sandbox>,
        instance: &Instance,
        pre: &wasmtime::component::InstancePre<Sandbox>,
        indices: &ExportIndices,
    ) -> wasmtime::Result<Self> {
        let entry_point = match &indices.entry_point {
            Some(found) => Some(EntryPoint {
                on_start: typed(store, instance, &found.on_start)?,
                run: typed(store, instance, &found.run)?,
                on_stop: typed(store, instance, &found.on_stop)?,
            }),
            None => None,
        };
        let events = EventExports::load(store, instance, &indices.events)?;
        let program = indices.program.as_ref().map(|(_, index)| typed(store, instance, index)).transpose()?;
        let handler = match &indices.http {
            Some((WasiVersion::V0_2, index)) => Some(Handler::V0_2(typed(store, instance, index)?)),
            Some((WasiVersion::V0_3, _)) => {
                Some(Handler::V0_3(ServiceIndices::new(pre)?.load(&mut *store, instance)?))
            }
            None => None,
        };
        Ok(Self { entry_point, events, program, handler })
    }
}

pub(crate) fn typed<Params, Return>(
    store: &mut Store<Sandbox>,
    instance: &Instance,
    index: &ComponentExportIndex,
) -> wasmtime::Result<TypedFunc<Params, Return>>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    instance.get_typed_func(store, index)
}
