"""Sets the version everywhere that it stands: `python -m local.release 0.2.0`, which `make release` calls.

The version is Semantic Versioning's MAJOR.MINOR.PATCH (https://semver.org). It stands in pyproject.toml, and once
in each package that is deployed or attached by itself, since none of them can read another's files: the core
layer, the client library, the command line and the OpenAPI document. tests/unit/test_version.py holds them equal.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from local.workspace import ROOT

PLACES = {
    "pyproject.toml": r'(?m)^version = "(.*)"$',
    "layers/core/tocsin/__init__.py": r'(?m)^__version__ = "(.*?)"',
    "layers/client/tocsin_client/__init__.py": r'(?m)^__version__ = "(.*?)"',
    "cli/pyproject.toml": r'(?m)^version = "(.*)"$',
    "docs/openapi.json": r'"title": "Tocsin",\s+"version": "(.*?)"',
}
"""Files, and where in each the version stands: the pattern's first group, found exactly once."""

CHANGELOG = "CHANGELOG.md"
CHANGELOGS = (CHANGELOG, "layers/client/CHANGELOG.md")
"""The first is of everything, and must tell of a release; those of parts may have nothing to tell."""
_UNRELEASED = "## [Unreleased]"


class ReleaseError(ValueError):
    """The release can't be made as asked. Nothing was written."""


def versions(root: Path = ROOT) -> dict[str, str]:
    """Return the version that stands in each place."""
    return {path: _match(root, path)[1] for path in PLACES}


def successors(version: str) -> tuple[str, str, str]:
    """Return what may follow `version`: the next patch, minor and major version."""
    major, minor, patch = map(int, version.split("."))
    return f"{major}.{minor}.{patch + 1}", f"{major}.{minor + 1}.0", f"{major + 1}.0.0"


def release(version: str, *, on: date, root: Path = ROOT) -> None:
    """Write `version` in all places, and make the changelog's Unreleased section that of `version`, dated `on`.

    Raises ReleaseError where the places differ, `version` is no successor of theirs, or nothing is unreleased.
    """
    now = set(versions(root).values())
    if len(now) > 1:
        raise ReleaseError(f"the version is not the same everywhere: {versions(root)}")
    (before,) = now
    if version not in successors(before):
        raise ReleaseError(f"after {before} comes one of {', '.join(successors(before))}; given: {version!r}")
    changelogs = {path: _released(root, path, version, on) for path in CHANGELOGS}
    if changelogs[CHANGELOG] is None:
        raise ReleaseError(f"{CHANGELOG} says nothing under {_UNRELEASED}")

    for path in PLACES:
        found = _match(root, path)
        text = found.string
        (root / path).write_text(text[: found.start(1)] + version + text[found.end(1) :], encoding="utf-8")
    for path, changelog in changelogs.items():
        if changelog is not None:
            (root / path).write_text(changelog, encoding="utf-8")


def _match(root: Path, path: str) -> re.Match[str]:
    (found,) = re.finditer(PLACES[path], (root / path).read_text("utf-8"))
    return found


def _released(root: Path, path: str, version: str, on: date) -> str | None:
    """Return a changelog with an empty Unreleased section above the one that it had; None where that one is empty."""
    text = (root / path).read_text("utf-8")
    before, heading, rest = text.partition(f"{_UNRELEASED}\n")
    if not heading or not rest.split("\n## ", 1)[0].strip():
        return None
    return f"{before}{_UNRELEASED}\n\n## [{version}] - {on.isoformat()}\n{rest}"


def main() -> int:
    """Make the release that the only argument names; give the exit status."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: make release VERSION=MAJOR.MINOR.PATCH\n")
        return 2
    try:
        release(sys.argv[1], on=datetime.now(UTC).date())
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{', '.join(PLACES)} and {CHANGELOG} say {sys.argv[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
