"""`tocsin inbox` and `acknowledge`: what is asked, and what is said of who acknowledged."""

from urllib.parse import parse_qs

import pytest
import yaml

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

DONE = {"by": "ana", "via": "api", "at": "2026-03-01T12:00:00.000Z"}
ITEMS = [
    {"id": "1", "rule": "disk-full", "severity": "alert", "body": "raw", "words": {"text": "Disk full on web-1"}}
    | {"arrived": DONE["at"], "seen": False, "can_acknowledge": True, "acknowledged": None},
    {"id": "2", "rule": "disk-full", "severity": "alert", "body": "Disk full on web-2", "arrived": DONE["at"]}
    | {"seen": True, "can_acknowledge": False, "acknowledged": DONE},
]


@pytest.fixture
def site(monkeypatch):
    """A server with two notifications, of which the second was acknowledged, and the third is not there."""

    def answer(asked):
        if asked.method == "GET":
            return Reply(200, {"items": ITEMS, "cursor": None})
        if "/3/" in asked.path:
            return Reply(404, {"title": "Not found", "detail": "there is no notification 3", "status": 404})
        return Reply(200, DONE | {"first": "/2/" not in asked.path})

    with serving(answer) as made:
        monkeypatch.setenv("TOCSIN_URL", made.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")
        yield made


def test_an_inbox_says_what_waits_for_somebody(site, capsys):
    assert main(["inbox", "list", "--unseen", "--user", "ana"]) == ExitCode.OK

    path, _, query = site.asked[0].path.partition("?")
    assert path == "/notifications" and parse_qs(query).items() >= {"unseen": ["true"], "user": ["ana"]}.items()
    said = capsys.readouterr().out
    assert "Disk full on web-1" in said and "not yet" in said and "by ana" in said


def test_notifications_are_acknowledged_each(site, capsys):
    assert main(["inbox", "acknowledge", "1", "2"]) == ExitCode.OK

    assert [asked.path for asked in site.asked] == ["/notifications/1/acknowledge", "/notifications/2/acknowledge"]
    said = capsys.readouterr().err
    assert "acknowledged: ana" in said and "it was acknowledged before: ana" in said


def test_one_that_is_not_there_does_not_stop_the_others(site, capsys):
    assert main(["inbox", "acknowledge", "3", "1"]) == ExitCode.FAILED

    assert len(site.asked) == 2
    assert "there is no notification 3" in capsys.readouterr().err


def test_an_operator_acknowledges_by_event_and_rule(site, capsys):
    assert main(["acknowledge", "e1", "disk full", "-o", "json"]) == ExitCode.OK

    (asked,) = site.asked
    path, _, query = asked.path.partition("?")
    assert (asked.method, path, parse_qs(query)) == ("POST", "/events/e1/acknowledge", {"rule": ["disk full"]})
    assert '"first": true' in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_came_of_several_is_one_document(site, capsys, form):
    """The fault: a document each, one behind the other; in YAML that is one with all names twice."""
    assert main(["inbox", "acknowledge", "1", "2", "-o", form]) == ExitCode.OK

    said = yaml.safe_load(capsys.readouterr().out)
    assert [each["first"] for each in said] == [True, False]
