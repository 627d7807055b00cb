"""Answers as its paths say, so that a test can see what a web role in Python does."""

import asyncio
import random
import socket
import threading

from wasm_roles import Request, Response, WebRole, environment, export_role, http

BORN = random.random()


@export_role
class Web(WebRole):
    def __init__(self) -> None:
        self.waiting: list[asyncio.Future] = []
        self.rested = asyncio.Event()

    async def stopping(self) -> None:
        raise LookupError("nothing to stop")

    async def on_stop(self) -> None:
        print("on_stop is called all the same")

    async def handle(self, request: Request) -> Response:
        match request.path:
            case "/":
                return Response.json(
                    {
                        "method": request.method,
                        "query": request.query,
                        "authority": request.authority,
                        "header": request.header("x-test"),
                        "id": environment.current_instance().id,
                    }
                )
            case "/echo":
                return Response(201, await request.body(limit=100_000), [("x-test", b"yes")])
            case "/large":
                return Response(200, bytes(1_000_000))
            case "/meet":
                # Answered by another request.
                meeting = asyncio.get_running_loop().create_future()
                self.waiting.append(meeting)
                return Response.text(await meeting)
            case "/waiting":
                return Response.text(str(len(self.waiting)))
            case "/go":
                waiting, self.waiting = self.waiting, []
                for meeting in waiting:
                    meeting.set_result("met")
                return Response.text(str(len(waiting)))
            case "/rest":
                # Goes on after the answer.
                asyncio.create_task(self.rest())
                return Response.text("begun")
            case "/rested":
                await self.rested.wait()
                return Response.text("rested")
            case "/late":
                try:
                    async with asyncio.timeout(0.05):
                        await asyncio.Event().wait()
                except TimeoutError:
                    return Response.text("late")
            case "/fetch":
                return await self.fetch(request.query or "")
            case "/file":
                with open("greeting.txt") as file:
                    return Response.text(file.read())
            case "/give-up":
                return Response.text(await self.give_up())
            case "/restart":
                return Response.text(" ".join(await restart()))
            case "/cancel":
                for task in asyncio.all_tasks():
                    task.cancel()
                await asyncio.sleep(0)
            case "/chance":
                return Response.json([BORN, random.random()])
            case "/import":
                import colorsys

                return Response.text(str(colorsys))
            case "/thread":
                threading.Thread(target=print).start()
            case "/fail":
                raise ValueError("as it was told")
            case "/header":
                return Response.text("").with_header("not a name", "x")
            case "/status":
                return Response(99)
        return None

    async def rest(self) -> None:
        await asyncio.sleep(0.01)
        self.rested.set()

    async def give_up(self) -> str:
        """Connects to somebody who accepts nobody, until the queue is full and a time-out ends it."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        for connections in range(1000):
            try:
                async with asyncio.timeout(0.05):
                    await asyncio.open_connection(*listener.getsockname())
            except TimeoutError:
                listener.close()
                return f"given up after {connections > 0}"
        return "never"

    async def fetch(self, url: str) -> Response:
        try:
            answer = await http.fetch(url)
        except OSError as error:
            return Response.text(f"{type(error).__name__}: {error}", status=502)
        return Response.text(f"{answer.status} {answer.body.decode()}")


async def restart() -> list[str]:
    """What clients hear from a server that is closed and started again on its port, and closed in the end."""
    heard = []
    port = 5000
    for words in (b"one", b"two"):

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes = words) -> None:
            writer.write(words)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", port)
        await asyncio.sleep(0.01)
        heard += [await first_words(port), await first_words(port)]
        await asyncio.sleep(0.01)
        server.close()
    return heard + [await first_words(port), await first_words(port)]


async def first_words(port: int) -> str:
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            words = (await reader.read()).decode()
            writer.close()
            return words or "nothing"
    except OSError as error:
        return type(error).__name__
