"""Files that a command reads and keeps."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tocsin_cli.errors import Invalid, Unavailable

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


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """What takes the place of a file once it is written to its end; of a pipe, a device or a link, itself."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
        return
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def fetch(url: str, path: Path) -> int:
    """Write what is at `url` to a file, readable by its owner alone; how many bytes. Raises Unavailable, Invalid.

    A file that is there stays what it is until all of the new one has come.
    """
    import requests

    size = 0
    try:
        with requests.get(url, stream=True, timeout=60) as answer:
            if not answer.ok:
                raise Unavailable(f"the file's address answers {answer.status_code}", hint="ask for a new link")
            with _whole(path) as file:
                for chunk in answer.iter_content(1 << 20):
                    size += file.write(chunk)
    except requests.RequestException as error:
        raise Unavailable(f"the file can't be fetched: {type(error).__name__}") from None
    except OSError as error:
        raise Invalid(f"{path} can't be written: {error.strerror}") from None
    return size


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
