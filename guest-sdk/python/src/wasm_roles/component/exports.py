"""The exports of the component, in the shape that ``componentize-py`` asks for."""

from __future__ import annotations

import asyncio
import sys
import traceback
from types import ModuleType
from typing import Any, Awaitable, Callable, TypeVar

# Components cannot load modules later: what Python loads when it first needs it is loaded here.
import encodings.ascii
import encodings.idna
import encodings.latin_1
import encodings.utf_8  # noqa: F401
import linecache  # noqa: F401

from componentize_py_types import Err
from wit_world import exports as bindings
from wit_world.imports import wasm_roles_role_types as wit

from .. import environment, http
from ..role import Role, Status, Verdict, WebRole, reason
from . import contract
from .contract import Fabric
from .tasks import loop  # noqa: F401
from .web import FabricClient, answer

_T = TypeVar("_T")


def export(role: type[Role], module: ModuleType) -> None:
    """Gives the module the classes that ``componentize-py`` looks for."""
    if hasattr(module, "EntryPoint"):
        raise TypeError(f"a component is one role: `{module.__name__}` exports another beside {role.__name__}")
    answers, asked = issubclass(role, WebRole), hasattr(bindings, "Handler")
    if answers and not asked:
        raise TypeError(f'{role.__name__} is a WebRole: its pyproject.toml has to say `kind = "web"` in `[tool.wasm-roles]`')
    if asked and not answers:
        raise TypeError(f'{role.__name__} is no WebRole, but its pyproject.toml says `kind = "web"` in `[tool.wasm-roles]`')
    the_role: list[Role] = []

    def instance() -> Any:
        # Not when the component is built, as what is made there is the same in every instance.
        if not the_role:
            the_role.append(role())
        return the_role[0]

    setattr(module, "EntryPoint", lambda: _EntryPoint(instance))
    setattr(module, "Events", lambda: _Events(instance))
    if answers:
        setattr(module, "Handler", lambda: _Handler(instance))
    environment._answering[:] = [Fabric()]
    http._clients[:] = [FabricClient()]


class _Exports:
    def __init__(self, role: Callable[[], Any]) -> None:
        self._role = role


class _EntryPoint(_Exports, bindings.EntryPoint):
    async def on_start(self) -> None:
        await _or_reason(lambda: self._role().on_start())

    async def run(self) -> None:
        await _or_reason(lambda: self._role().run())

    async def on_stop(self) -> None:
        await _or_log("on_stop", lambda: self._role().on_stop(), None)


class _Events(_Exports, bindings.Events):
    async def changing(self, changes: list[wit.Change]) -> wit.Verdict:
        verdict = await _or_log("changing", lambda: self._role().changing(contract.changes(changes)), Verdict.ACCEPT)
        return wit.Verdict.RECYCLE if _is_a(Verdict, "changing", verdict) is Verdict.RECYCLE else wit.Verdict.ACCEPT

    async def changed(self, changes: list[wit.Change]) -> None:
        await _or_log("changed", lambda: self._role().changed(contract.changes(changes)), None)

    async def status_check(self) -> wit.Status:
        status = await _or_log("status_check", lambda: self._role().status_check(), Status.BUSY)
        return wit.Status.READY if _is_a(Status, "status_check", status) is Status.READY else wit.Status.BUSY

    async def stopping(self) -> None:
        await _or_log("stopping", lambda: self._role().stopping(), None)

    async def simultaneous_changing(self, changes: list[wit.Change]) -> None:
        await _or_log("simultaneous_changing", lambda: self._role().simultaneous_changing(contract.changes(changes)), None)

    async def simultaneous_changed(self, changes: list[wit.Change]) -> None:
        await _or_log("simultaneous_changed", lambda: self._role().simultaneous_changed(contract.changes(changes)), None)


class _Handler(_Exports, getattr(bindings, "Handler", object)):  # type: ignore[misc]  # the world of workers has none
    async def handle(self, request: Any) -> Any:
        return await answer(lambda received: self._role().handle(received), request)


async def _or_reason(call: Callable[[], Awaitable[None]]) -> None:
    """An error becomes the reason that the fabric shows; where it came from goes to the log."""
    try:
        await call()
    except asyncio.CancelledError:
        raise Err("it was cancelled") from None
    except Exception as error:
        traceback.print_exc()
        raise Err(reason(error)) from None


async def _or_log(name: str, call: Callable[[], Awaitable[_T]], otherwise: _T) -> _T:
    """An error of an event goes to the log, and the event has its default answer."""
    try:
        return await call()
    except (Exception, asyncio.CancelledError):
        traceback.print_exc()
        answer = getattr(otherwise, "value", None)
        taken = f": `{answer}` is taken as its answer" if answer else ""
        print(f"`{name}` has failed{taken}", file=sys.stderr)
        return otherwise


def _is_a(kind: type[Any], name: str, value: Any) -> Any:
    if not isinstance(value, kind):
        print(f"`{name}` is to return a {kind.__name__}, and returned {value!r}", file=sys.stderr)
    return value
