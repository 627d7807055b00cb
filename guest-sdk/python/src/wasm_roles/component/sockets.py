"""``wasi:sockets`` 0.3 as the network of the event loop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from typing import Any

import wit_world
from componentize_py_types import Err
from wit_world.imports import ip_name_lookup as names
from wit_world.imports import wasi_sockets_types as wasi

from ..loop.network import Address, os_error, unknown_name
from ..loop.outlast import outlast

_NUMBERS: dict[type[Any], int] = {
    wasi.ErrorCode_AccessDenied: errno.EACCES,
    wasi.ErrorCode_NotSupported: errno.EOPNOTSUPP,
    wasi.ErrorCode_InvalidArgument: errno.EINVAL,
    wasi.ErrorCode_OutOfMemory: errno.ENOMEM,
    wasi.ErrorCode_Timeout: errno.ETIMEDOUT,
    wasi.ErrorCode_InvalidState: errno.ENOTCONN,
    wasi.ErrorCode_AddressNotBindable: errno.EADDRNOTAVAIL,
    wasi.ErrorCode_AddressInUse: errno.EADDRINUSE,
    wasi.ErrorCode_RemoteUnreachable: errno.EHOSTUNREACH,
    wasi.ErrorCode_ConnectionRefused: errno.ECONNREFUSED,
    wasi.ErrorCode_ConnectionBroken: errno.EPIPE,
    wasi.ErrorCode_ConnectionReset: errno.ECONNRESET,
    wasi.ErrorCode_ConnectionAborted: errno.ECONNABORTED,
    wasi.ErrorCode_DatagramTooLarge: errno.EMSGSIZE,
}


class FabricNetwork:
    """What the service definition grants, and nothing else."""

    def __init__(self) -> None:
        # Those that were closed while they waited for a connection: the wait cannot be taken back, and keeps the port.
        self._closed: dict[Address, FabricListener] = {}

    async def resolve(self, name: str) -> list[str]:
        try:
            found = await names.resolve_addresses(name)
        except Err as error:
            if isinstance(error.value, names.ErrorCode_NameUnresolvable | names.ErrorCode_PermanentResolverFailure):
                raise unknown_name(name) from None
            if isinstance(error.value, names.ErrorCode_AccessDenied):
                raise os_error(errno.EACCES, what=name) from None
            if isinstance(error.value, names.ErrorCode_TemporaryResolverFailure):
                raise socket.gaierror(socket.EAI_AGAIN, f"`{name}` cannot be looked up at the moment") from None
            raise socket.gaierror(socket.EAI_FAIL, f"`{name}` cannot be looked up") from None
        return [_ip_text(address) for address in found]

    async def connect(self, to: Address) -> FabricConnection:
        # Somebody who gives up leaves the socket in use: it is closed when the host is done with it.
        connecting = asyncio.get_running_loop().create_task(self._connect(to))
        try:
            return await outlast(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_what_came)
            raise

    async def _connect(self, to: Address) -> FabricConnection:
        try:
            opened = wasi.TcpSocket.create(_family(to))
            await opened.connect(_to_wasi(to))
            return FabricConnection(opened)
        except Err as error:
            raise _os_error(error.value, f"{to[0]}:{to[1]}") from None

    def listen(self, on: Address) -> FabricListener:
        again = self._closed.pop(on, None)
        if again is not None:
            again.open_again()
            return again
        try:
            opened = wasi.TcpSocket.create(_family(on))
            opened.bind(_to_wasi(on))
            return FabricListener(self, opened)
        except Err as error:
            raise _os_error(error.value, f"{on[0]}:{on[1]}") from None

    def keep(self, listener: FabricListener) -> None:
        """A listener that is closed, and still waits."""
        self._closed[listener.local] = listener

    def forget(self, listener: FabricListener) -> None:
        """It waits no more."""
        if self._closed.get(listener.local) is listener:
            del self._closed[listener.local]

    def datagrams(self, local: Address, peer: Address | None) -> FabricDatagrams:
        try:
            opened = wasi.UdpSocket.create(_family(local))
            opened.bind(_to_wasi(local))
            if peer is not None:
                opened.connect(_to_wasi(peer))
            return FabricDatagrams(opened, peer)
        except Err as error:
            raise _os_error(error.value, f"{local[0]}:{local[1]}") from None


class FabricListener:
    """A port that listens. A wait for a connection cannot be taken back, so a port that is closed while it waits is given back when one
    comes, and who listens on it again before takes over the wait."""

    def __init__(self, network: FabricNetwork, opened: wasi.TcpSocket) -> None:
        self._network = network
        self._incoming = opened.listen()
        self._socket = opened
        self._next: asyncio.Task[list[wasi.TcpSocket]] | None = None
        self._closed = False
        self.local = _from_wasi(opened.get_local_address())

    async def accept(self) -> FabricConnection:
        while True:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_task(self._incoming.read(1))
            arrived = await outlast(self._next)
            self._next = None
            if not arrived:
                raise os_error(errno.ECONNABORTED, what="the instance takes no more connections")
            try:
                return FabricConnection(arrived[0])
            except Err:
                # It was gone before it came out of the queue.
                _drop(arrived[0])

    def close(self) -> None:
        self._closed = True
        if self._next is None:
            self._release()
        elif self._next.done():
            self._turn_away(self._next)
        else:
            self._network.keep(self)
            self._next.add_done_callback(self._turn_away)

    def open_again(self) -> None:
        """Somebody listens on the port before it was given back."""
        self._closed = False
        if self._next is not None:
            self._next.remove_done_callback(self._turn_away)

    def _turn_away(self, waited: asyncio.Task[list[wasi.TcpSocket]]) -> None:
        if not self._closed:
            return
        for arrived in [] if waited.cancelled() or waited.exception() else waited.result():
            _drop(arrived)
        self._network.forget(self)
        self._release()

    def _release(self) -> None:
        _drop(self._incoming)
        _drop(self._socket)


class FabricConnection:
    """A TCP connection. Reads and writes that have begun cannot be taken back, so closing waits for them."""

    def __init__(self, opened: wasi.TcpSocket) -> None:
        self.peer = _from_wasi(opened.get_remote_address())
        self.local = _from_wasi(opened.get_local_address())
        self._socket: wasi.TcpSocket | None = opened
        self._incoming, self._end = opened.receive()
        self._outgoing, source = wit_world.byte_stream()
        self._outcome = opened.send(source)
        self._reading = self._writing = False
        self._written = self._read = False
        self._closed = False

    async def read(self, limit: int) -> bytes:
        self._reading = True
        try:
            data = await self._incoming.read(limit)
        finally:
            self._reading = False
        if self._closed:
            self._release()
        elif not data:
            result = await self._end.read()
            if isinstance(result, Err):
                raise _os_error(result.value)
        return data

    async def write(self, data: bytes) -> None:
        self._writing = True
        try:
            count = await self._outgoing.write_all(data)
        finally:
            self._writing = False
        if count < len(data):
            result = await self._outcome.read()
            raise _os_error(result.value) if isinstance(result, Err) else os_error(errno.EPIPE)
        if self._closed:
            self._release()

    def finish(self) -> None:
        if not self._written:
            self._written = True
            _drop(self._outgoing)

    def close(self) -> None:
        self._closed = True
        self._release()

    def _release(self) -> None:
        if not self._writing:
            self.finish()
        if not self._reading and not self._read:
            self._read = True
            _drop(self._incoming)
        if self._written and self._read and self._socket is not None:
            _drop(self._socket)
            self._socket = None


class FabricDatagrams:
    """A UDP socket."""

    def __init__(self, opened: wasi.UdpSocket, peer: Address | None) -> None:
        self._socket: wasi.UdpSocket = opened
        self.local = _from_wasi(opened.get_local_address())
        self.peer = peer
        self._receiving = False
        self._closed = False

    async def receive(self) -> tuple[bytes, Address]:
        self._receiving = True
        try:
            data, sender = await self._socket.receive()
        except Err as error:
            raise _os_error(error.value) from None
        finally:
            self._receiving = False
            if self._closed:
                _drop(self._socket)
        return data, _from_wasi(sender)

    async def send(self, data: bytes, to: Address | None) -> None:
        try:
            await self._socket.send(data, None if to is None else _to_wasi(to))
        except Err as error:
            raise _os_error(error.value) from None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if not self._receiving:
                _drop(self._socket)


def _close_what_came(connecting: asyncio.Task[FabricConnection]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def _drop(owned: Any) -> None:
    owned.__exit__(None, None, None)


def _os_error(code: Any, what: str = "") -> OSError:
    if isinstance(code, wasi.ErrorCode_Other):
        text = code.value or "the network failed without a reason"
        return OSError(errno.EIO, f"{what}: {text}" if what else text)
    return os_error(_NUMBERS.get(type(code), errno.EIO), what=what)


def _family(address: Address) -> wasi.IpAddressFamily:
    return wasi.IpAddressFamily.IPV6 if ":" in address[0] else wasi.IpAddressFamily.IPV4


def _to_wasi(address: Address) -> Any:
    parsed = ipaddress.ip_address(address[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return wasi.IpSocketAddress_Ipv4(wasi.Ipv4SocketAddress(address[1], tuple(parsed.packed)))
    packed = parsed.packed
    groups = tuple(packed[n] << 8 | packed[n + 1] for n in range(0, 16, 2))
    return wasi.IpSocketAddress_Ipv6(wasi.Ipv6SocketAddress(address[1], 0, groups, 0))


def _from_wasi(address: Any) -> Address:
    return (_ip_text(address), address.value.port)


def _ip_text(address: Any) -> str:
    inner = address.value
    numbers = tuple(getattr(inner, "address", inner))
    if len(numbers) == 4:
        return str(ipaddress.IPv4Address(bytes(numbers)))
    return str(ipaddress.IPv6Address(b"".join(number.to_bytes(2, "big") for number in numbers)))
