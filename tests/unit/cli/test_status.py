"""What `tocsin status` shows of GET /status."""

import json

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin_cli.errors import ExitCode
from tocsin_cli.main import main

WELL = {
    "at": "2026-03-01T12:00:00.000Z",
    "queues": [{"queue": "webhook", "waiting": 0, "in_flight": 0, "delayed": 0, "oldest_seconds": None}],
    "dead_letters": [{"queue": "match", "messages": 0, "looked_at": 0, "reasons": []}],
    "stream": [{"reader": "matcher", "lag_seconds": None}],
    "breakers": [{"transport": "pager", "state": "closed", "failing_since": None, "last_failure": None}],
    "errors": {"since": "2026-03-01T11:00:00.000Z", "complete": True, "codes": []},
    "unknown": [],
}
ILL = WELL | {
    "queues": [{"queue": "webhook", "waiting": 7, "in_flight": 2, "delayed": 1, "oldest_seconds": 90}],
    "dead_letters": [
        {
            "queue": "match",
            "messages": 3,
            "looked_at": 1,
            "reasons": [{"reason": "the queue \x1b[31mfailed", "messages": 1, "oldest": None, "event_id": None}],
        }
    ],
    "stream": [{"reader": "matcher", "lag_seconds": 42.5}],
    "breakers": [
        {"transport": "pager", "state": "open", "failing_since": "2026-03-01T11:00:00Z", "last_failure": "timeout"}
    ],
    "errors": {
        "since": "2026-03-01T11:00:00.000Z",
        "complete": True,
        "codes": [
            {"code": "RECORD_LEFT", "function": "matcher", "count": 2, "latest": None, "message": "m", "event_id": None}
        ],
    },
    "unknown": [{"part": "ages", "reason": "AccessDenied"}],
}


def shown(said, monkeypatch, capsys, *arguments):
    with serving(in_turn(Reply(200, said))) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")
        assert main(["status", *arguments]) == ExitCode.OK
    return capsys.readouterr().out


def test_a_stack_that_is_well_is_shown_in_a_few_lines(monkeypatch, capsys):
    out = shown(WELL, monkeypatch, capsys)

    assert "0 waiting, 0 worked on, 0 delayed" in out
    assert "dead letters" in out
    assert "1 transport, all closed" in out
    assert "not measured lately" in out
    assert "none since" in out


def test_what_is_wrong_is_shown_with_its_reason(monkeypatch, capsys):
    out = shown(ILL, monkeypatch, capsys)

    assert "7 waiting, 2 worked on, 1 delayed, the oldest for 90 s" in out
    assert "dead letters match" in out
    assert "42.5 s behind" in out
    assert "open: timeout" in out
    assert "2× by matcher" in out
    assert "AccessDenied" in out
    assert "\x1b[31m" not in out, "what a message says moves no terminal"


def test_programs_get_the_answer_as_it_is(monkeypatch, capsys):
    assert json.loads(shown(WELL, monkeypatch, capsys, "-o", "json")) == WELL


def test_a_part_that_is_not_known_is_left_out(monkeypatch, capsys):
    said = {**dict.fromkeys(WELL), "unknown": [{"part": "queues", "reason": "no answer"}]}

    assert "unknown queues" in shown(said, monkeypatch, capsys)


def test_a_transport_that_a_410_disabled_says_since_when(monkeypatch, capsys):
    """The fault: `failing since`, and then nothing, since it failed once only."""
    breaker = {
        "transport": "pager",
        "state": "disabled",
        "failing_since": None,
        "changed_at": "2026-03-01T11:00:00Z",
        "last_failure": "http_410",
    }

    out = shown(WELL | {"breakers": [breaker]}, monkeypatch, capsys)

    assert "disabled: http_410 since " in out
    assert " ago" in out


def test_a_breaker_whose_held_deliveries_go_out_has_no_failure_to_tell(monkeypatch, capsys):
    breaker = {"transport": "pager", "state": "draining", "failing_since": None, "last_failure": None}

    out = shown(WELL | {"breakers": [breaker | {"changed_at": "2026-03-01T11:00:00Z"}]}, monkeypatch, capsys)

    assert "draining since " in out
