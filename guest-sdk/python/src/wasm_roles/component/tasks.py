"""One event loop for all calls of the fabric.

Each call of an export is a task of the component model, and waits for a set of things that the host does. ``componentize-py`` gives each
call a loop of its own, without timers, so that one call cannot wake another. Here all calls share one loop. Everything
that anybody waits for is in one set, which one of the calls, the driver, waits for; the others sleep until their own result is there
and they are woken to hand it over, or until they are to drive because the driver has ended.

What a call has begun goes on after it has returned, as long as any other call is under way: ``run`` always is.

This replaces parts of ``componentize_py_async_support`` that are not public, so the SDK names the versions of ``componentize-py`` that it
was made for.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Coroutine

import componentize_py_async_support as support
import componentize_py_runtime as runtime
import wit_world
from componentize_py_types import Err, Ok
from wit_world.imports import monotonic_clock

from ..loop import RoleLoop
from .sockets import FabricNetwork

_EXIT = support._CallbackCode.EXIT
_YIELD = support._CallbackCode.YIELD
_WAIT = support._CallbackCode.WAIT

_ROUNDS = 100
"""How often the loop turns before others in the store get a chance."""


class ComponentLoop(RoleLoop):
    """The loop. Its timers are waits for the host's clock, at most one for each time that was the next one."""

    def __init__(self) -> None:
        super().__init__(FabricNetwork())
        self._alarms: set[float] = set()

    def turn(self) -> bool:
        """Runs everything that is ready; whether there is more."""
        for _ in range(_ROUNDS):
            self._run_once()
            self._set_alarm()
            if not self._ready:
                return False
        return True

    def _set_alarm(self) -> None:
        when = self._next_timer()
        if when is not None and (not self._alarms or when < min(self._alarms)):
            self._alarms.add(when)
            self.create_task(self._alarm(when), name="alarm")

    async def _alarm(self, when: float) -> None:
        # A wait that has begun cannot be taken back: it ends in its time, and finds nothing to do.
        try:
            await monotonic_clock.wait_for(max(0, math.ceil((when - self.time()) * 1e9)))
        finally:
            self._alarms.discard(when)


class _Wait:
    """Something that the host was asked for and has not done yet."""

    __slots__ = ("future", "promise")

    def __init__(self, promise: int) -> None:
        self.promise = promise
        self.future = loop.create_future()

    def set_result(self, event: int) -> None:
        """Called by ``componentize-py`` when it is done. Whoever waited may have given up."""
        try:
            value = runtime.promise_get_result(event, self.promise)
        except Exception as error:
            if not self.future.done():
                self.future.set_exception(error)
        else:
            if not self.future.done():
                self.future.set_result(value)


class _WakeUp:
    """A byte that a call is sent so that it wakes up."""

    __slots__ = ("promise", "reader", "writer")

    def __init__(self, waitables: int) -> None:
        self.writer, self.reader = wit_world.byte_stream()
        started = runtime.stream_read(self.reader.type_, self.reader.handle, 1)
        waitable, self.promise = started.value
        _Call.futures[waitable] = self
        runtime.waitable_join(waitable, waitables)
        runtime.stream_write(self.writer.type_, self.writer.handle, b"!")

    def set_result(self, event: int) -> None:
        """Called by ``componentize-py``: the call is awake."""
        runtime.promise_get_result(event, self.promise)
        for end in (self.reader, self.writer):
            end.__exit__(None, None, None)


class _Call:
    """A call of one export."""

    futures: dict[int, Any] = {}
    """Everything that is waited for, by the host's handle. ``componentize-py`` looks for it here."""
    waited_for: int | None = None
    """The set of all of it."""
    under_way: dict[_Call, None] = {}
    """In the order in which they began."""
    finished: list[_Call] = []
    """Those whose result is there since the last turn."""
    driver: _Call | None = None

    def __init__(self, export: int, borrows: int, task: asyncio.Task[Any]) -> None:
        self._export = export
        self._borrows = borrows
        self._task = task
        self._own: int | None = None
        self._woken = False
        _Call.under_way[self] = None
        task.add_done_callback(lambda _: _Call.finished.append(self))

    def poll(self) -> int:
        """Has the loop turn; says what this call does next."""
        self._woken = False
        more = loop.turn()
        finished, _Call.finished = _Call.finished, []
        for other in finished:
            if other is not self and other in _Call.under_way:
                other._wake()
        if self._task.done():
            self._hand_over()
            return _EXIT
        if _Call.driver is None:
            _Call.driver = self
        runtime.context_set(self)
        return _YIELD if more else _WAIT | (self._waitables() << 4)

    def _hand_over(self) -> None:
        """Returns the result, and lets another call drive."""
        del _Call.under_way[self]
        if _Call.driver is self:
            _Call.driver = None
        if _Call.driver is None and _Call.under_way:
            _Call.driver = next(iter(_Call.under_way))
            _Call.driver._wake()
        if self._own is not None:
            runtime.waitable_set_drop(self._own)
        runtime.call_task_return(self._export, self._borrows, _result(self._task))

    def _waitables(self) -> int:
        if self is _Call.driver:
            return all_waitables()
        if self._own is None:
            self._own = runtime.waitable_set_new()
        return self._own

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            # It may have become the driver since it fell asleep: it sleeps on its own set still.
            _WakeUp(self._own if self._own is not None else all_waitables())


def all_waitables() -> int:
    """The set of everything that is waited for."""
    if _Call.waited_for is None:
        _Call.waited_for = runtime.waitable_set_new()
    return _Call.waited_for


def _result(task: asyncio.Task[Any]) -> Any:
    try:
        return Ok(task.result())
    except Err as error:
        return error


async def _await_result(result: Any) -> Any:
    if isinstance(result, Ok):
        return result.value
    waitable, promise = result.value
    wait = _Wait(promise)
    _Call.futures[waitable] = wait
    runtime.waitable_join(waitable, all_waitables())
    return await wait.future


def _first_poll(export: int, borrows: int, coroutine: Coroutine[Any, Any, Any]) -> int:
    return _Call(export, borrows, loop.create_task(coroutine)).poll()


def _spawn(coroutine: Coroutine[Any, Any, Any]) -> None:
    loop.create_task(coroutine)


def _install() -> None:
    wanted = ("_loop", "_poll", "first_poll", "callback", "await_result", "spawn", "_CallbackCode")
    missing = [name for name in wanted if not hasattr(support, name)]
    if missing:
        raise ImportError(
            "this version of componentize-py is not one that wasm_roles was made for (its async support has no "
            f"{', '.join(missing)}): install the one that the package asks for, `pip install 'wasm-roles[build]'`"
        )
    support._loop = loop
    support._poll = _Call.poll
    support.first_poll = _first_poll
    support.await_result = _await_result
    support.spawn = _spawn
    asyncio.set_event_loop(loop)
    asyncio.events._set_running_loop(loop)


loop = ComponentLoop()
_install()
