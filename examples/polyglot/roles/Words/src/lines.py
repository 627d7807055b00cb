"""The protocol of the service: one line asks, one line answers, and the connection is closed."""

import asyncio
from collections.abc import Awaitable, Callable

# Of one line, in bytes, with the end of the line.
LIMIT = 4096
# How long the other side may take, in seconds.
PATIENCE = 5


class Refused(Exception):
    """The other side answers with ERROR, or not as it should."""


async def ask(address: tuple[str, int], question: str) -> list[str]:
    """The fields of the answer."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*address, limit=LIMIT)
        try:
            writer.write(f"{question}\n".encode())
            await writer.drain()
            line = await read_line(reader)
        finally:
            writer.close()
    verdict, _, rest = line.partition(" ")
    if verdict != "OK":
        raise Refused(rest or "it has no answer")
    return rest.split(" ")


async def serve(
    address: tuple[str, int], answers: dict[str, Callable[[str], Awaitable[str]]]
) -> asyncio.AbstractServer:
    """Answers each line with what belongs to its first word."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                verb, _, rest = (await read_line(reader)).partition(" ")
                reply = await answers[verb](rest) if verb in answers else f"ERROR nobody knows the verb `{verb}`"
        except Refused as error:
            reply = f"ERROR {error}"
        except TimeoutError:
            reply = f"ERROR it took longer than {PATIENCE} s"
        writer.write(f"{reply}\n".encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, *address, limit=LIMIT)


async def read_line(reader: asyncio.StreamReader) -> str:
    """One line without its end."""
    try:
        return (await reader.readuntil(b"\n")).decode().removesuffix("\n")
    except asyncio.LimitOverrunError:
        raise Refused(f"a line has {LIMIT} bytes at most") from None
    except asyncio.IncompleteReadError:
        raise Refused("the line has no end") from None
    except UnicodeDecodeError:
        raise Refused("the line is no UTF-8") from None
