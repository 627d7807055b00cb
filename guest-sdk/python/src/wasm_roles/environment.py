"""What a role can ask about itself and its deployment.

In a component the fabric answers; in a role's unit tests on the developer's machine, the test double does
(``wasm_roles.testing``). Every function is cheap and answers at once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Protocol as Interface


class Protocol(enum.Enum):
    """The protocol that the service definition names for an endpoint."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"
    UDP = "udp"
    ANY = "any"


class EndpointKind(enum.Enum):
    """Who can reach an endpoint."""

    INPUT = "input"
    """The public, balanced over the ready instances of the role."""
    INSTANCE_INPUT = "instance-input"
    """The public, one port for each instance."""
    INTERNAL = "internal"
    """The instances of the deployment, as the traffic rules allow."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of one role instance."""

    name: str
    """The name in the service definition, unique within the role."""
    kind: EndpointKind
    """Who can reach it."""
    protocol: Protocol
    """Its protocol."""
    address: str
    """The instance's own address, such as ``10.0.0.4``."""
    port: int
    """The port to listen on; the first one of a range; 0 for an endpoint of protocol ``any`` without a port."""
    last_port: int | None = None
    """The last port, if the endpoint is a range of ports."""
    public_port: int | None = None
    """The port seen from outside; none for an internal endpoint."""

    @property
    def socket_address(self) -> tuple[str, int]:
        """Where the instance listens, and where others connect to: ``asyncio.open_connection(*endpoint.socket_address)``."""
        return (self.address, self.port)


@dataclass(frozen=True)
class RoleInstance:
    """One running copy of a role."""

    id: str
    """``<role>_IN_<n>``, n counted from 0; unique within the deployment."""
    role: str
    """The name of its role."""
    fault_domain: int
    """Counted from 0."""
    update_domain: int
    """Counted from 0."""
    endpoints: tuple[Endpoint, ...] = ()
    """Its endpoints, in the order of the service definition."""

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of this name; ``UnknownName`` if the role has no such endpoint."""
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise UnknownName("endpoint", name)

    def internal_endpoints(self) -> Iterator[Endpoint]:
        """The endpoints for traffic between the instances of the deployment."""
        return (endpoint for endpoint in self.endpoints if endpoint.kind is EndpointKind.INTERNAL)


@dataclass(frozen=True)
class RoleInfo:
    """A role, as the asking instance may see it."""

    name: str
    """The name in the service definition."""
    instances: tuple[RoleInstance, ...] = ()
    """The instances that the asker may see, by index."""


@dataclass(frozen=True)
class LocalResource:
    """A directory of the instance's own."""

    name: str
    """The name in the service definition."""
    path: Path
    """The directory, for use with ``open`` and ``pathlib``."""
    size_in_megabytes: int
    """Its size, in units of 1,048,576 bytes."""


class UnknownName(LookupError):
    """The service definition has nothing of this name for this role."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"the service definition has no {what} named `{name}` for this role")
        self.what = what
        self.name = name


class Answers(Interface):
    """Who answers: the fabric, or a test double."""

    def deployment_id(self) -> str: ...
    def is_emulated(self) -> bool: ...
    def current_instance(self) -> RoleInstance: ...
    def roles(self) -> list[RoleInfo]: ...
    def setting(self, name: str) -> str | None: ...
    def local_resource(self, name: str) -> LocalResource | None: ...
    def request_recycle(self) -> None: ...


_answering: list[Answers] = []


def _answers() -> Answers:
    if not _answering:
        raise RuntimeError(
            "nobody answers for the environment: a role has one in its component, and in a test between "
            "`TestEnvironment(...).install()` and its end (see wasm_roles.testing)"
        )
    return _answering[-1]


def is_available() -> bool:
    """Whether there is anybody to answer: true in a component, and in a test with a double. Elsewhere the other functions
    raise ``RuntimeError``."""
    return bool(_answering)


def deployment_id() -> str:
    """The id of the deployment: 32 hexadecimal digits, another for each deployment."""
    return _answers().deployment_id()


def is_emulated() -> bool:
    """Whether the service runs in a test bed on a developer's machine."""
    return _answers().is_emulated()


def current_instance() -> RoleInstance:
    """The instance that asks."""
    return _answers().current_instance()


def roles() -> list[RoleInfo]:
    """All roles of the deployment in the order of the service definition, each with the instances that the asker may see: all
    of them if the role has an internal endpoint, otherwise none but the asker itself."""
    return _answers().roles()


def role(name: str) -> RoleInfo | None:
    """The role of this name, if the service definition has one."""
    return next((role for role in roles() if role.name == name), None)


def setting(name: str) -> str:
    """The value of a setting, as the service configuration has it now; ``UnknownName`` if the service definition declares no
    such setting for this role."""
    value = _answers().setting(name)
    if value is None:
        raise UnknownName("setting", name)
    return value


def local_resource(name: str) -> LocalResource:
    """A local storage directory of this instance; ``UnknownName`` if the service definition declares none of this name."""
    resource = _answers().local_resource(name)
    if resource is None:
        raise UnknownName("local storage", name)
    return resource


def request_recycle() -> None:
    """Asks to be stopped and started again. Returns at once; the instance leaves the rotation, then ``stopping`` and
    ``on_stop`` are called as for every stop."""
    _answers().request_recycle()
