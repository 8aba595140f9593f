"""Which modules a statement loads, in a Python of its own."""

import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    """The names of all modules that are there after `statement` ran in a new interpreter with our paths."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    return set(done.stdout.split())
