"""`sam build` for one architecture, in directories of its own, and proof that all of it is of that architecture.

SAM's cache keys know neither a parameter nor an environment variable, so that a layer that was built for one
architecture would be taken for another's: hence a directory for each. What is built takes no other value of the
parameter Architecture any more, so that no later command can deploy functions of another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from local.cloud.rollout import roll_out
from local.workspace import ROOT

BUILDS = ROOT / ".local/cloud"
ARCHITECTURES = ("arm64", "x86_64")
LAYERS = ("CoreLayer", "ExpressionsLayer", "TokensLayer")
"""The layers that hold machine code. The client's is for any architecture."""

# How the files of compiled extensions name an architecture.
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


class BuildError(RuntimeError):
    """What was built can't be deployed. The message says what is wrong with it."""


def build(architecture: str, rollout: str, environment: Mapping[str, str]) -> Path:
    """Build for an architecture; the directory of what was built. Raises BuildError where sam fails or mixes them.

    `rollout` is how traffic gets to it: see `local.cloud.rollout`.
    """
    if architecture not in ARCHITECTURES:
        raise BuildError(f"Architecture is {' or '.join(ARCHITECTURES)}, not {architecture!r}")
    directory = BUILDS / architecture
    command = [
        *(str(Path(sys.executable).with_name("sam")), "build", "--config-env", "default"),
        *("--build-dir", str(directory / "build"), "--cache-dir", str(directory / "cache")),
        *("--parameter-overrides", f"Architecture={architecture}"),
    ]
    variables = {**os.environ, **environment, "TOCSIN_ARCHITECTURE": architecture}
    if subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode != 0:
        raise BuildError("sam build failed")
    check(directory / "build", architecture)
    pin(directory / "build/template.yaml", architecture)
    roll_out(directory / "build/template.yaml", rollout)
    return directory / "build"


def check(built: Path, architecture: str) -> None:
    """Raise BuildError where a layer says that it is of another architecture, or holds extensions of another one."""
    others = [_MACHINES[each] for each in ARCHITECTURES if each != architecture]
    for layer in LAYERS:
        stamp = built / layer / "architecture"
        stated = stamp.read_text("utf-8").strip() if stamp.exists() else "an unknown architecture"
        if stated != architecture:
            raise BuildError(f"{layer} was built for {stated}, the functions are for {architecture}: remove {built}")
        for path in (built / layer).rglob("*.so"):
            if any(f"-{machine}-linux" in path.name for machine in others):
                raise BuildError(f"{path.relative_to(built)} is not for {architecture}: remove {built}")


def pin(template: Path, architecture: str) -> None:
    """Have the built template take no other architecture."""
    document = yaml.safe_load(template.read_text("utf-8"))
    document["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    template.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")
