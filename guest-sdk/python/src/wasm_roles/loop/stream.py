"""A TCP connection as an asyncio transport."""

from __future__ import annotations

import asyncio
from asyncio import protocols, transports
from typing import TYPE_CHECKING, Any

from .network import Connection

if TYPE_CHECKING:
    from .server import Server

CHUNK = 64 * 1024
"""The most bytes of one read or write."""


class StreamTransport(transports._FlowControlMixin):
    """Feeds a protocol with what arrives, and sends what it writes, one task for each direction."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connection: Connection, protocol: asyncio.BaseProtocol, server: Server | None = None
    ) -> None:
        super().__init__({"peername": connection.peer, "sockname": connection.local}, loop)
        self._connection = connection
        self._protocol = protocol
        self._server = server
        self._unsent = bytearray()
        self._sending: asyncio.Task[None] | None = None
        self._finished = False
        self._closing = False
        self._lost = False
        self._resumed: asyncio.Future[None] | None = None
        if server is not None:
            server._attach(self)
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start_reading)

    def _start_reading(self) -> None:
        if not self._lost:
            self._reading = self._loop.create_task(self._receive())

    async def _receive(self) -> None:
        try:
            while not self._lost:
                if self._resumed is not None:
                    await self._resumed
                    continue
                data = await self._connection.read(CHUNK)
                while self._resumed is not None:
                    await self._resumed
                if self._lost:
                    return
                if not data:
                    if not self._protocol.eof_received():
                        self.close()
                    return
                self._feed(data)
        except OSError as error:
            self._lose(error)
        except asyncio.CancelledError:
            self._lose(None)
            raise
        finally:
            if self._lost:
                self._connection.close()

    def _feed(self, data: bytes) -> None:
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            protocols._feed_data_to_buffered_proto(self._protocol, data)  # type: ignore[attr-defined]
        else:
            self._protocol.data_received(data)

    async def _send(self) -> None:
        try:
            while self._unsent:
                chunk = bytes(self._unsent[:CHUNK])
                await self._connection.write(chunk)
                del self._unsent[: len(chunk)]
                self._maybe_resume_protocol()
        except OSError as error:
            self._lose(error)
        finally:
            self._sending = None
        if self._lost:
            self._connection.close()
        elif self._closing:
            self._lose(None)
        elif self._finished:
            self._connection.finish()

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._closing = self._lost = True
        self._unsent.clear()
        self.resume_reading()
        if self._sending is None:
            self._connection.close()
        self._loop.call_soon(self._protocol.connection_lost, error)
        if self._server is not None:
            self._server._detach(self)

    # asyncio.Transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends it after what was written before."""
        if self._finished:
            raise RuntimeError("write after `write_eof`")
        if not data or self._closing:
            return
        self._unsent += data
        if self._sending is None:
            self._sending = self._loop.create_task(self._send())
        self._maybe_pause_protocol()

    def write_eof(self) -> None:
        """Ends this direction when all is sent."""
        if self._finished or self._closing:
            return
        self._finished = True
        if self._sending is None:
            self._connection.finish()

    def can_write_eof(self) -> bool:
        """A stream can be closed in one direction."""
        return True

    def get_write_buffer_size(self) -> int:
        """Bytes that the network has not taken yet."""
        return len(self._unsent)

    def close(self) -> None:
        """Sends what was written, then closes."""
        if self._closing:
            return
        self._closing = True
        if self._sending is None:
            self._lose(None)

    def abort(self) -> None:
        """Closes at once."""
        self._lose(None)

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether the protocol gets data."""
        return self._resumed is None and not self._closing

    def pause_reading(self) -> None:
        """Lets data wait in the network."""
        if self._resumed is None and not self._closing:
            self._resumed = self._loop.create_future()

    def resume_reading(self) -> None:
        """Takes data again."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol gets what arrives from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who gets what arrives."""
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``peername`` and ``sockname``."""
        return super().get_extra_info(name, default)
