"""An asyncio event loop whose connections come from a ``Network``, and whose turns somebody else gives it.

Tasks, futures, timers, locks, queues, time-outs, streams, servers and datagrams are asyncio's own. What an instance does not have
is refused in words: child processes, signals, pipes, TLS, sockets of the operating system.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import socket
import threading
from asyncio import base_events
from typing import Any, Callable, Iterable

from .datagram import DatagramTransport
from .network import Address, Connection, Listener, Network, is_ip_address, not_a_port, os_error
from .server import Server
from .stream import StreamTransport


class _NothingToSelect:
    """`BaseEventLoop` asks a selector for events; here they come as callbacks."""

    def select(self, timeout: float | None) -> list[Any]:
        return []


class RoleLoop(base_events.BaseEventLoop):
    """The loop of one instance."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self._selector = _NothingToSelect()
        # To asyncio, it runs all the time.
        self._thread_id = threading.get_ident()

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        # There is no other thread to be woken.
        pass

    def _next_timer(self) -> float | None:
        """When the next callback is due that nobody has cancelled."""
        while self._scheduled and self._scheduled[0]._cancelled:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            self._timer_cancelled_count -= 1
        return self._scheduled[0]._when if self._scheduled else None

    # TCP

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | str | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        local_addr: Any = None,
        **_: Any,
    ) -> tuple[StreamTransport, asyncio.BaseProtocol]:
        """Connects to an IP address, or to a name of the deployment: its addresses are tried one after the other."""
        _refuse(ssl=ssl, sock=sock, local_addr=local_addr)
        connection = await self._connect(host or "127.0.0.1", _port(port))
        protocol = protocol_factory()
        transport = StreamTransport(self, connection, protocol)
        # As asyncio's own: the protocol knows its transport when this returns.
        await asyncio.sleep(0)
        return transport, protocol

    async def _connect(self, host: str, port: int) -> Connection:
        failure: OSError | None = None
        for address in await self._addresses(host):
            try:
                return await self.network.connect((address, port))
            except OSError as error:
                failure = error
        raise failure or os_error(errno.EADDRNOTAVAIL, what=host)

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | Iterable[str] | None = None,
        port: int | str | None = None,
        *,
        sock: Any = None,
        ssl: Any = None,
        start_serving: bool = True,
        **_: Any,
    ) -> Server:
        """Listens: connections wait in the queue from the moment that this returns."""
        _refuse(ssl=ssl, sock=sock)
        hosts = [host or "0.0.0.0"] if host is None or isinstance(host, str) else list(host)
        listeners: list[Listener] = []
        try:
            for each in hosts:
                for address in await self._addresses(each):
                    listeners.append(self.network.listen((address, _port(port))))
        except BaseException:
            for listener in listeners:
                listener.close()
            raise
        server = Server(self, listeners, protocol_factory)
        if start_serving:
            server._start()
        return server

    # UDP

    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.DatagramProtocol],
        local_addr: Address | None = None,
        remote_addr: Address | None = None,
        *,
        sock: Any = None,
        **_: Any,
    ) -> tuple[DatagramTransport, asyncio.DatagramProtocol]:
        """A UDP socket, bound to ``local_addr`` or any port, and to ``remote_addr`` if there is one."""
        _refuse(sock=sock)
        local = await self._datagram_address(local_addr) or ("0.0.0.0", 0)
        endpoint = self.network.datagrams(local, await self._datagram_address(remote_addr))
        protocol = protocol_factory()
        transport = DatagramTransport(self, endpoint, protocol)
        await asyncio.sleep(0)
        return transport, protocol

    async def _datagram_address(self, address: Address | None) -> Address | None:
        if address is None:
            return None
        return ((await self._addresses(address[0] or "0.0.0.0"))[0], _port(address[1]))

    # Names

    async def _addresses(self, host: str) -> list[str]:
        if host == "localhost":
            return ["127.0.0.1"]
        return [host] if is_ip_address(host) else await self.network.resolve(host)

    async def getaddrinfo(  # type: ignore[override]
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[tuple[Any, ...]]:
        """The addresses behind a name of the deployment."""
        kind = type or socket.SOCK_STREAM
        name = host.decode() if isinstance(host, bytes) else host or "127.0.0.1"
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, kind, proto, "", (address, _port(port)))
            for address in await self._addresses(name)
        ]

    # An instance has one thread.

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Runs the function at once, as an instance has one thread: everything else waits meanwhile."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def _port(port: object) -> int:
    try:
        number = int(str(port or 0))
    except (TypeError, ValueError):
        raise not_a_port(port) from None
    if not 0 <= number <= 65535:
        raise not_a_port(port)
    return number


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise NotImplementedError(f"a role's connections have no `{name}`: give a host and a port; the fabric does the rest")
