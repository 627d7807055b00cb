"""Requests and answers of a web role, and requests to others.

The fabric serves HTTP on the role's http endpoints and calls ``WebRole.handle`` for each request, many at a time. Bodies are
whole byte strings in both directions.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass, field, replace
from typing import Any, Awaitable, Callable, Iterable, Protocol as Interface
from urllib.parse import urlsplit

Headers = list[tuple[str, bytes]]
"""Names and raw values, in their order."""

BODY_LIMIT = 1 << 20
"""The most bytes of a body unless the caller says otherwise: 1 MiB."""


class BodyTooLong(Exception):
    """A body has more bytes than the caller allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes")
        self.limit = limit


class HttpError(OSError):
    """There is no answer, or no complete request: the other side could not be reached, was not allowed, or left half-way."""


class Request:
    """One HTTP request, as the client sent it."""

    def __init__(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes | Callable[[int], Awaitable[bytes]] = b"",
        authority: str | None = None,
    ) -> None:
        self.method = method
        """What the client asks to be done: ``GET``, ``POST`` …"""
        path, mark, query = target.partition("?")
        self.path = path or "/"
        """The path, percent-encoding and all, without the query: ``/`` at least."""
        self.query = query if mark else None
        """The text after the ``?``, if there is one."""
        self.headers: Headers = [(name, _bytes(value)) for name, value in headers]
        """All headers: names and raw values, in the order of the request."""
        self.authority = authority if authority is not None else self.header("host")
        """The host that the client asked for, with its port if it named one."""
        self._body = body

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case, if it is text."""
        return _first(self.headers, name)

    async def body(self, limit: int = BODY_LIMIT) -> bytes:
        """Reads the body, which may have at most ``limit`` bytes: ``BodyTooLong`` as soon as that is passed, ``HttpError``
        when the client left half-way. A body is read once."""
        body = self._body
        if callable(body):
            self._body = _read_already
            return await body(limit)
        if len(body) > limit:
            raise BodyTooLong(limit)
        return body

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


@dataclass(frozen=True)
class Response:
    """The answer to one request: a status of RFC 9110 (200 to 599), headers, a body.

    >>> created = Response.text("order 17", status=201).with_header("location", "/orders/17")
    >>> created.status
    201
    """

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)

    @staticmethod
    def text(text: str, status: int = 200) -> Response:
        """A plain text."""
        return _of_type("text/plain; charset=utf-8", text, status)

    @staticmethod
    def html(page: str, status: int = 200) -> Response:
        """A page."""
        return _of_type("text/html; charset=utf-8", page, status)

    @staticmethod
    def json(value: Any, status: int = 200) -> Response:
        """A value that ``json.dumps`` can write."""
        return _of_type("application/json", _json.dumps(value), status)

    def with_header(self, name: str, value: str | bytes) -> Response:
        """The same with one header more."""
        return replace(self, headers=[*self.headers, (name, _bytes(value))])

    def with_status(self, status: int) -> Response:
        """The same with another status."""
        return replace(self, status=status)

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case, if it is text."""
        return _first(self.headers, name)


class Client(Interface):
    """Who sends requests: the fabric, or a test double."""

    async def send(self, request: OutgoingRequest) -> Response: ...


@dataclass(frozen=True)
class OutgoingRequest:
    """A request to another role, or to the world where the host lets it out."""

    method: str
    scheme: str
    authority: str
    target: str
    headers: Headers
    body: bytes
    limit: int


_clients: list[Client] = []


async def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str | bytes]] = (),
    body: bytes = b"",
    limit: int = BODY_LIMIT,
) -> Response:
    """Sends a request and waits for the whole answer, which may have at most ``limit`` bytes.

    ``http://WorkerRole1:8080/`` reaches another role where its traffic rules admit this one, the world outside only where the
    host allows it. ``HttpError`` says why there is no answer; a status such as 404 is an answer.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"`{url}` is no address to fetch: it begins with http:// or https:// and a host")
    if not _clients:
        raise RuntimeError("a role sends HTTP requests in its component, and in a test where `answer_fetches` was called")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = [(name, _bytes(value)) for name, value in headers]
    return await _clients[-1].send(OutgoingRequest(method, parts.scheme, parts.netloc, target, named, body, limit))


async def _read_already(limit: int) -> bytes:
    raise RuntimeError("the body of this request was read before, and can be read once")


def _of_type(content_type: str, text: str, status: int) -> Response:
    return Response(status, text.encode(), [("content-type", content_type.encode())])


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _first(headers: Headers, name: str) -> str | None:
    for other, value in headers:
        if other.lower() == name.lower():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return None
    return None
