"""A UDP socket as an asyncio transport."""

from __future__ import annotations

import asyncio
import collections
from asyncio import transports

from .network import Address, Datagrams


class DatagramTransport(transports.DatagramTransport):
    """Feeds a protocol with the datagrams that arrive, and sends its own in their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: Datagrams, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__({"peername": socket.peer, "sockname": socket.local})
        self._loop = loop
        self._socket = socket
        self._protocol = protocol
        self._unsent: collections.deque[tuple[bytes, Address | None]] = collections.deque()
        self._sending: asyncio.Task[None] | None = None
        self._closing = False
        self._lost = False
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start_receiving)

    def _start_receiving(self) -> None:
        if not self._lost:
            self._receiving = self._loop.create_task(self._receive())

    async def _receive(self) -> None:
        while not self._lost:
            try:
                data, sender = await self._socket.receive()
            except OSError as error:
                self._lose(error)
                return
            if not self._lost:
                self._protocol.datagram_received(data, sender)

    async def _send(self) -> None:
        while self._unsent:
            data, to = self._unsent.popleft()
            try:
                await self._socket.send(data, to)
            except OSError as error:
                self._protocol.error_received(error)
        self._sending = None
        if self._closing:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._closing = self._lost = True
        self._unsent.clear()
        self._socket.close()
        self._loop.call_soon(self._protocol.connection_lost, error)

    def sendto(self, data: bytes | bytearray | memoryview, addr: Address | None = None) -> None:
        """Sends one datagram after those before it."""
        if self._closing:
            return
        self._unsent.append((bytes(data), addr))
        if self._sending is None:
            self._sending = self._loop.create_task(self._send())

    def get_write_buffer_size(self) -> int:
        """Bytes that the network has not taken yet."""
        return sum(len(data) for data, _ in self._unsent)

    def close(self) -> None:
        """Sends what there is to send, then closes."""
        if not self._closing:
            self._closing = True
            if self._sending is None:
                self._lose(None)

    def abort(self) -> None:
        """Closes at once."""
        self._lose(None)

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing
