"""GeoIP databases, and what is logged of them."""

import logging
from pathlib import Path

import pytest

from tests.geoip_databases import (
    write_databases,
)
from tests.unit.ingest.located import Notes
from tocsin.aws.logging import Code
from tocsin.ingest import geoip


@pytest.fixture
def databases(tmp_path: Path) -> Path:
    return write_databases(tmp_path / "geo")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    """What was logged: the code of each line, and its facts."""
    written: Notes = []

    def note(code: Code, message: str, *, level: int = logging.INFO, **facts: object) -> None:
        written.append((code, {"message": message, "level": level} | facts))

    monkeypatch.setattr(geoip, "note", note)
    return written
