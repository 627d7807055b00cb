"""Worker: ticks, and tells whoever connects how often it has."""

import asyncio

from wasm_roles import Role, environment, export_role


@export_role
class Worker(Role):
    def __init__(self) -> None:
        self.ticks = 0

    # The endpoints are bound here, not in `run`: when the instance is ready, others can connect.
    async def on_start(self) -> None:
        tick_seconds()
        for endpoint in environment.current_instance().endpoints:
            await asyncio.start_server(self.answer, *endpoint.socket_address)
            print(f"listening on {endpoint.address}:{endpoint.port}")

    # When this returns, the instance is recycled: stopped, and started again.
    async def run(self) -> None:
        while True:
            self.ticks += 1
            print(f"tick {self.ticks}")
            # Asked for each time: the setting can change while the instance runs.
            await asyncio.sleep(tick_seconds())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.line().encode())
        await writer.drain()
        writer.close()

    def line(self) -> str:
        return f"{environment.current_instance().id} has ticked {self.ticks} times\n"


def tick_seconds() -> int:
    """Seconds between ticks, as the configuration has them now."""
    setting = environment.setting("TickSeconds")
    if not (setting.strip().isdecimal() and int(setting) > 0):
        raise ValueError(f"TickSeconds is `{setting}`: it has to be a whole number from 1")
    return int(setting)
