"""A role that runs under test, and what the fabric does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Mapping, TypeVar

from ..http import Request, Response
from ..role import Change, ConfigurationSetting, Role, Status, Topology, Verdict, WebRole, reason

if TYPE_CHECKING:
    from .environment import Installed

_R = TypeVar("_R", bound=Role)
_T = TypeVar("_T")

EVENT_DEADLINE = 10.0
"""Seconds that the handler of an event has: later, the fabric goes on without it, so a test fails."""

STOP_BUDGET = 30.0
"""Seconds that ``on_stop`` has: later, the fabric cuts the instance off, so a test fails."""

_PATIENCE = 24 * 60 * 60.0


class NotStarted(Exception):
    """``on_start`` has failed. The text is the reason that the fabric would show."""


class StartedRole(Generic[_R]):
    """A role whose ``on_start`` has succeeded and whose ``run`` is under way, or has returned.

    What the fabric would call, a test calls here. Each call gives ``run`` and all other tasks their turns, and time passes as far as the
    call waits for it. An error of a handler is an error of the test.
    """

    def __init__(self, double: Installed, role: type[_R]) -> None:
        self._double = double
        self._loop = double.loop
        try:
            self.role: _R = role()
            self._loop.complete(self.role.on_start(), _PATIENCE, "on_start")
        except AssertionError:
            raise
        except Exception as error:
            raise NotStarted(reason(error)) from error
        self._run = self._loop.create_task(self.role.run())
        self._loop.settle()

    @property
    def run_has_returned(self) -> bool:
        """Whether ``run`` has returned: the fabric would recycle the instance."""
        return self._run.done()

    @property
    def run_error(self) -> str | None:
        """The error of ``run``, as the fabric would show it; none while it is under way, or when it has returned without."""
        error = self._run.exception() if self._run.done() and not self._run.cancelled() else None
        return reason(error) if error else None

    def change_settings(self, settings: Mapping[str, str]) -> Verdict:
        """Gives settings other values, as a new configuration does: ``changing`` while the old ones can still be read, then the
        change, then ``changed``. If the role answers ``Verdict.RECYCLE``, it hears no ``changed``; the fabric would then stop this
        instance, and start it again with the new values. Of settings that have these values already it hears nothing; if all have, the
        answer is ``Verdict.ACCEPT``."""
        for name in settings:
            self._double.check_setting(name)
        changed = {name: value for name, value in settings.items() if self._double.settings[name] != value}
        if not changed:
            return Verdict.ACCEPT
        changes: list[Change] = [ConfigurationSetting(name) for name in changed]
        verdict = self.changing(changes)
        self._double.settings.update(changed)
        if verdict is Verdict.ACCEPT:
            self.changed(changes)
        return verdict

    def change_instances(self, role: str, count: int) -> Verdict:
        """Gives a role another number of instances. The role under test is told as of a change of settings if that is its own
        role, or one that it can see; otherwise nobody asks it, and the answer is ``Verdict.ACCEPT``. So it is if the role has this number
        already."""
        if self._double.instances_of(role, count) == count:
            return Verdict.ACCEPT
        changes: list[Change] = [Topology(role)]
        told = self._double.hears_of(role)
        verdict = self.changing(changes) if told else Verdict.ACCEPT
        self._double.layout.resize(role, count)
        if told and verdict is Verdict.ACCEPT:
            self.changed(changes)
        return verdict

    def change_instances_at_once(self, role: str, count: int) -> None:
        """As ``change_instances``, told to all instances at once, which a role cannot refuse: what the fabric does where the
        definition says ``topologyChangeDiscovery="Blast"``."""
        if self._double.instances_of(role, count) == count:
            return
        changes: list[Change] = [Topology(role)]
        told = self._double.hears_of(role)
        if told:
            self._event("simultaneous_changing", self.role.simultaneous_changing(changes))
        self._double.layout.resize(role, count)
        if told:
            self._event("simultaneous_changed", self.role.simultaneous_changed(changes))

    def changing(self, changes: list[Change]) -> Verdict:
        """Asks the role about changes that are about to be made. Nothing is changed."""
        return _a(Verdict, "changing", self._event("changing", self.role.changing(changes)))

    def changed(self, changes: list[Change]) -> None:
        """Tells the role of changes that have been made."""
        self._event("changed", self.role.changed(changes))

    def status_check(self) -> Status:
        """Asks the role for its status, as the fabric does every 15 seconds."""
        return _a(Status, "status_check", self._event("status_check", self.role.status_check()))

    def handle(self, request: Request) -> Response:
        """Lets the web role answer a request."""
        if not isinstance(self.role, WebRole):
            raise AssertionError(f"{type(self.role).__name__} is no WebRole: it answers no requests")
        return _a(Response, "handle", self._loop.complete(self.role.handle(request), _PATIENCE, "handle"))

    def stop(self) -> None:
        """Stops the role: ``stopping``, then ``on_stop``, while ``run`` goes on. Then nothing of it does."""
        self._event("stopping", self.role.stopping())
        self._loop.complete(self.role.on_stop(), STOP_BUDGET, "on_stop")
        self._run.cancel()
        self._loop.settle()

    def _event(self, name: str, call: Any) -> Any:
        return self._loop.complete(call, EVENT_DEADLINE, name)


def _a(kind: type[_T], name: str, value: object) -> _T:
    if not isinstance(value, kind):
        raise AssertionError(f"`{name}` is to return a {kind.__name__}, and returned {value!r}")
    return value
