"""The network of a test: everything stays in this process."""

from __future__ import annotations

import asyncio
import collections
import errno
from typing import Callable

from ..loop.network import Address, os_error, unknown_name

_CAPACITY = 64 * 1024
"""Bytes on their way in one direction before a writer waits."""
_ANYWHERE = "0.0.0.0"


class MemoryNetwork:
    """Reaches what listens in the same test. ``names`` knows the addresses behind a name, in lower case."""

    def __init__(self, names: Callable[[], dict[str, list[str]]], own: Callable[[], str]) -> None:
        self._names = names
        self._own = own
        self._listeners: dict[Address, MemoryListener] = {}
        self._sockets: dict[Address, MemoryDatagrams] = {}
        self._last_port = 49151

    async def resolve(self, name: str) -> list[str]:
        found = self._names().get(name.lower())
        if not found:
            raise unknown_name(name)
        return found

    async def connect(self, to: Address) -> MemoryConnection:
        # Others get their turn, as in a network.
        await asyncio.sleep(0)
        listener = self._listeners.get(to) or self._listeners.get((_ANYWHERE, to[1]))
        if listener is None:
            raise os_error(errno.ECONNREFUSED, what=f"{to[0]}:{to[1]}")
        there, back = _Pipe(), _Pipe()
        local = (self._own(), self._free_port())
        listener.arrived(MemoryConnection(to, local, there, back))
        return MemoryConnection(local, to, back, there)

    def listen(self, on: Address) -> MemoryListener:
        local = on if on[1] else (on[0], self._free_port())
        if local in self._listeners:
            raise os_error(errno.EADDRINUSE, what=f"{local[0]}:{local[1]}")
        listener = self._listeners[local] = MemoryListener(local, lambda: self._listeners.pop(local, None))
        return listener

    def datagrams(self, local: Address, peer: Address | None) -> MemoryDatagrams:
        bound = local if local[1] else (local[0], self._free_port())
        if bound in self._sockets:
            raise os_error(errno.EADDRINUSE, what=f"{bound[0]}:{bound[1]}")
        opened = self._sockets[bound] = MemoryDatagrams(self, bound, peer)
        return opened

    def deliver(self, data: bytes, sender: Address, to: Address) -> None:
        """A datagram finds its socket, or is lost."""
        source = (self._own(), sender[1]) if sender[0] == _ANYWHERE else sender
        socket = self._sockets.get(to) or self._sockets.get((_ANYWHERE, to[1]))
        if socket is not None:
            socket.arrived(data, source)

    def gone(self, socket: MemoryDatagrams) -> None:
        """A socket was closed."""
        self._sockets.pop(socket.local, None)

    def _free_port(self) -> int:
        self._last_port = self._last_port + 1 if self._last_port < 65535 else 49152
        return self._last_port


class _Pipe:
    """One direction of a connection."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.ended = False
        self.unread = False
        self._changes = asyncio.Event()

    def changed(self) -> None:
        self._changes.set()
        self._changes = asyncio.Event()

    async def change(self) -> None:
        await self._changes.wait()


class MemoryConnection:
    """A TCP connection."""

    def __init__(self, local: Address, peer: Address, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.local = local
        self.peer = peer
        self._incoming = incoming
        self._outgoing = outgoing

    async def read(self, limit: int) -> bytes:
        pipe = self._incoming
        assert not pipe.unread, "read after `close`"
        while not pipe.waiting and not pipe.ended and not pipe.unread:
            await pipe.change()
        data = bytes(pipe.waiting[:limit])
        del pipe.waiting[:limit]
        pipe.changed()
        return data

    async def write(self, data: bytes) -> None:
        pipe = self._outgoing
        if pipe.unread:
            raise os_error(errno.EPIPE)
        pipe.waiting += data
        pipe.changed()
        while len(pipe.waiting) > _CAPACITY and not pipe.unread:
            await pipe.change()

    def finish(self) -> None:
        self._outgoing.ended = True
        self._outgoing.changed()

    def close(self) -> None:
        self.finish()
        self._incoming.unread = True
        self._incoming.changed()


class MemoryListener:
    """A port that listens."""

    def __init__(self, local: Address, gone: Callable[[], object]) -> None:
        self.local = local
        self._gone = gone
        self._queue: asyncio.Queue[MemoryConnection] = asyncio.Queue()

    def arrived(self, connection: MemoryConnection) -> None:
        """A connection waits to be accepted."""
        self._queue.put_nowait(connection)

    async def accept(self) -> MemoryConnection:
        return await self._queue.get()

    def close(self) -> None:
        self._gone()
        while not self._queue.empty():
            self._queue.get_nowait().close()


class MemoryDatagrams:
    """A UDP socket."""

    def __init__(self, network: MemoryNetwork, local: Address, peer: Address | None) -> None:
        self._network = network
        self.local = local
        self.peer = peer
        self._waiting: collections.deque[tuple[bytes, Address]] = collections.deque()
        self._arrival = asyncio.Event()

    def arrived(self, data: bytes, sender: Address) -> None:
        """A datagram."""
        if self.peer is None or self.peer == sender:
            self._waiting.append((data, sender))
            self._arrival.set()

    async def receive(self) -> tuple[bytes, Address]:
        while not self._waiting:
            self._arrival.clear()
            await self._arrival.wait()
        return self._waiting.popleft()

    async def send(self, data: bytes, to: Address | None) -> None:
        destination = to or self.peer
        if destination is None:
            raise os_error(errno.EDESTADDRREQ)
        self._network.deliver(data, self.local, destination)

    def close(self) -> None:
        self._network.gone(self)
