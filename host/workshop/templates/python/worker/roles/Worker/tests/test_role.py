import asyncio
import unittest

from role import Worker
from wasm_roles import Protocol, environment
from wasm_roles.testing import DefinedRole, Installed, NotStarted, TestEnvironment


def service(tick_seconds: str) -> Installed:
    worker = (
        DefinedRole("Worker")
        .internal_endpoint("Ask", Protocol.TCP, 20000)
        .instance_input_endpoint("Look", Protocol.TCP, 7000, 10100)
    )
    return TestEnvironment(worker).setting("TickSeconds", tick_seconds).install()


async def ask(endpoint: str) -> str:
    address = environment.current_instance().endpoint(endpoint).socket_address
    reader, writer = await asyncio.open_connection(*address)
    line = (await reader.read()).decode()
    writer.close()
    return line


class WorkerTest(unittest.TestCase):
    def test_it_tells_on_both_endpoints_how_often_it_has_ticked(self) -> None:
        with service("10") as double:
            double.start(Worker)
            self.assertEqual(double.call(ask("Ask")), "Worker_IN_0 has ticked 1 times\n")
            double.pass_time(20)
            self.assertEqual(double.call(ask("Look")), "Worker_IN_0 has ticked 3 times\n")

    def test_a_changed_setting_counts_from_the_next_tick_on(self) -> None:
        with service("10") as double:
            worker = double.start(Worker)
            worker.change_settings({"TickSeconds": "60"})
            double.pass_time(70)
            self.assertEqual(worker.role.ticks, 3)

    def test_a_setting_that_is_no_number_keeps_it_from_starting(self) -> None:
        for setting in ("often", "0"):
            with service(setting) as double, self.assertRaises(NotStarted) as caught:
                double.start(Worker)
            self.assertEqual(str(caught.exception), f"TickSeconds is `{setting}`: it has to be a whole number from 1")
