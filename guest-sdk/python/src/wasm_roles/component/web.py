"""``wasi:http`` 0.3: requests of the fabric, and requests to others."""

from __future__ import annotations

import asyncio
import errno
import traceback
from typing import Any, Awaitable, Callable

import wit_world
from componentize_py_types import Err, Ok, Result
from wit_world.imports import client as fabric
from wit_world.imports import wasi_http_types as wasi

from ..http import BodyTooLong, Headers, HttpError, OutgoingRequest, Request, Response
from ..loop.outlast import outlast
from .tasks import loop

_METHODS: dict[type[Any], str] = {
    wasi.Method_Get: "GET",
    wasi.Method_Head: "HEAD",
    wasi.Method_Post: "POST",
    wasi.Method_Put: "PUT",
    wasi.Method_Delete: "DELETE",
    wasi.Method_Connect: "CONNECT",
    wasi.Method_Options: "OPTIONS",
    wasi.Method_Trace: "TRACE",
    wasi.Method_Patch: "PATCH",
}
_NAMES = {name: method for method, name in _METHODS.items()}
_NUMBERS: dict[type[Any], int] = {
    wasi.ErrorCode_HttpRequestDenied: errno.EACCES,
    wasi.ErrorCode_ConnectionRefused: errno.ECONNREFUSED,
    wasi.ErrorCode_ConnectionTerminated: errno.ECONNRESET,
    wasi.ErrorCode_ConnectionTimeout: errno.ETIMEDOUT,
    wasi.ErrorCode_DestinationIpUnroutable: errno.EHOSTUNREACH,
}
_CHUNK = 64 * 1024


async def answer(handle: Callable[[Request], Awaitable[Response]], received: wasi.Request) -> wasi.Response:
    """Lets the role answer a request."""
    try:
        response = await handle(_request(received))
        if not isinstance(response, Response):
            raise TypeError(f"`handle` is to return a Response, and returned {response!r}")
        return _send(response)
    except BodyTooLong as error:
        return _send(Response.text(f"{error}\n", status=413))
    except (Exception, asyncio.CancelledError):
        traceback.print_exc()
        return _send(Response.text("the role has failed to answer this request\n", status=500))


def _request(received: wasi.Request) -> Request:
    method = received.get_method()
    name = method.value if isinstance(method, wasi.Method_Other) else _METHODS[type(method)]
    headers = received.get_headers()

    async def body(limit: int) -> bytes:
        _, handled = wit_world.result_unit_wasi_http_types_error_code_future(_fine)
        stream, end = wasi.Request.consume_body(received, handled)
        return await _body(stream, end, limit)

    target = received.get_path_with_query() or "/"
    return Request(name, target, headers.copy_all(), body, received.get_authority())


async def _body(stream: Any, end: Any, limit: int) -> bytes:
    # Somebody who gives up leaves a read under way: the stream is closed when the host is done with it.
    given_up = asyncio.Event()
    reading = loop.create_task(_read_body(stream, end, limit, given_up))
    try:
        return await outlast(reading)
    except asyncio.CancelledError:
        given_up.set()
        # Nobody wants to hear how it ends.
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        raise


async def _read_body(stream: Any, end: Any, limit: int, given_up: asyncio.Event) -> bytes:
    body = bytearray()
    with stream:
        while not stream.writer_dropped and not given_up.is_set():
            body += await stream.read(_CHUNK)
            if len(body) > limit:
                raise BodyTooLong(limit)
    if not given_up.is_set():
        result = await end.read()
        if isinstance(result, Err):
            raise _http_error(result.value)
    return bytes(body)


def _fine() -> Result[Any, Any]:
    return Ok(None)


def _send(response: Response) -> wasi.Response:
    headers = list(response.headers)
    if _needs_length(response):
        headers.append(("content-length", str(len(response.body)).encode()))
    contents, trailers = _contents(response.body)
    answer, _ = wasi.Response.new(_fields(headers), contents, trailers)
    if response.status != 200:
        try:
            answer.set_status_code(response.status)
        except Err:
            raise ValueError(f"{response.status} is no status of an answer") from None
    return answer


def _fields(headers: Headers) -> wasi.Fields:
    try:
        return wasi.Fields.from_list(headers)
    except Err:
        raise ValueError(f"HTTP does not allow {_forbidden(headers)}") from None


def _forbidden(headers: Headers) -> str:
    fields = wasi.Fields()
    for name, value in headers:
        try:
            fields.append(name, value)
        except Err:
            return f"the header `{name}` with the value {value!r}"
    return "these headers together"


def _contents(body: bytes) -> tuple[Any, Any]:
    """A stream that this task writes while others go on, and the trailers, of which there are none."""
    _, trailers = wit_world.result_option_wasi_http_types_fields_wasi_http_types_error_code_future(_fine)
    if not body:
        return None, trailers
    writer, reader = wit_world.byte_stream()
    loop.create_task(_write(writer, body))
    return reader, trailers


async def _write(writer: Any, body: bytes) -> None:
    # What a client that left has not read, nobody wants any more.
    with writer:
        await writer.write_all(body)


def _needs_length(response: Response) -> bool:
    allowed = response.status >= 200 and response.status not in (204, 304)
    return allowed and response.header("content-length") is None


class FabricClient:
    """Sends requests through the fabric."""

    async def send(self, request: OutgoingRequest) -> Response:
        contents, trailers = _contents(request.body)
        sent, _ = wasi.Request.new(_fields(request.headers), contents, trailers, None)
        method = _NAMES.get(request.method.upper())
        try:
            sent.set_method(method() if method else wasi.Method_Other(request.method))
            sent.set_scheme(wasi.Scheme_Https() if request.scheme == "https" else wasi.Scheme_Http())
            sent.set_authority(request.authority)
            sent.set_path_with_query(request.target)
        except Err:
            raise ValueError(f"{request.method} {request.authority}{request.target} is no request that HTTP allows") from None
        try:
            received = await fabric.send(sent)
        except Err as error:
            raise _http_error(error.value) from None
        status, headers = received.get_status_code(), received.get_headers().copy_all()
        _, handled = wit_world.result_unit_wasi_http_types_error_code_future(_fine)
        stream, end = wasi.Response.consume_body(received, handled)
        return Response(status, await _body(stream, end, request.limit), headers)


def _http_error(code: Any) -> HttpError:
    name = type(code).__name__.removeprefix("ErrorCode_")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    detail = getattr(code, "value", None)
    return HttpError(_NUMBERS.get(type(code), errno.EIO), f"{words}: {detail}" if detail else words)
