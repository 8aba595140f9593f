"""Files that a command reads and keeps."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tocsin_cli.errors import Invalid

STDIN = "-"


def write_privately(path: Path, content: str) -> None:
    """Replace a file in one step, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def read_text(name: str) -> str:
    """A file's text, or standard input's for `-`. Raises Invalid where it can't be read."""
    try:
        return sys.stdin.read() if name == STDIN else Path(name).read_text("utf-8")
    except FileNotFoundError:
        raise Invalid(f"there is no file {name}") from None
    except UnicodeDecodeError:
        raise Invalid(f"{shown(name)} is not UTF-8") from None
    except OSError as error:
        raise Invalid(f"{name} can't be read: {error.strerror}") from None


def shown(name: str) -> str:
    """A file's name for messages."""
    return "standard input" if name == STDIN else name


def state_directory() -> Path:
    """Where what a command has to remember is kept: $XDG_STATE_HOME/tocsin, else ~/.local/state/tocsin."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "tocsin"
