"""Web: greets, and shows what the worker says."""

import asyncio

from wasm_roles import Request, Response, RoleInstance, WebRole, environment, export_role

# How long the worker may take, in seconds.
PATIENCE = 5


# The life cycle's defaults will do: nothing to start, nothing to stop.
@export_role
class Web(WebRole):
    async def handle(self, request: Request) -> Response:
        if request.path != "/":
            return Response.text("There is nothing here.\n", status=404)
        greeting = environment.setting("Greeting")
        return Response.text(f"{greeting}, says {environment.current_instance().id}\n{await worker_says()}")


async def worker_says() -> str:
    """What an instance of the worker says, or why there is no answer."""
    worker = environment.role("Worker")
    problem: object = "it has no instance"
    for instance in worker.instances if worker else ():
        try:
            async with asyncio.timeout(PATIENCE):
                return await ask(instance)
        except TimeoutError:
            problem = f"{instance.id} takes longer than {PATIENCE} s"
        except OSError as error:
            problem = error
    return f"Worker does not answer: {problem}\n"


async def ask(worker: RoleInstance) -> str:
    reader, writer = await asyncio.open_connection(*worker.endpoint("Ask").socket_address)
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()
