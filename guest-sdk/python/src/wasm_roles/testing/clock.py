"""An event loop whose time passes as fast as a test wants."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, TypeVar

from ..loop import Network, RoleLoop

_T = TypeVar("_T")

_MANY_TURNS = 100_000
"""So many turns without any time passing are a role that never waits."""

_FAREWELLS = 10
"""How often tasks are cancelled that others begin while they are cancelled."""


class DoubleLoop(RoleLoop):
    """Jumps from one timer to the next."""

    def __init__(self, network: Network) -> None:
        self._now = 0.0
        super().__init__(network)

    def time(self) -> float:
        return self._now

    def run(self, until: float, done: Callable[[], bool]) -> None:
        """Gives everybody their turns, until this is done or the time is over."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            turns = 0
            while not done():
                if self._ready:
                    turns += 1
                    if turns > _MANY_TURNS:
                        raise AssertionError("the role never waits: something in it loops without an `await` that takes time")
                else:
                    when = self._next_timer()
                    if when is None or when > until:
                        self._now = max(self._now, until)
                        return
                    turns = 0
                    self._now = max(self._now, when)
                self._run_once()
        finally:
            asyncio._set_running_loop(before)

    def complete(self, awaitable: Awaitable[_T], within: float, what: str) -> _T:
        """The result of something that has to be there within these seconds of the double's time."""
        task = self.create_task(_awaited(awaitable))
        self.run(self._now + within, task.done)
        if not task.done():
            task.cancel()
            self.settle()
            raise AssertionError(f"{what} has not returned within {within:g} s")
        return task.result()

    def settle(self) -> None:
        """Everybody gets to where they wait; no time passes."""
        self.run(self._now, lambda: False)

    def end(self) -> None:
        """Nothing goes on. What goes wrong on the way is no matter of the test any more."""
        self.set_exception_handler(lambda loop, context: None)
        for _ in range(_FAREWELLS):
            tasks = asyncio.all_tasks(self)
            for task in tasks:
                task.cancel()
            if not tasks:
                break
            self.settle()
        self._thread_id: Any = None
        self.close()


async def _awaited(awaitable: Awaitable[_T]) -> _T:
    return await awaitable
