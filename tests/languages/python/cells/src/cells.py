"""Does what it is told, one line at a time, so that a test can see what a role in Python can do."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable

from wasm_roles import ConfigurationSetting, Role, Status, Verdict, environment, export_role, http

PATIENCE = 5


@export_role
class Cells(Role):
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.told_to_exit = asyncio.Event()
        self.verbs: dict[str, Callable[[str], Awaitable[str]]] = {
            "SETTING": setting,
            "INSTANCE": instance,
            "STORE": store,
            "EVENTS": self.events,
            "FETCH": fetch,
            "CONNECT": connect,
            "BLOCKING-CONNECT": blocking_connect,
            "RESOLVE": resolve,
            "UDP": datagram,
            "SLEEP": sleep,
            "RANDOM": chance,
            "FAIL": fail,
            "EXIT": self.exit,
        }

    async def on_start(self) -> None:
        here = environment.current_instance().endpoint("In")
        await asyncio.start_server(self.serve, *here.socket_address)
        print(f"listening on {here.address}:{here.port}")

    # Woken by another task: the one of the connection that says EXIT.
    async def run(self) -> None:
        await self.told_to_exit.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, _, rest = (await reader.readline()).decode().removesuffix("\n").partition(" ")
        try:
            answer = await self.verbs[verb](rest) if verb in self.verbs else f"ERROR unknown verb {verb}"
        except (OSError, LookupError, TimeoutError) as error:
            answer = f"ERROR {type(error).__name__}: {error}"
        writer.write(f"{answer}\n".encode())
        await writer.drain()
        writer.close()

    async def events(self, _: str) -> str:
        return " ".join(["OK", *self.heard])

    async def exit(self, _: str) -> str:
        self.told_to_exit.set()
        return "OK"

    async def changing(self, changes: list) -> Verdict:
        self.heard.append("changing")
        recycle = ConfigurationSetting("Recycle") in changes
        return Verdict.RECYCLE if recycle else Verdict.ACCEPT

    async def changed(self, changes: list) -> None:
        self.heard.append("changed")

    async def status_check(self) -> Status:
        if "status-check" not in self.heard:
            self.heard.append("status-check")
        return Status.READY

    async def stopping(self) -> None:
        self.heard.append("stopping")
        print("heard " + " ".join(self.heard))

    async def on_stop(self) -> None:
        await asyncio.sleep(0.01)
        print("stops")


async def setting(name: str) -> str:
    return f"OK {environment.setting(name)}"


async def instance(_: str) -> str:
    return f"OK {environment.current_instance().id}"


async def store(text: str) -> str:
    path = environment.local_resource("Disk").path / "cell.txt"
    path.write_text(text)
    return f"OK {path.read_text()}"


async def fetch(url: str) -> str:
    response = await http.fetch(url)
    return f"OK {response.status}"


async def connect(address: str) -> str:
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(*_parted(address))
    writer.close()
    return "OK"


async def blocking_connect(address: str) -> str:
    """With the standard library's sockets: nothing else goes on meanwhile."""
    with socket.create_connection(_parted(address), timeout=PATIENCE):
        return "OK"


async def resolve(name: str) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(name, 0)
    return "OK " + " ".join(sorted(entry[4][0] for entry in found))


async def datagram(rest: str) -> str:
    address, _, text = rest.partition(" ")
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    class Answers(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple) -> None:
            answers.put_nowait(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Answers, remote_addr=_parted(address))
    try:
        transport.sendto(text.encode())
        async with asyncio.timeout(PATIENCE):
            return f"OK {(await answers.get()).decode()}"
    finally:
        transport.close()


async def sleep(milliseconds: str) -> str:
    await asyncio.sleep(int(milliseconds) / 1000)
    return "OK"


async def chance(_: str) -> str:
    return f"OK {random.random()}"


async def fail(_: str) -> str:
    raise LookupError("as it was told")


def _parted(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
