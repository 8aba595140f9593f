"""`make lock`, for layers: the hashes of the wheels that are built into them.

layers/<name>/requirements.in has the layer's libraries, each with its version. From it this makes requirements.txt,
with the SHA-256 of each library's wheel for either architecture. Builds of layers give that to pip with
`--require-hashes`, so that nothing else can get into a layer, whatever an index offers by then.

https://pip.pypa.io/en/stable/topics/secure-installs/
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from local.workspace import ROOT

LAYERS = ("core", "expressions", "tokens")
MACHINES = ("aarch64", "x86_64")
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""What Amazon Linux 2023 (glibc 2.34) runs, as the layers' Makefiles name it."""


class LockError(RuntimeError):
    """The layer can't be locked. The message names the requirement."""


def locked(requirements: str, wheels: Iterable[Path]) -> str:
    """`requirements` with the hashes of these wheels behind each library, and comments as they are.

    Raises LockError for a requirement without one version, or without a wheel of that version.
    """
    hashes: dict[tuple[str, str], set[str]] = {}
    for wheel in wheels:
        name, version, _build, _tags = parse_wheel_filename(wheel.name)
        hashes.setdefault((name, str(version)), set()).add(hashlib.sha256(wheel.read_bytes()).hexdigest())
    lines = []
    for line in requirements.splitlines():
        if not line or line.startswith("#"):
            lines.append(line)
            continue
        found = hashes.get(_pin(line))
        if not found:
            raise LockError(f"no wheel of {line} for {' and '.join(MACHINES)}")
        lines.append(" \\\n".join([line, *(f"    --hash=sha256:{each}" for each in sorted(found))]))
    return "\n".join(lines) + "\n"


def _pin(line: str) -> tuple[str, str]:
    """The library and the one version that a line allows."""
    requirement = Requirement(line)
    versions = list(requirement.specifier)
    if len(versions) != 1 or versions[0].operator != "==" or "*" in versions[0].version:
        raise LockError(f"{line} is no one version")
    return canonicalize_name(requirement.name), versions[0].version


def download(requirements: Path, directory: Path) -> list[Path]:
    """The wheels of a layer for each architecture, as its Makefile would install them."""
    for machine in MACHINES:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--python-version", "3.13", "--implementation", "cp"),
            *(f"--platform={platform}_{machine}" for platform in PLATFORMS),
            *("--requirement", str(requirements), "--dest", str(directory)),
        ]
        subprocess.run(command, check=True)
    return sorted(directory.glob("*.whl"))


def main() -> None:
    """Write requirements.txt of each layer anew."""
    for layer in LAYERS:
        given = ROOT / "layers" / layer / "requirements.in"
        with tempfile.TemporaryDirectory() as directory:
            text = locked(given.read_text("utf-8"), download(given, Path(directory)))
        given.with_suffix(".txt").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
