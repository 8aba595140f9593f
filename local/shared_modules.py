"""What the producers' library has in common with the server: copies of modules of layers/core, for Python 3.10.

`make shared` writes layers/client/tocsin_client/_shared anew; a test fails where it is not what the server's modules
give. The library is installed without the server, so it can't import them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from local.workspace import ROOT
from tocsin.events.model import EventAction

SHARED = ROOT / "layers/client/tocsin_client/_shared"
_EVENTS = ROOT / "layers/core/tocsin/events"

_MODULES = (
    *("secret_names", "credentials", "links", "assignments", "commands", "indented", "markup", "written_objects"),
    *("redact", "sanitize"),
)
_REPLACED = {
    # Patterns with possessive quantifiers compile on Python 3.10 too.
    r"^import re$": "from tocsin_client._shared import regex as re",
    # Aliases by a `type` statement are Python 3.12's.
    r"^from tocsin\.types import ": "from tocsin_client._shared.types import ",
    # The client's modules are loaded by servers, once.
    r"^from tocsin\.records import ": "from dataclasses import ",
    r"^( *)from tocsin\.events\.": r"\1from tocsin_client._shared.",
}


def copies() -> dict[Path, str]:
    """The files that are made, and what is to stand in each. ValueError for a module that needs more of the server."""
    made = {SHARED / f"{name}.py": _copy(_EVENTS / f"{name}.py") for name in _MODULES}
    return made | {SHARED / "actions.py": _actions()}


def _copy(source: Path) -> str:
    text = source.read_text("utf-8")
    for old, new in _REPLACED.items():
        text = re.sub(old, new, text, flags=re.MULTILINE)
    wanted = re.findall(r"^\s*(?:from|import) (tocsin(?:\.\w+)*)\b", text, re.MULTILINE)
    if wanted:
        raise ValueError(f"{source.relative_to(ROOT)} imports {', '.join(wanted)}, which producers do not have")
    return _notice(source) + text


def _actions() -> str:
    members = "".join(f'    {action.name} = "{action.value}"\n' for action in EventAction)
    return f'''{_notice(_EVENTS / "model.py")}"""The actions that Tocsin knows."""

from enum import Enum


class EventAction(str, Enum):
    """An action; any other name than these is stored with the prefix `custom_`."""

{members}
    def __str__(self) -> str:
        """Return the name as it is sent."""
        return str(self.value)
'''


def _notice(source: Path) -> str:
    return f"# Made by `make shared` from {source.relative_to(ROOT)}: change that.\n"


def main() -> None:
    """Write the copies; says which of them changed."""
    for path, text in copies().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
