"""What an event loop needs of a network: the fabric's in a component, one in memory in a test."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Protocol

Address = tuple[str, int]
"""An IP address as text, and a port."""


class Connection(Protocol):
    """One TCP connection. One reader and one writer at a time; what was asked for cannot be taken back."""

    local: Address
    peer: Address

    async def read(self, limit: int) -> bytes:
        """The next bytes, ``limit`` at most; none at the end of the stream. ``OSError`` when it breaks."""
        ...

    async def write(self, data: bytes) -> None:
        """Gives all of the bytes to the network. ``OSError`` when it breaks."""
        ...

    def finish(self) -> None:
        """Says that nothing more is written."""
        ...

    def close(self) -> None:
        """Gives back what is not in use."""
        ...


class Listener(Protocol):
    """A port that listens."""

    local: Address

    async def accept(self) -> Connection:
        """The next connection. ``OSError`` when there will be no more."""
        ...

    def close(self) -> None:
        """Accepts nothing any more."""
        ...


class Datagrams(Protocol):
    """A UDP socket."""

    local: Address
    peer: Address | None

    async def receive(self) -> tuple[bytes, Address]: ...
    async def send(self, data: bytes, to: Address | None) -> None: ...
    def close(self) -> None: ...


class Network(Protocol):
    """Where connections come from. Addresses are IP addresses as text."""

    async def resolve(self, name: str) -> list[str]:
        """The addresses behind a name of the deployment. ``socket.gaierror`` if there are none."""
        ...

    async def connect(self, to: Address) -> Connection: ...
    def listen(self, on: Address) -> Listener: ...
    def datagrams(self, local: Address, peer: Address | None) -> Datagrams: ...


def is_ip_address(host: str) -> bool:
    """Whether there is nothing to look up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def os_error(number: int, *, what: str = "") -> OSError:
    """The error that the operating system's sockets would give: ``OSError`` chooses the subclass by the number."""
    text = os.strerror(number)
    return OSError(number, f"{what}: {text}" if what else text)


def unknown_name(name: str) -> socket.gaierror:
    """Nobody that this instance may see has this name."""
    return socket.gaierror(socket.EAI_NONAME, f"nothing that this instance may see is named `{name}`")


def not_a_port(port: object) -> OSError:
    """A port that is none."""
    return os_error(errno.EINVAL, what=f"{port!r} is no port")
