import unittest

from role import Web
from wasm_roles import Request, Response
from wasm_roles.testing import DefinedRole, TestEnvironment


def answer(path: str) -> Response:
    with TestEnvironment(DefinedRole("Web")).setting("Greeting", "Good morning").install() as double:
        return double.start(Web).handle(Request("GET", path))


class WebTest(unittest.TestCase):
    def test_it_greets(self) -> None:
        response = answer("/")
        self.assertEqual((response.status, response.body), (200, b"Good morning, says Web_IN_0\n"))

    def test_other_paths_are_not_found(self) -> None:
        self.assertEqual(answer("/elsewhere").status, 404)
