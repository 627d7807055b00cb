import asyncio
import unittest

from role import Web
from wasm_roles import Protocol, Request, environment
from wasm_roles.testing import DefinedRole, Installed, TestEnvironment


def service() -> Installed:
    worker = DefinedRole("Worker").internal_endpoint("Ask", Protocol.TCP, 7000)
    return TestEnvironment(DefinedRole("Web")).role(worker).setting("Greeting", "Good morning").install()


async def says_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello from the worker\n")
    writer.close()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def listen(answer) -> None:
    worker = environment.role("Worker").instances[0]
    await asyncio.start_server(answer, *worker.endpoint("Ask").socket_address)


class WebTest(unittest.TestCase):
    def page(self, double: Installed) -> str:
        return double.start(Web).handle(Request("GET", "/")).body.decode()

    def test_it_shows_what_the_worker_says(self) -> None:
        with service() as double:
            double.call(listen(says_hello))
            self.assertEqual(self.page(double), "Good morning, says Web_IN_0\nhello from the worker\n")

    def test_it_greets_also_when_the_worker_does_not_answer(self) -> None:
        with service() as double:
            self.assertRegex(self.page(double), "Worker does not answer: .*10.0.0.5:7000: Connection refused\n")
            double.call(listen(says_nothing))
            self.assertIn("Worker does not answer: Worker_IN_0 takes longer than 5 s\n", self.page(double))

    def test_other_paths_are_not_found(self) -> None:
        with service() as double:
            self.assertEqual(double.start(Web).handle(Request("GET", "/elsewhere")).status, 404)
