"""What `tocsin events` says beside the events: filters without an index, events on which --filter failed."""

import json

import pytest

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin_cli.api import Api
from tocsin_cli.main import main
from tocsin_cli.shortfalls import Shortfalls
from tocsin_cli.tail import PollingSource

BEFORE = "2026-03-01T12:00:00Z"


class End(Exception):
    """The test has seen enough."""


def page(*ids, cursor=None, failed=None, unindexed=()):
    return Reply(
        200,
        {
            "items": [{"id": each, "created": BEFORE} for each in ids],
            "cursor": cursor,
            "filter_failed": failed,
            "unindexed": list(unindexed),
        },
    )


def by(name, instead):
    return {"filter": name, "before": BEFORE, "instead": instead}


@pytest.fixture
def asked(monkeypatch, capsys):
    """Runs `tocsin events` against pages, and returns what it wrote to standard output and standard error."""
    monkeypatch.setenv("TOCSIN_KEY", "key")

    def run(*pages, arguments=()):
        with serving(in_turn(*pages)) as site:
            monkeypatch.setenv("TOCSIN_URL", site.url)
            assert main(["events", "--all", *arguments]) == 0
        return capsys.readouterr()

    return run


@pytest.mark.parametrize("form", ["json", "ndjson", "yaml", "table"])
def test_a_filter_without_an_index_is_said_on_standard_error(form, asked):
    wrote = asked(page("a", unindexed=[by("user_pk", "time")]), arguments=["--user-pk", "7", "-o", form])

    assert "! --user-pk has no index before 2026-03-01" in wrote.err
    assert "the events of all others are read too" in wrote.err
    assert "index" not in wrote.out


def test_json_stays_readable_beside_what_is_said(asked):
    wrote = asked(
        page("a", failed={"events": 2, "first": "no such key: amount"}, unindexed=[by("client_ip", "user_pk")]),
        arguments=["-o", "json"],
    )

    assert [event["id"] for event in json.loads(wrote.out)] == ["a"]
    assert "--client-ip has no index" in wrote.err
    assert "found by --user-pk" in wrote.err


def test_what_several_pages_say_is_said_once_with_all_their_events(asked):
    wrote = asked(
        page("a", cursor="1", failed={"events": 2, "first": "no such key: amount"}, unindexed=[by("user_pk", "time")]),
        page("b", cursor="2", failed={"events": 3, "first": "no such key: amount"}, unindexed=[by("user_pk", "time")]),
        page("c", failed={"events": 1, "first": "no such overload"}),
    )

    said = wrote.err.splitlines()
    assert len(said) == 3
    assert said[0].startswith("! --user-pk has no index")
    assert said[1] == "! the filter could not be evaluated for 5 events, which are left out: no such key: amount"
    assert said[2] == "! the filter could not be evaluated for 1 event, which are left out: no such overload"


def test_nothing_is_said_where_nothing_fell_short(asked):
    assert asked(page("a")).err == ""


def test_a_reason_can_not_drive_the_terminal(asked):
    wrote = asked(page("a", failed={"events": 1, "first": "no \x1b[31msuch key\nat all"}))

    assert "\x1b" not in wrote.err
    assert len(wrote.err.splitlines()) == 1


def test_following_says_it_once_however_often_it_asks():
    said = []

    def sleep(_seconds):
        sleep.times += 1
        if sleep.times == 3:
            raise End

    sleep.times = 0
    with serving(lambda _: page("a", failed={"events": 1, "first": "why"}, unindexed=[by("user_pk", "time")])) as site:
        source = PollingSource(Api(site.url, "key"), {}, sleep=sleep, shortfalls=Shortfalls(said.append))
        with pytest.raises(End):
            list(source.events())

    assert len(said) == 2
