"""The Pythons that the client is for, as far as this machine has them."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import which

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
CLIENT = Path(__file__).parents[3] / "layers" / "client"


@cache
def pythons() -> dict[str, str]:
    """{version: its interpreter}: on the PATH, or where pyenv puts them."""
    found = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        paths = [which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}*/bin/python{version}")))]
        for path in filter(None, paths):
            asked = subprocess.run(
                [path, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
            if asked.returncode == 0 and asked.stdout.strip() == version:
                found[version] = path
                break
    return found


def run(python: str, script: str, *, stdin: str = "", timeout: float = 60) -> str:
    """What a script prints that `python` runs with the client, and nothing else that is not the standard library's."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(CLIENT)!r})\n{script}"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def mine() -> str:
    """This process's own."""
    return sys.executable
