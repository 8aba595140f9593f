"""What `tocsin redrive` says of what it sent again."""

import json

import pytest

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin_cli.main import main

FAILED = {"id": "d", "rule": "r", "transport": "hook", "user": "ana", "state": "failed", "attempts": []}
LISTED = Reply(200, {"items": [FAILED, FAILED | {"id": "e"}, FAILED | {"id": "f"}], "cursor": None})
DONE = Reply(202, {"queued": 1, "skipped": 2, "gone": 1, "cursor": None})


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_is_for_people_who_left_is_told_apart_from_what_is_left_alone(form, monkeypatch, capsys):
    monkeypatch.setenv("TOCSIN_KEY", "key")

    with serving(in_turn(LISTED, DONE)) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        assert main(["redrive", "hook", "--yes", "-o", form]) == 0

    wrote = capsys.readouterr()
    assert "1 delivery on the way again, 1 left as they are, 1 discarded: their people left" in wrote.err
    if form == "json":
        assert json.loads(wrote.out) == {"transport": "hook", "queued": 1, "skipped": 2, "gone": 1}
