"""What a role under test can ask, and the double that answers."""

from __future__ import annotations

import inspect
from copy import copy
from pathlib import Path
from typing import Any, Awaitable, Callable, TypeVar

from .. import environment as asked
from .. import http
from ..environment import LocalResource, RoleInfo, RoleInstance
from ..http import OutgoingRequest, Response
from ..role import Role
from .clock import DoubleLoop
from .definition import DefinedRole, Layout
from .memory import MemoryNetwork
from .started import EVENT_DEADLINE, STOP_BUDGET, StartedRole

_R = TypeVar("_R", bound=Role)
_T = TypeVar("_T")

_PATIENCE = 24 * 60 * 60.0
"""The longest that a test waits for something, in seconds of the double's time."""


class TestEnvironment:
    """Says what the role under test finds when it asks. It answers nobody before ``install``.

    Instance 0 of this role, alone in its deployment, without settings and local storage, unless more is said.
    """

    __test__ = False  # no tests in it, whatever its name begins with

    def __init__(self, role: DefinedRole) -> None:
        self._roles = [role]
        self._own = 0
        self._number = 0
        self._settings: dict[str, str] = {}
        self._local: dict[str, LocalResource] = {}
        self._deployment_id = "0123456789abcdef0123456789abcdef"
        self._emulated = True

    def _changed(self, **values: Any) -> TestEnvironment:
        other = copy(self)
        vars(other).update(values)
        return other

    def role(self, role: DefinedRole) -> TestEnvironment:
        """The same with another role in the deployment. The definition declares it after those that are there already."""
        return self._changed(_roles=[*self._roles, role])

    def role_before(self, role: DefinedRole) -> TestEnvironment:
        """The same with another role that the definition declares before the role under test, and after those that were given so
        earlier: ``environment.roles()`` and the addresses have the definition's order."""
        roles = [*self._roles[: self._own], role, *self._roles[self._own :]]
        return self._changed(_roles=roles, _own=self._own + 1)

    def as_instance(self, number: int) -> TestEnvironment:
        """The same as another instance of the role, counted from 0."""
        return self._changed(_number=number)

    def setting(self, name: str, value: str) -> TestEnvironment:
        """The same with a setting."""
        return self._changed(_settings={**self._settings, name: value})

    def local_resource(self, name: str, directory: str | Path, size_in_megabytes: int) -> TestEnvironment:
        """The same with local storage: a directory that the test has made, and the size that the definition declares, in units of
        1,048,576 bytes. The double does not enforce the size."""
        resource = LocalResource(name, Path(directory), size_in_megabytes)
        return self._changed(_local={**self._local, name: resource})

    def deployment_id(self, value: str) -> TestEnvironment:
        """The same with another deployment id."""
        return self._changed(_deployment_id=value)

    def emulated(self, emulated: bool) -> TestEnvironment:
        """The same with another answer to ``is_emulated``; true without this."""
        return self._changed(_emulated=emulated)

    def install(self) -> Installed:
        """Answers ``wasm_roles.environment`` until the ``with`` of what this returns ends. A double that was installed before has
        its turn again then."""
        return Installed(copy(self))


class Installed:
    """A double that answers. Use it in a ``with``."""

    def __init__(self, said: TestEnvironment) -> None:
        roles = said._roles
        if said._number >= roles[said._own].instances:
            raise AssertionError(f"the test is instance {said._number} of a role that has no such instance")
        self._said = said
        self._own_name = roles[said._own].name
        self.layout = Layout(list(roles))
        self.settings = dict(said._settings)
        self.recycle_requests = 0
        """How often the role has asked to be recycled."""
        self.loop = DoubleLoop(MemoryNetwork(self._names, self._own_address))
        self._fetches: Callable[[OutgoingRequest], Response | Awaitable[Response]] | None = None
        self._client = _Client(self)
        asked._answering.append(_Answers(self))
        http._clients.append(self._client)

    def __enter__(self) -> Installed:
        return self

    def __exit__(self, *_: object) -> None:
        asked._answering[:] = [one for one in asked._answering if not (isinstance(one, _Answers) and one.double is self)]
        http._clients[:] = [one for one in http._clients if one is not self._client]
        self.loop.end()

    def start(self, role: type[_R]) -> StartedRole[_R]:
        """Starts the role as the fabric does: ``on_start``, then ``run``, which gets to where it first waits. ``NotStarted`` if
        ``on_start`` fails."""
        return StartedRole(self, role)

    def pass_time(self, seconds: float) -> None:
        """Lets time pass; everybody gets their turns."""
        self.loop.run(self.loop.time() + seconds, lambda: False)

    def call(self, awaitable: Awaitable[_T], within: float = _PATIENCE) -> _T:
        """Runs what a test wants to do beside the role, such as to connect to it, and gives its result. Time passes as far as it
        waits."""
        return self.loop.complete(awaitable, within, "what the test waits for")

    def answer_fetches(self, answer: Callable[[OutgoingRequest], Response | Awaitable[Response]]) -> None:
        """From now on, this function answers ``http.fetch``. It may be async, and raise ``HttpError``."""
        self._fetches = answer

    # What the parts of the double ask.

    def current(self) -> RoleInstance:
        """The instance under test."""
        own = next(role for role in self.layout.roles if role.name == self._own_name)
        return self.layout.instances_of(own)[self._said._number]

    def hears_of(self, name: str) -> bool:
        """Whether the instance is told when instances of this role come and go: those of its own role, and those that it can
        see."""
        return name == self._own_name or any(role.name == name and role.is_visible for role in self.layout.roles)

    def check_setting(self, name: str) -> None:
        """A test changes only what there is."""
        if name not in self.settings:
            raise AssertionError(f"the test changes the setting `{name}`, which the role does not have")

    def instances_of(self, name: str, after: int) -> int:
        """How many instances a role has, that is to have ``after``."""
        role = next((role for role in self.layout.roles if role.name == name), None)
        if role is None:
            raise AssertionError(f"the test changes the role `{name}`, which the deployment does not have")
        if name == self._own_name and after <= self._said._number:
            raise AssertionError(
                f"the test leaves the role `{name}` {after} instances, so number {self._said._number} under test is gone: the fabric "
                "stops such an instance and tells it of no change; call `stop`"
            )
        return role.instances

    def _own_address(self) -> str:
        endpoints = self.current().endpoints
        return endpoints[0].address if endpoints else "127.0.0.1"

    def _names(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for role in self.layout.visible_to(self.current()):
            for number, instance in enumerate(role.instances):
                for endpoint in instance.endpoints[:1]:
                    names.setdefault(role.name.lower(), []).append(endpoint.address)
                    names[instance.id.lower()] = names[f"{number}.{role.name.lower()}"] = [endpoint.address]
        return names


class _Answers:
    def __init__(self, double: Installed) -> None:
        self.double = double

    def deployment_id(self) -> str:
        return self.double._said._deployment_id

    def is_emulated(self) -> bool:
        return self.double._said._emulated

    def current_instance(self) -> RoleInstance:
        return self.double.current()

    def roles(self) -> list[RoleInfo]:
        return self.double.layout.visible_to(self.double.current())

    def setting(self, name: str) -> str | None:
        return self.double.settings.get(name)

    def local_resource(self, name: str) -> LocalResource | None:
        return self.double._said._local.get(name)

    def request_recycle(self) -> None:
        self.double.recycle_requests += 1


class _Client:
    def __init__(self, double: Installed) -> None:
        self._double = double

    async def send(self, request: OutgoingRequest) -> Response:
        if self._double._fetches is None:
            raise AssertionError(f"the role fetches http://{request.authority}{request.target}: say with `answer_fetches` what it gets")
        answer = self._double._fetches(request)
        return await answer if inspect.isawaitable(answer) else answer


__all__ = ["EVENT_DEADLINE", "STOP_BUDGET", "Installed", "TestEnvironment"]
