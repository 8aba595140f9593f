"""`make vendor`: JavaScript of others that the console uses, from npm, with what it is and where it is from.

Each package is taken at the version that manifest.json names (with UPDATE=1, at the latest), by `npm pack`, which holds
it to npm's integrity, and its files are copied below functions/console/static/vendor. Bare
names of imports become paths, for browsers resolve none, and an inline import map is not allowed by the page's policy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.workspace import ROOT

VENDOR = ROOT / "functions/console/static/vendor"
MANIFEST = VENDOR / "manifest.json"


@dataclass(frozen=True)
class Wanted:
    """A package of npm, and its files by what they are called here."""

    name: str
    files: dict[str, str]


WANTED = (
    Wanted(
        "preact",
        {"preact.js": "dist/preact.mjs", "preact-hooks.js": "hooks/dist/hooks.mjs"},
    ),
    Wanted("htm", {"htm.js": "dist/htm.module.js"}),
    Wanted("@preact/signals-core", {"signals-core.js": "dist/signals-core.module.js"}),
    Wanted("@preact/signals", {"signals.js": "dist/signals.module.js"}),
    Wanted("uplot", {"uplot.js": "dist/uPlot.esm.js", "uplot.css": "dist/uPlot.min.css"}),
    Wanted("oauth4webapi", {"oauth4webapi.js": "build/index.js"}),
)
PATHS = {
    "preact": "./preact.js",
    "preact/hooks": "./preact-hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])(@?[a-z][\w/-]*)\2""")
_SOURCE_MAP = re.compile(r"\n//# sourceMappingURL=\S+\s*$")


def fitted(source: str) -> str:
    """`source` with paths for bare names, and without the name of a source map that is not here."""

    def path_of(found: re.Match[str]) -> str:
        before, quote, name = found.groups()
        return f"{before}{quote}{PATHS[name]}{quote}"

    return _SOURCE_MAP.sub("\n", _IMPORT.sub(path_of, source))


def digest(content: bytes) -> str:
    """The integrity of a file as browsers and npm write it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def packed(name: str, version: str, directory: Path) -> tuple[Path, str]:
    """A package's archive in `directory` and its integrity, which npm has checked."""
    command = ["npm", "pack", f"{name}@{version}", "--json", "--pack-destination", str(directory)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    (about,) = json.loads(done.stdout)
    return directory / str(about["filename"]).replace("@", "").replace("/", "-"), about["integrity"]


def take(wanted: Wanted, version: str, directory: Path) -> dict[str, Any]:
    """Copies a package's files; gives its entry of the manifest. ValueError where it has not what is wanted."""
    archive, integrity = packed(wanted.name, version, directory)
    files = {}
    with tarfile.open(archive) as opened:
        for ours, theirs in wanted.files.items():
            member = opened.extractfile(f"package/{theirs}")
            if member is None:
                raise ValueError(f"{wanted.name} {version} has no {theirs}")
            content = fitted(member.read().decode()).encode()
            (VENDOR / ours).write_bytes(content)
            files[ours] = {"from": theirs, "integrity": digest(content)}
        package = opened.extractfile("package/package.json")
        about = json.loads(package.read()) if package else {}
        licence = next(
            opened.extractfile(name)
            for name in opened.getnames()
            if re.fullmatch(r"package/licen[cs]e(\.md|\.txt)?", name, re.IGNORECASE)
        )
        text = f"{wanted.name.strip('@').replace('/', '-')}.LICENSE.txt"
        content = licence.read() if licence else b""
        (VENDOR / text).write_bytes(content)
        files[text] = {"from": "its licence", "integrity": digest(content)}
    return {
        "version": about["version"],
        "license": about["license"],
        "homepage": about.get("homepage", ""),
        "integrity": integrity,
        "files": files,
    }


def main(update: bool) -> None:
    """Takes all packages anew, at the manifest's versions or, with `update`, the latest."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    before = json.loads(MANIFEST.read_text(encoding="utf-8")) if MANIFEST.exists() else {}
    manifest = {}
    with tempfile.TemporaryDirectory() as directory:
        for wanted in WANTED:
            known = None if update else before.get(wanted.name, {}).get("version")
            manifest[wanted.name] = take(wanted, known or "latest", Path(directory))
            print(f"{wanted.name} {manifest[wanted.name]['version']}")
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(update="--update" in sys.argv[1:])
