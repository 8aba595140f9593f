"""`tocsin presets`, as a person and a program see it."""

import json

import pytest

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin.notifications.presets import known_presets, load
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

PRESETS = [load(name).to_json() for name in known_presets()]


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setenv("TOCSIN_KEY", "key")
    monkeypatch.setenv("COLUMNS", "200")
    with serving(in_turn(Reply(200, {"items": PRESETS, "cursor": None}))) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        yield site


def test_the_presets_are_listed_with_what_each_wants(api, capsys):
    assert main(["presets", "-o", "table"]) == ExitCode.OK

    told = capsys.readouterr().out
    assert "Microsoft Teams" in told
    assert "routing_key" in told
    assert len(told.splitlines()) == len(PRESETS) + 1


def test_one_of_them_is_shown_with_its_options_and_limits(api, capsys):
    assert main(["presets", "pagerduty", "-o", "table"]) == ExitCode.OK

    told = capsys.readouterr().out
    assert "512,000 bytes" in told
    assert "routing_key: the integration key of a service, 32 letters and digits (required, secret)" in told


def test_one_of_them_is_given_to_programs_as_the_api_has_it(api, capsys):
    assert main(["presets", "ntfy", "-o", "json"]) == ExitCode.OK

    assert json.loads(capsys.readouterr().out) == next(each for each in PRESETS if each["name"] == "ntfy")


def test_a_preset_that_there_is_not_is_said_to_be_missing(api, capsys):
    assert main(["presets", "nothing"]) == ExitCode.NOT_FOUND

    assert "teams" in capsys.readouterr().err
