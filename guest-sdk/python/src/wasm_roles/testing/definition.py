"""The roles of a deployment that is only described."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from ..environment import Endpoint, EndpointKind, Protocol, RoleInfo, RoleInstance

_FIRST_ADDRESS = ipaddress.IPv4Address("10.0.0.4")


@dataclass(frozen=True)
class _DefinedEndpoint:
    name: str
    kind: EndpointKind
    protocol: Protocol
    port: int
    public_port: int | None


@dataclass(frozen=True)
class DefinedRole:
    """A role as a service definition would declare it, and how many instances it has.

    Its instances get what the fabric gives: addresses from 10.0.0.4 on, in the order of the roles and instances; the fault
    domain ``n % 2`` and the upgrade domain ``n % 5``.
    """

    name: str
    instances: int = 1
    endpoints: tuple[_DefinedEndpoint, ...] = ()

    def input_endpoint(self, name: str, protocol: Protocol, port: int) -> DefinedRole:
        """The same with an endpoint for the public, on one port inside and outside."""
        return self._with(_DefinedEndpoint(name, EndpointKind.INPUT, protocol, port, port))

    def instance_input_endpoint(self, name: str, protocol: Protocol, port: int, first_public_port: int) -> DefinedRole:
        """The same with an endpoint that is public for each instance: that of instance ``n`` is ``first_public_port + n``
        outside."""
        return self._with(_DefinedEndpoint(name, EndpointKind.INSTANCE_INPUT, protocol, port, first_public_port))

    def internal_endpoint(self, name: str, protocol: Protocol, port: int) -> DefinedRole:
        """The same with an endpoint for the instances of the deployment. It makes the role's instances visible to others."""
        return self._with(_DefinedEndpoint(name, EndpointKind.INTERNAL, protocol, port, None))

    def _with(self, endpoint: _DefinedEndpoint) -> DefinedRole:
        return replace(self, endpoints=(*self.endpoints, endpoint))

    @property
    def is_visible(self) -> bool:
        """Whether other instances may see those of this role."""
        return any(endpoint.kind is EndpointKind.INTERNAL for endpoint in self.endpoints)


class Layout:
    """All roles of a deployment, and the addresses that their instances have for as long as the deployment lasts."""

    def __init__(self, roles: list[DefinedRole]) -> None:
        self._given = 0
        self.roles = roles
        self._addresses: dict[str, list[str]] = {role.name: [] for role in roles}
        self._give_addresses()

    def _give_addresses(self) -> None:
        for role in self.roles:
            addresses = self._addresses[role.name]
            while len(addresses) < role.instances:
                addresses.append(str(_FIRST_ADDRESS + self._given))
                self._given += 1

    def resize(self, name: str, instances: int) -> None:
        """Gives a role another number of instances."""
        self.roles = [replace(role, instances=instances) if role.name == name else role for role in self.roles]
        del self._addresses[name][instances:]
        self._give_addresses()

    def instances_of(self, role: DefinedRole) -> list[RoleInstance]:
        """All instances of a role, by index."""
        return [_instance(role, number, address) for number, address in enumerate(self._addresses[role.name])]

    def visible_to(self, asker: RoleInstance) -> list[RoleInfo]:
        """What an instance may see: roles with an internal endpoint, and itself."""
        found = []
        for role in self.roles:
            seen = [one for one in self.instances_of(role) if role.is_visible or one.id == asker.id]
            found.append(RoleInfo(role.name, tuple(seen)))
        return found


def _instance(role: DefinedRole, number: int, address: str) -> RoleInstance:
    endpoints = tuple(_endpoint(endpoint, number, address) for endpoint in role.endpoints)
    return RoleInstance(f"{role.name}_IN_{number}", role.name, number % 2, number % 5, endpoints)


def _endpoint(defined: _DefinedEndpoint, number: int, address: str) -> Endpoint:
    public = defined.public_port
    if public is not None and defined.kind is EndpointKind.INSTANCE_INPUT:
        public += number
    return Endpoint(defined.name, defined.kind, defined.protocol, address, defined.port, None, public)
