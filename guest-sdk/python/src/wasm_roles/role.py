"""What a role implements."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass

from .http import Request, Response


class Verdict(enum.Enum):
    """The answer to a change that is about to be made."""

    ACCEPT = "accept"
    """Change it while the instance runs."""
    RECYCLE = "recycle"
    """Stop the instance, change it, start it again."""


class Status(enum.Enum):
    """Whether an instance can take traffic."""

    READY = "ready"
    """It can."""
    BUSY = "busy"
    """It cannot, until it is asked again."""


@dataclass(frozen=True)
class ConfigurationSetting:
    """The setting of this name has, or will have, another value."""

    name: str


@dataclass(frozen=True)
class Topology:
    """Instances of the role of this name come or go."""

    role: str


Change = ConfigurationSetting | Topology
"""Something that changes while the service runs."""


class Role:
    """A role: the code of its instances. Derive from it, and mark the class with ``@export_role``.

    Each instance of the service is one component with one object of the class, made without arguments when it is first
    needed. An instance has one thread: ``run``, the events and every HTTP request are asyncio tasks that take turns on it. While one
    awaits, the others go on; one that computes for long, or blocks in ``socket`` or ``time.sleep``, holds up all the others.

    An error of ``on_start`` or ``run`` is the reason that the fabric shows. One of another method goes to the log with
    its traceback: then ``changing`` stands for accept, and ``status_check`` for busy.
    """

    async def on_start(self) -> None:
        """Called once, before the instance takes traffic: the place to bind listeners. An error keeps the instance from starting;
        the fabric tries again later."""

    async def run(self) -> None:
        """The role's work, which is to go on for ever: when it returns, with or without an error, the instance is
        recycled. The instance takes traffic from the moment that this is called. The default does nothing, for ever."""
        while True:
            await asyncio.sleep(24 * 60 * 60)

    async def on_stop(self) -> None:
        """Called when the instance has left the rotation and is about to end. ``run`` and requests still go on meanwhile. The
        fabric waits for the stop budget (30 seconds unless configured), then cuts the instance off."""

    async def changing(self, changes: list[Change]) -> Verdict:
        """A change is about to be made; settings still have their old values."""
        return Verdict.ACCEPT

    async def changed(self, changes: list[Change]) -> None:
        """A change has been made; settings have their new values."""

    async def status_check(self) -> Status:
        """Asked at regular intervals. ``Status.BUSY`` takes the instance out of the rotation until it is asked again."""
        return Status.READY

    async def stopping(self) -> None:
        """The instance has left the rotation; ``on_stop`` follows."""

    async def simultaneous_changing(self, changes: list[Change]) -> None:
        """As ``changing``, for a change of topology that all instances are told of at once. It cannot be refused."""

    async def simultaneous_changed(self, changes: list[Change]) -> None:
        """As ``changed``, after ``simultaneous_changing``."""


class WebRole(Role):
    """A role that answers the HTTP requests of its http endpoints."""

    async def handle(self, request: Request) -> Response:
        """Answers one request. Requests run at the same time as each other and as ``run``. An error is answered with 500, and
        goes to the log with its traceback; ``BodyTooLong`` is answered with 413."""
        raise NotImplementedError("a web role implements `handle`")


def reason(error: BaseException) -> str:
    """An error and its causes in one line, the way it is shown to people."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(parts) < 10:
        text = str(cause)
        # A bare KeyError says nothing but the key, and many errors say nothing at all.
        named = isinstance(cause, (KeyError, AssertionError, NameError, AttributeError, TypeError)) or not text
        parts.append(f"{type(cause).__name__}: {text}" if named and text else text or type(cause).__name__)
        cause = cause.__cause__
    return ": ".join(parts)
