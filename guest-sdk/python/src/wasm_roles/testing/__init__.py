"""A role's own unit tests, on the developer's machine and without a host.

``TestEnvironment`` says what the service definition and the configuration would say: the role, its instances, their endpoints,
settings, local storage. Installed, it answers ``wasm_roles.environment``, with the visibility rule that the fabric has too, until its
``with`` ends. A role is driven as the fabric drives it: ``Installed.start`` calls ``on_start`` and begins ``run``; ``StartedRole`` has
the events, changes of the configuration, requests of a web role, and the stop. The calls are not async: use them in ordinary
``unittest`` or ``pytest`` functions.

Time. ``asyncio.sleep`` and ``asyncio.timeout`` go by a clock of the double's own. It stands still while anybody has something to do, and
jumps to the next thing that somebody waits for: a day takes no time at all. ``time.sleep`` knows nothing of it.

Sockets. ``asyncio.start_server``, ``open_connection`` and datagrams work, in memory: what listens in a test is reached in that test, by
every name that the deployment has. The standard library's ``socket`` knows nothing of it.

What is not there: traffic rules, limits and quotas.

>>> import asyncio
>>> from wasm_roles import Protocol, Role, Verdict, environment
>>> from wasm_roles.testing import DefinedRole, TestEnvironment
>>> class Postman(Role):
...     async def run(self):
...         for _ in range(int(environment.setting("Letters"))):
...             await asyncio.sleep(60)
...         environment.request_recycle()
...         await super().run()
...
...     async def changing(self, changes):
...         return Verdict.RECYCLE
>>> with TestEnvironment(DefinedRole("Postman", instances=2)).setting("Letters", "3").install() as double:
...     postman = double.start(Postman)
...     double.pass_time(179)
...     early = double.recycle_requests
...     double.pass_time(1)
...     print(early, double.recycle_requests, postman.change_settings({"Letters": "5"}))
0 1 Verdict.RECYCLE
"""

from .definition import DefinedRole
from .environment import EVENT_DEADLINE, STOP_BUDGET, Installed, TestEnvironment
from .started import NotStarted, StartedRole

__all__ = ["EVENT_DEADLINE", "STOP_BUDGET", "DefinedRole", "Installed", "NotStarted", "StartedRole", "TestEnvironment"]
