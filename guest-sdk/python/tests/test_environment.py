"""What a role finds out about itself, and the double that answers."""

import doctest
import tempfile
import unittest
from pathlib import Path

import wasm_roles.http
import wasm_roles.testing
from wasm_roles import Endpoint, EndpointKind, Protocol, Role, UnknownName, environment
from wasm_roles.testing import DefinedRole, TestEnvironment


def shop() -> TestEnvironment:
    office = DefinedRole("Office", instances=2).internal_endpoint("Counter", Protocol.TCP, 9000)
    cellar = DefinedRole("Cellar", instances=3).input_endpoint("Door", Protocol.TCP, 80)
    return TestEnvironment(DefinedRole("Shop", instances=2).instance_input_endpoint("Till", Protocol.TCP, 7000, 10100)).role(office).role(cellar)


class Asking(unittest.TestCase):
    def test_an_instance_knows_itself(self) -> None:
        with shop().as_instance(1).install():
            here = environment.current_instance()
            self.assertEqual((here.id, here.role, here.fault_domain, here.update_domain), ("Shop_IN_1", "Shop", 1, 1))
            till = Endpoint("Till", EndpointKind.INSTANCE_INPUT, Protocol.TCP, "10.0.0.5", 7000, None, 10101)
            self.assertEqual(here.endpoint("Till"), till)
            self.assertEqual(till.socket_address, ("10.0.0.5", 7000))
            self.assertEqual(list(here.internal_endpoints()), [])

    def test_others_are_seen_if_their_role_has_an_internal_endpoint(self) -> None:
        with shop().install():
            seen = {role.name: [one.id for one in role.instances] for role in environment.roles()}
        self.assertEqual(seen, {"Shop": ["Shop_IN_0"], "Office": ["Office_IN_0", "Office_IN_1"], "Cellar": []})

    def test_roles_come_in_the_order_of_the_definition(self) -> None:
        double = shop().role_before(DefinedRole("First").internal_endpoint("In", Protocol.TCP, 1))
        with double.install():
            self.assertEqual([role.name for role in environment.roles()], ["First", "Shop", "Office", "Cellar"])
            self.assertEqual(environment.current_instance().endpoints[0].address, "10.0.0.5")

    def test_what_the_definition_does_not_have_is_an_error_that_names_it(self) -> None:
        with shop().setting("Greeting", "hello").install():
            self.assertEqual(environment.setting("Greeting"), "hello")
            for ask, text in [
                (lambda: environment.setting("Greting"), "setting named `Greting`"),
                (lambda: environment.local_resource("Disk"), "local storage named `Disk`"),
                (lambda: environment.current_instance().endpoint("Tll"), "endpoint named `Tll`"),
            ]:
                with self.assertRaises(UnknownName) as caught:
                    ask()
                self.assertEqual(str(caught.exception), f"the service definition has no {text} for this role")
            self.assertIsNone(environment.role("Attic"))

    def test_local_storage_is_a_directory(self) -> None:
        with tempfile.TemporaryDirectory() as folder, shop().local_resource("Disk", folder, 5).install():
            disk = environment.local_resource("Disk")
            self.assertEqual((disk.path, disk.size_in_megabytes), (Path(folder), 5))

    def test_the_last_double_answers_until_it_ends(self) -> None:
        self.assertFalse(environment.is_available())
        with shop().deployment_id("1" * 32).install():
            with shop().deployment_id("2" * 32).emulated(False).install():
                self.assertEqual((environment.deployment_id(), environment.is_emulated()), ("2" * 32, False))
            self.assertEqual((environment.deployment_id(), environment.is_emulated()), ("1" * 32, True))
        with self.assertRaisesRegex(RuntimeError, "nobody answers for the environment"):
            environment.roles()

    def test_an_instance_that_is_not_there_cannot_be_tested(self) -> None:
        with self.assertRaisesRegex(AssertionError, "instance 2 of a role that has no such instance"):
            shop().as_instance(2).install()

    def test_recycling_is_asked_for_and_counted(self) -> None:
        with shop().install() as double:
            double.start(Role)
            environment.request_recycle()
            self.assertEqual(double.recycle_requests, 1)


def load_tests(_: object, tests: unittest.TestSuite, __: object) -> unittest.TestSuite:
    tests.addTests(doctest.DocTestSuite(wasm_roles.testing))
    tests.addTests(doctest.DocTestSuite(wasm_roles.http))
    return tests


if __name__ == "__main__":
    unittest.main()
