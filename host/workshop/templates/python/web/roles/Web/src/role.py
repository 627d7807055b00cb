"""Web: greets whoever asks."""

from wasm_roles import Request, Response, WebRole, environment, export_role


# The life cycle's defaults will do: nothing to start, nothing to stop.
@export_role
class Web(WebRole):
    async def handle(self, request: Request) -> Response:
        if request.path != "/":
            return Response.text("There is nothing here.\n", status=404)
        greeting = environment.setting("Greeting")
        return Response.text(f"{greeting}, says {environment.current_instance().id}\n")
