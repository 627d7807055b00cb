"""The fabric's answers, in the SDK's own types."""

from __future__ import annotations

from pathlib import Path

from componentize_py_types import Err
from wit_world.imports import environment as fabric
from wit_world.imports import wasm_roles_role_types as wit

from ..environment import Endpoint, EndpointKind, LocalResource, Protocol, RoleInfo, RoleInstance
from ..role import Change, ConfigurationSetting, Topology

_PROTOCOLS = {
    wit.Protocol.HTTP: Protocol.HTTP,
    wit.Protocol.HTTPS: Protocol.HTTPS,
    wit.Protocol.TCP: Protocol.TCP,
    wit.Protocol.UDP: Protocol.UDP,
    wit.Protocol.ANY: Protocol.ANY,
}
_KINDS = {
    wit.EndpointKind.INPUT: EndpointKind.INPUT,
    wit.EndpointKind.INSTANCE_INPUT: EndpointKind.INSTANCE_INPUT,
    wit.EndpointKind.INTERNAL: EndpointKind.INTERNAL,
}


class Fabric:
    """Asks the fabric."""

    def deployment_id(self) -> str:
        return fabric.deployment_id()

    def is_emulated(self) -> bool:
        return fabric.is_emulated()

    def current_instance(self) -> RoleInstance:
        return _instance(fabric.current_instance())

    def roles(self) -> list[RoleInfo]:
        return [RoleInfo(role.name, tuple(map(_instance, role.instances))) for role in fabric.roles()]

    def setting(self, name: str) -> str | None:
        try:
            return fabric.configuration_setting_value(name)
        except Err:
            return None

    def local_resource(self, name: str) -> LocalResource | None:
        try:
            found = fabric.local_resource(name)
        except Err:
            return None
        return LocalResource(found.name, Path(found.root_path), found.maximum_size_in_megabytes)

    def request_recycle(self) -> None:
        fabric.request_recycle()


def changes(given: list[wit.Change]) -> list[Change]:
    """Changes, as a role hears of them."""
    return [
        Topology(change.value) if isinstance(change, wit.Change_Topology) else ConfigurationSetting(change.value)
        for change in given
    ]


def _instance(given: wit.RoleInstance) -> RoleInstance:
    endpoints = tuple(map(_endpoint, given.endpoints))
    return RoleInstance(given.id, given.role, given.fault_domain, given.update_domain, endpoints)


def _endpoint(given: wit.Endpoint) -> Endpoint:
    return Endpoint(
        given.name,
        _KINDS[given.kind],
        _PROTOCOLS[given.protocol],
        given.address,
        given.port,
        given.port_max,
        given.public_port,
    )
