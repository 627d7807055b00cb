"""A TCP server, as ``asyncio.start_server`` gives it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from .network import Address, Listener
from .outlast import outlast
from .stream import StreamTransport

if TYPE_CHECKING:
    from .base import RoleLoop


@dataclass(frozen=True)
class ListeningSocket:
    """What is left of a socket: where it listens."""

    address: Address

    def getsockname(self) -> Address:
        """The address and the port."""
        return self.address


class Server(asyncio.AbstractServer):
    """Accepts connections until it is closed."""

    def __init__(self, loop: RoleLoop, listeners: list[Listener], factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self._loop = loop
        self._listeners = listeners
        self._factory = factory
        self._accepting: list[asyncio.Task[None]] = []
        self._open: set[StreamTransport] = set()
        self._closed = False
        self._over: asyncio.Future[None] = loop.create_future()
        self._waiting: list[asyncio.Future[None]] = []

    async def _accept(self, listener: Listener) -> None:
        try:
            while not self._closed:
                connection = await listener.accept()
                StreamTransport(self._loop, connection, self._factory(), self)
        except OSError as error:
            if not self._over.done():
                self._over.set_exception(error)
                # Whoever waits in `serve_forever` hears of it. Nobody has to.
                self._over.exception()
            self.close()

    def _attach(self, transport: StreamTransport) -> None:
        self._open.add(transport)

    def _detach(self, transport: StreamTransport) -> None:
        self._open.discard(transport)
        self._wake()

    def _wake(self) -> None:
        if self._closed and not self._open:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_result(None)

    # asyncio.AbstractServer

    @property
    def sockets(self) -> tuple[Any, ...]:
        """Where it listens: ``server.sockets[0].getsockname()``."""
        return () if self._closed else tuple(ListeningSocket(listener.local) for listener in self._listeners)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether it accepts connections."""
        return bool(self._accepting) and not self._closed

    async def start_serving(self) -> None:
        """Begins to accept, unless it does already."""
        self._start()

    def _start(self) -> None:
        if self._closed:
            raise RuntimeError("the server is closed")
        if not self._accepting:
            self._accepting = [self._loop.create_task(self._accept(listener)) for listener in self._listeners]

    async def serve_forever(self) -> None:
        """Accepts until it is cancelled, which closes the server. ``OSError`` when the network takes no more connections."""
        self._start()
        try:
            await outlast(self._over)
        finally:
            self.close()

    def close(self) -> None:
        """Accepts nothing any more. Connections that are open stay open."""
        if self._closed:
            return
        self._closed = True
        for accepting in self._accepting:
            accepting.cancel()
        for listener in self._listeners:
            listener.close()
        if not self._over.done():
            self._over.cancel()
        self._wake()

    def close_clients(self) -> None:
        """Closes all connections when what was written is sent."""
        for transport in list(self._open):
            transport.close()

    def abort_clients(self) -> None:
        """Closes all connections at once."""
        for transport in list(self._open):
            transport.abort()

    async def wait_closed(self) -> None:
        """Waits until it is closed and the last connection is gone."""
        if self._closed and not self._open:
            return
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        await waiter
