"""asyncio's streams, servers and datagrams on the event loop of roles, with the network in memory."""

import asyncio
import errno
import gc
import socket
import unittest

from wasm_roles import Protocol, Role, environment
from wasm_roles.http import BodyTooLong, HttpError, Request, Response, fetch
from wasm_roles.testing import DefinedRole, Installed, TestEnvironment


class Echo(Role):
    """Sends back each line."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    async def on_start(self) -> None:
        here = environment.current_instance().endpoint("In")
        self.server = await asyncio.start_server(self.serve, *here.socket_address)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                while line := await reader.readline():
                    writer.write(line)
                    await writer.drain()
            self.ends.append("end")
        except TimeoutError:
            self.ends.append("late")
            writer.write(b"too late\n")
        except OSError as error:
            self.ends.append(type(error).__name__)
        writer.close()
        await writer.wait_closed()


def installed() -> Installed:
    echo = DefinedRole("Echo", instances=2).internal_endpoint("In", Protocol.TCP, 7000)
    return TestEnvironment(echo).role(DefinedRole("Other").internal_endpoint("In", Protocol.TCP, 7001)).install()


OPEN: list[asyncio.StreamWriter] = []
"""Kept until their double ends, which closes them."""


async def connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port)
    OPEN.append(writer)
    return reader, writer


async def open_echo(host: str = "10.0.0.4") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await connect(host, 7000)


class Streams(unittest.TestCase):
    def test_what_is_sent_arrives(self) -> None:
        async def talk() -> bytes:
            reader, writer = await open_echo()
            writer.write(b"one\n")
            first = await reader.readline()
            writer.write(b"two\n")
            writer.write_eof()
            return first + await reader.read()

        with installed() as double:
            echo = double.start(Echo)
            self.assertEqual(double.call(talk()), b"one\ntwo\n")
            self.assertEqual(echo.role.ends, ["end"])

    def test_both_sides_know_their_addresses(self) -> None:
        async def talk() -> tuple[object, object]:
            _, writer = await open_echo()
            return writer.get_extra_info("peername"), writer.get_extra_info("sockname")[0]

        with installed() as double:
            echo = double.start(Echo)
            self.assertEqual(double.call(talk()), (("10.0.0.4", 7000), "10.0.0.4"))
            self.assertEqual(echo.role.server.sockets[0].getsockname(), ("10.0.0.4", 7000))

    def test_a_time_out_ends_a_read(self) -> None:
        async def talk() -> bytes:
            reader, _ = await open_echo()
            return await reader.read()

        with installed() as double:
            echo = double.start(Echo)
            self.assertEqual(double.call(talk()), b"too late\n")
            self.assertEqual((echo.role.ends, double.loop.time()), (["late"], 5.0))

    def test_a_read_that_was_given_up_loses_nothing(self) -> None:
        async def talk() -> bytes:
            reader, writer = await open_echo()
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(reader.readline(), 1)
            writer.write(b"hello\n")
            return await reader.readline()

        with installed() as double:
            double.start(Echo)
            self.assertEqual(double.call(talk()), b"hello\n")

    def test_whoever_connects_and_closes_at_once_reads_nothing(self) -> None:
        problems: list[object] = []

        async def talk() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
            _, writer = await asyncio.open_connection("10.0.0.4", 7000)
            writer.close()

        with installed() as double:
            echo = double.start(Echo)
            double.call(talk())
            double.pass_time(1)
            gc.collect()
            self.assertEqual((problems, echo.role.ends), ([], ["end"]))

    def test_a_writer_waits_for_a_slow_reader(self) -> None:
        async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(10)
            await reader.readexactly(1_000_000)
            writer.close()

        async def talk() -> float:
            async with await asyncio.start_server(never_reads, "10.0.0.6", 7001):
                reader, writer = await connect("10.0.0.6", 7001)
                writer.write(bytes(1_000_000))
                await writer.drain()
                drained = asyncio.get_running_loop().time()
                await reader.read()
                return drained

        with installed() as double:
            double.start(Role)
            self.assertGreaterEqual(double.call(talk()), 10.0)

    def test_a_connection_that_the_other_side_has_closed_breaks(self) -> None:
        async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async def talk() -> None:
            async with await asyncio.start_server(closes, "10.0.0.6", 7001):
                reader, writer = await connect("10.0.0.6", 7001)
                await reader.read()
                while True:
                    writer.write(bytes(1000))
                    await writer.drain()

        with installed() as double, self.assertRaises(OSError) as caught:
            double.start(Role)
            double.call(talk())
        self.assertIn(caught.exception.errno, (errno.EPIPE, errno.ECONNRESET, None))

    def test_nobody_listens_is_connection_refused(self) -> None:
        with installed() as double, self.assertRaises(ConnectionRefusedError) as caught:
            double.call(open_echo())
        self.assertIn("10.0.0.4:7000", str(caught.exception))

    def test_a_port_is_listened_on_once_until_it_is_closed(self) -> None:
        async def listen() -> asyncio.Server:
            return await asyncio.start_server(lambda _, writer: writer.close(), "10.0.0.4", 7000)

        with installed() as double:
            echo = double.start(Echo)
            with self.assertRaises(OSError) as caught:
                double.call(listen())
            self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
            echo.role.server.close()
            self.assertFalse(echo.role.server.is_serving())
            with self.assertRaises(ConnectionRefusedError):
                double.call(open_echo())
            self.assertTrue(double.call(listen()).is_serving())

    def test_a_server_that_starts_again_on_its_port_answers(self) -> None:
        async def first_line(port: int) -> bytes:
            reader, _ = await connect("10.0.0.4", port)
            return await reader.read()

        async def restart() -> list[bytes]:
            said = []
            for words in (b"one", b"two"):

                async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes = words) -> None:
                    writer.write(words)
                    writer.close()

                server = await asyncio.start_server(answer, "10.0.0.4", 7001)
                await asyncio.sleep(1)
                said += [await first_line(7001), await first_line(7001)]
                server.close()
            return said

        with installed() as double:
            self.assertEqual(double.call(restart()), [b"one", b"one", b"two", b"two"])

    def test_serving_for_ever_ends_when_it_is_cancelled(self) -> None:
        async def serve() -> bool:
            server = await asyncio.start_server(lambda _, writer: writer.close(), "10.0.0.4", 7001)
            task = asyncio.create_task(server.serve_forever())
            await asyncio.sleep(1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            await server.wait_closed()
            return server.is_serving()

        with installed() as double:
            self.assertFalse(double.call(serve()))

    def test_names_of_the_deployment_lead_to_its_instances(self) -> None:
        async def resolve(name: str) -> list[str]:
            found = await asyncio.get_running_loop().getaddrinfo(name, 7000)
            return [entry[4][0] for entry in found]

        with installed() as double:
            double.start(Echo)
            for name, addresses in [
                ("echo", ["10.0.0.4", "10.0.0.5"]),
                ("Echo_IN_1", ["10.0.0.5"]),
                ("1.Echo", ["10.0.0.5"]),
                ("10.9.8.7", ["10.9.8.7"]),
            ]:
                self.assertEqual(double.call(resolve(name)), addresses)
            with self.assertRaisesRegex(socket.gaierror, "nothing that this instance may see is named `elsewhere`"):
                double.call(resolve("elsewhere"))
            # Nobody listens on the second instance: the first is tried too.
            reader, _ = double.call(open_echo("Echo"))
            self.assertIsInstance(reader, asyncio.StreamReader)

    def test_what_a_role_cannot_have_is_refused_in_words(self) -> None:
        with installed() as double:
            with self.assertRaisesRegex(NotImplementedError, "no `ssl`"):
                double.call(asyncio.open_connection("10.0.0.4", 443, ssl=True))
            with self.assertRaisesRegex(OSError, "70000 is no port"):
                double.call(asyncio.open_connection("10.0.0.4", 70000))

    def test_a_function_for_a_thread_runs_at_once(self) -> None:
        with installed() as double:
            self.assertEqual(double.call(asyncio.to_thread(sum, [1, 2])), 3)
            with self.assertRaises(ZeroDivisionError):
                double.call(asyncio.to_thread(lambda: 1 / 0))


class _Collect(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[bytes, object]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.put_nowait((data, addr))


class Datagrams(unittest.TestCase):
    def test_a_datagram_gets_an_answer(self) -> None:
        async def talk() -> tuple[bytes, object]:
            loop = asyncio.get_running_loop()
            server, heard = await loop.create_datagram_endpoint(_Collect, ("10.0.0.6", 9000))
            client, answers = await loop.create_datagram_endpoint(_Collect, remote_addr=("10.0.0.6", 9000))
            client.sendto(b"ping")
            data, sender = await heard.received.get()
            server.sendto(data + b" pong", sender)
            answer = await answers.received.get()
            server.close()
            client.close()
            return answer

        with installed() as double:
            self.assertEqual(double.call(talk()), (b"ping pong", ("10.0.0.6", 9000)))


class Http(unittest.TestCase):
    def test_a_request_has_path_query_and_headers(self) -> None:
        request = Request("GET", "/a?x=1?y", [("Host", "shop"), ("X-Raw", b"\xff")])
        self.assertEqual((request.path, request.query, request.authority), ("/a", "x=1?y", "shop"))
        self.assertEqual((request.header("host"), request.header("x-raw"), request.header("none")), ("shop", None, None))
        self.assertEqual((Request("GET", "").path, Request("GET", "/a").query, Request("GET", "/a?").query), ("/", None, ""))

    def test_a_body_has_a_limit(self) -> None:
        with installed() as double, self.assertRaisesRegex(BodyTooLong, "more than 3 bytes"):
            double.call(Request("POST", "/", body=b"four").body(limit=3))

    def test_responses_say_what_they_are(self) -> None:
        answer = Response.json({"a": 1}, status=201).with_header("x", "y")
        self.assertEqual((answer.status, answer.body, answer.header("Content-Type")), (201, b'{"a": 1}', "application/json"))
        self.assertEqual(answer.with_status(500).header("x"), "y")

    def test_a_test_answers_what_a_role_fetches(self) -> None:
        with installed() as double:
            double.answer_fetches(lambda request: Response.text(f"{request.method} {request.authority} {request.target}"))
            self.assertEqual(double.call(fetch("http://Other:80/a?b", method="PUT")).body, b"PUT Other:80 /a?b")

            def refused(_: object) -> Response:
                raise HttpError(errno.ECONNREFUSED, "connection refused")

            double.answer_fetches(refused)
            with self.assertRaises(HttpError):
                double.call(fetch("http://Other/"))
            with self.assertRaisesRegex(ValueError, "`Other` is no address to fetch"):
                double.call(fetch("Other"))


if __name__ == "__main__":
    unittest.main()
