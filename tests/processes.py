"""Files of the tests, run in processes of their own."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def python(file, *arguments):
    """Run a file with arguments: the `CompletedProcess`."""
    paths = [str(HERE.parent), str(HERE)]
    return subprocess.run(
        [sys.executable, HERE / file, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        cwd=HERE,
    )
