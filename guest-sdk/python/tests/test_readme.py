"""The first role of the README is what it says: it passes the test that stands beside it."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"

# The package is tested where it is installed, too, and there is no README.
if README.is_file():

    class FirstRole(unittest.TestCase):
        def test_the_first_role_passes_its_test(self) -> None:
            role, test = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
            with tempfile.TemporaryDirectory() as folder:
                for path, text in [("src/role.py", role), ("tests/test_role.py", test)]:
                    place = Path(folder, path)
                    place.parent.mkdir()
                    place.write_text(text)
                path = os.pathsep.join([str(Path(folder, "src")), *sys.path])
                ran = subprocess.run(
                    [sys.executable, "-m", "unittest", "discover", "tests"],
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": path},
                    capture_output=True,
                    text=True,
                )
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertIn("Ran 1 test", ran.stderr)


if __name__ == "__main__":
    unittest.main()
