"""A role's life under test: start, run, events, stop."""

import asyncio
import unittest

from wasm_roles import (
    ConfigurationSetting,
    Protocol,
    Request,
    Response,
    Role,
    Status,
    Topology,
    Verdict,
    WebRole,
    environment,
    export_role,
)
from wasm_roles.role import reason
from wasm_roles.testing import DefinedRole, NotStarted, TestEnvironment


class Recorder(Role):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.verdict = Verdict.ACCEPT

    async def changing(self, changes):  # type: ignore[no-untyped-def]
        self.heard.append(("changing", changes, environment.setting("Size")))
        return self.verdict

    async def changed(self, changes):  # type: ignore[no-untyped-def]
        self.heard.append(("changed", changes, environment.setting("Size")))

    async def simultaneous_changing(self, changes):  # type: ignore[no-untyped-def]
        self.heard.append(("simultaneous_changing", changes))

    async def simultaneous_changed(self, changes):  # type: ignore[no-untyped-def]
        self.heard.append(("simultaneous_changed", changes))

    async def stopping(self) -> None:
        self.heard.append("stopping")

    async def on_stop(self) -> None:
        self.heard.append("on_stop")


def recorder():  # type: ignore[no-untyped-def]
    others = DefinedRole("Others").internal_endpoint("In", Protocol.TCP, 1)
    hidden = DefinedRole("Hidden").input_endpoint("Door", Protocol.TCP, 80)
    return TestEnvironment(DefinedRole("Recorder")).role(others).role(hidden).setting("Size", "1")


class Life(unittest.TestCase):
    def test_time_passes_as_fast_as_the_test_wants(self) -> None:
        class Sleeper(Role):
            mornings = 0

            async def run(self) -> None:
                while True:
                    await asyncio.sleep(24 * 60 * 60)
                    self.mornings += 1

        with recorder().install() as double:
            sleeper = double.start(Sleeper)
            double.pass_time(30 * 24 * 60 * 60)
            self.assertEqual(sleeper.role.mornings, 30)

    def test_an_error_of_on_start_keeps_the_role_from_starting(self) -> None:
        class Broken(Role):
            async def on_start(self) -> None:
                try:
                    int("many")
                except ValueError as error:
                    raise RuntimeError("no shelves") from error

        with recorder().install() as double, self.assertRaises(NotStarted) as caught:
            double.start(Broken)
        self.assertEqual(str(caught.exception), "no shelves: invalid literal for int() with base 10: 'many'")

    def test_the_end_of_run_is_seen(self) -> None:
        class Brief(Role):
            async def run(self) -> None:
                await asyncio.sleep(1)
                raise OSError("disk full")

        with recorder().install() as double:
            brief = double.start(Brief)
            self.assertFalse(brief.run_has_returned)
            double.pass_time(1)
            self.assertEqual((brief.run_has_returned, brief.run_error), (True, "disk full"))

    def test_changed_settings_are_announced_changed_and_told(self) -> None:
        with recorder().install() as double:
            role = double.start(Recorder)
            size = [ConfigurationSetting("Size")]
            self.assertEqual(role.change_settings({"Size": "2"}), Verdict.ACCEPT)
            self.assertEqual(role.change_settings({"Size": "2"}), Verdict.ACCEPT)
            self.assertEqual(role.role.heard, [("changing", size, "1"), ("changed", size, "2")])

    def test_a_role_that_wants_a_recycle_hears_no_changed(self) -> None:
        with recorder().install() as double:
            role = double.start(Recorder)
            role.role.verdict = Verdict.RECYCLE
            self.assertEqual(role.change_settings({"Size": "2"}), Verdict.RECYCLE)
            self.assertEqual(role.role.heard, [("changing", [ConfigurationSetting("Size")], "1")])

    def test_a_role_hears_of_instances_that_it_can_see(self) -> None:
        with recorder().install() as double:
            role = double.start(Recorder)
            role.change_instances("Hidden", 4)
            self.assertEqual(role.role.heard, [])
            role.change_instances("Others", 2)
            self.assertEqual([heard[0] for heard in role.role.heard], ["changing", "changed"])
            others = environment.role("Others")
            assert others is not None
            self.assertEqual(len(others.instances), 2)
            role.change_instances_at_once("Others", 1)
            self.assertEqual(role.role.heard[2:], [("simultaneous_changing", [Topology("Others")]), ("simultaneous_changed", [Topology("Others")])])

    def test_mistakes_of_the_test_are_said(self) -> None:
        with recorder().install() as double:
            role = double.start(Recorder)
            for mistake, words in [
                (lambda: role.change_settings({"Sise": "2"}), "changes the setting `Sise`"),
                (lambda: role.change_instances("Attic", 2), "changes the role `Attic`"),
                (lambda: role.change_instances("Recorder", 0), "number 0 under test is gone"),
                (lambda: role.handle(Request("GET", "/")), "Recorder is no WebRole"),
            ]:
                with self.assertRaisesRegex(AssertionError, words):
                    mistake()

    def test_a_handler_that_takes_too_long_fails_the_test(self) -> None:
        class Slow(Role):
            async def status_check(self) -> Status:
                await asyncio.sleep(11)
                return Status.READY

        with recorder().install() as double, self.assertRaisesRegex(AssertionError, "status_check has not returned within 10 s"):
            double.start(Slow).status_check()

    def test_a_role_that_never_waits_fails_the_test(self) -> None:
        class Busy(Role):
            async def run(self) -> None:
                while True:
                    await asyncio.sleep(0)

        with self.assertRaisesRegex(AssertionError, "the role never waits"), recorder().install() as double:
            double.start(Busy)

    def test_a_stop_is_told_before_it_is_made(self) -> None:
        with recorder().install() as double:
            role = double.start(Recorder)
            self.assertEqual(role.status_check(), Status.READY)
            role.stop()
            self.assertEqual(role.role.heard, ["stopping", "on_stop"])
            self.assertTrue(role.run_has_returned)

    def test_one_task_wakes_another(self) -> None:
        class Waiter(Role):
            def __init__(self) -> None:
                self.told = asyncio.Event()

            async def run(self) -> None:
                await self.told.wait()

            async def changed(self, changes) -> None:  # type: ignore[no-untyped-def]
                self.told.set()

        with recorder().install() as double:
            waiter = double.start(Waiter)
            waiter.change_settings({"Size": "2"})
            double.pass_time(0)
            self.assertTrue(waiter.run_has_returned)


class Web(WebRole):
    async def handle(self, request: Request) -> Response:
        if request.path == "/wrong":
            return "text"  # type: ignore[return-value]
        body = (await request.body(limit=10)).decode()
        return Response.text(f"{request.method} {request.path} {request.query} {body}")


class Requests(unittest.TestCase):
    def test_a_web_role_answers(self) -> None:
        with TestEnvironment(DefinedRole("Web")).install() as double:
            answer = double.start(Web).handle(Request("POST", "/orders?page=2", body=b"socks"))
        self.assertEqual((answer.status, answer.body), (200, b"POST /orders page=2 socks"))

    def test_what_is_no_response_is_a_mistake_that_is_said(self) -> None:
        with TestEnvironment(DefinedRole("Web")).install() as double, self.assertRaisesRegex(AssertionError, "returned 'text'"):
            double.start(Web).handle(Request("GET", "/wrong"))


class Reasons(unittest.TestCase):
    def test_an_error_that_says_little_is_named(self) -> None:
        for error, text in [(KeyError("x"), "KeyError: 'x'"), (ValueError(), "ValueError"), (OSError("full"), "full")]:
            self.assertEqual(reason(error), text)


class Exporting(unittest.TestCase):
    def test_only_a_role_can_be_exported(self) -> None:
        self.assertIs(export_role(Web), Web)
        with self.assertRaisesRegex(TypeError, "a class that derives from `Role` or `WebRole`"):
            export_role(dict)  # type: ignore[type-var]


if __name__ == "__main__":
    unittest.main()
