"""How far an import of a file got, kept so that the next run goes on from there.

Ids follow from records, so sending a record again stores nothing twice: this only saves the sending. A file that has
grown goes on behind what was there; one that was changed is read from its beginning.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tocsin_cli.files import state_directory, write_privately


@dataclass(frozen=True, slots=True)
class Reached:
    """What was acknowledged: how many records from the beginning, and a digest of their ids."""

    records: int = 0
    digest: str = ""
    refused: int = 0
    """How many of them are not stored."""


class Trail:
    """A running digest of the records' ids, in order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.records = 0

    def add(self, event_id: str) -> None:
        """Take the next record in; one that can't be sent has an empty id."""
        self._hash.update(event_id.encode() + b"\n")
        self.records += 1

    def reached(self, refused: int) -> Reached:
        """What was taken in so far, and how many of it were refused."""
        return Reached(self.records, self._hash.hexdigest(), refused)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The file that remembers an import: of this input, to this API, read in this way."""

    path: Path

    @classmethod
    def of(cls, url: str, name: str, reading: str) -> Bookmark:
        """The bookmark of the file `name`, sent to `url` and read as `reading` says."""
        key = json.dumps([url, str(Path(name).resolve()), reading])
        return cls(state_directory() / "imports" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json")

    def read(self) -> Reached:
        """How far the last run got; nowhere where there was none, or its note can't be read."""
        try:
            return Reached(**json.loads(self.path.read_text("utf-8")))
        except (OSError, TypeError, ValueError):
            return Reached()

    def write(self, reached: Reached) -> None:
        """Note how far this run got."""
        write_privately(self.path, json.dumps(asdict(reached)))
