"""Words: counts the words of a text, and asks the other workers what they know about it."""

from lines import Refused, ask, serve
from words import ignored, longest, words_of

from wasm_roles import Role, UnknownName, environment, export_role


@export_role
class Words(Role):
    # Bound here, not in `run`: when the instance is ready, others can connect.
    async def on_start(self) -> None:
        address = environment.current_instance().endpoint("Words").socket_address
        self.server = await serve(address, {"ANALYSE": analyse})
        print("Words listens on {}:{}".format(*address))

    async def run(self) -> None:
        await self.server.serve_forever()


async def analyse(text: str) -> str:
    words = words_of(text, ignored(environment.setting("IgnoredWords")))
    checksum, checksum_id = await ask_role("Checksum", "Sum", f"SUM {text}")
    times, ledger_id = await ask_role("Ledger", "Book", f"COUNT {text}")
    fields = [len(words), longest(words), checksum, times, environment.current_instance().id, checksum_id, ledger_id]
    return "OK " + " ".join(map(str, fields))


async def ask_role(role: str, endpoint: str, question: str) -> tuple[str, str]:
    """What an instance of the role says, and which one."""
    problem: object = "it has no instance"
    found = environment.role(role)
    for instance in found.instances if found else ():
        try:
            said, by = await ask(instance.endpoint(endpoint).socket_address, question)
            return said, by
        except TimeoutError:
            problem = f"{instance.id} takes too long"
        except (OSError, Refused, UnknownName) as error:
            problem = error
        except ValueError:
            problem = f"{instance.id} does not answer with two fields"
    raise Refused(f"{role}: {problem}")
