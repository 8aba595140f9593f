"""Exports and erasures from the command line."""

import json
import socket
import threading

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.errors import ExitCode, Unavailable
from tocsin_cli.files import fetch
from tocsin_cli.main import main

EXPORT = {
    "id": "e1",
    "state": "queued",
    "created": "2026-03-01T12:00:00.000Z",
    "by": "ops",
    "error": None,
    "format": "jsonl",
    "filters": {},
    "events": 0,
    "link": None,
}


@pytest.fixture
def asked(monkeypatch):
    """Runs a command against a server that gives `answers`, path by path; the exit code and what was asked."""
    monkeypatch.setattr("tocsin_cli.commands.jobs.time.sleep", lambda _: None)

    def run(answers, *arguments):
        def answer(request):
            given = answers[f"{request.method} {request.path}"]
            return given.pop(0) if isinstance(given, list) else given

        with serving(answer) as site:
            for reply in answers.values():
                for each in reply if isinstance(reply, list) else [reply]:
                    if isinstance(each.body, dict) and each.body.get("link"):
                        each.body = each.body | {"link": f"{site.url}/file"}
            monkeypatch.setenv("TOCSIN_URL", site.url)
            monkeypatch.setenv("TOCSIN_KEY", "secret-key")
            return main(list(arguments)), site.asked

    return run


def test_an_export_is_asked_for_by_the_filters_of_events(asked):
    code, requests = asked(
        {"POST /exports": Reply(202, EXPORT)},
        *("exports", "create", "lost", "--app", "shop", "--action", "login", "--since", "2026-01-01T00:00:00Z"),
        *("--format", "csv"),
    )

    assert code == 0
    assert requests[0].json == {
        "format": "csv",
        "filters": {"search": "lost", "app": "shop", "actions": "login", "since": "2026-01-01T00:00:00.000Z"},
    }


def test_a_file_is_waited_for_and_fetched_without_the_key(asked, tmp_path):
    file = tmp_path / "events.jsonl"
    done = EXPORT | {"state": "done", "events": 2, "link": "filled in"}

    code, requests = asked(
        {
            "POST /exports": Reply(202, EXPORT),
            "GET /exports/e1": [Reply(200, EXPORT | {"state": "running"}), Reply(200, done)],
            "GET /file": Reply(200, {"action": "login"}),
        },
        *("exports", "create", "--file", str(file)),
    )

    assert code == 0
    assert json.loads(file.read_text()) == {"action": "login"}
    assert file.stat().st_mode & 0o077 == 0
    assert requests[-1].path == "/file"
    assert "authorization" not in requests[-1].headers


def test_a_job_that_failed_is_a_failure(asked, capsys):
    failed = EXPORT | {"state": "failed", "error": "its file is gone"}

    code, _ = asked(
        {"POST /exports": Reply(202, EXPORT), "GET /exports/e1": Reply(200, failed)}, *("exports", "create", "--wait")
    )

    assert code == ExitCode.FAILED
    assert "its file is gone" in capsys.readouterr().err


def test_a_file_that_is_no_longer_there_is_said_to_be(asked, tmp_path, capsys):
    code, _ = asked(
        {"GET /exports/e1": Reply(200, EXPORT | {"state": "done"})},
        *("exports", "download", "e1", str(tmp_path / "file")),
    )

    assert code == ExitCode.FAILED
    assert "kept for a week" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [Reply(403, None), Reply(drop=True)])
def test_a_link_that_leads_nowhere_leaves_no_file(asked, tmp_path, answer):
    file = tmp_path / "file"

    code, _ = asked(
        {"GET /exports/e1": Reply(200, EXPORT | {"state": "done", "link": "filled in"}), "GET /file": answer},
        *("exports", "download", "e1", str(file)),
    )

    assert code == ExitCode.UNAVAILABLE
    assert not file.exists()


def test_an_erasure_names_whom_it_is_about(asked):
    erasure = {"id": "e2", "state": "queued", "events": 0, "reason": "ticket 1", "created": "2026-03-01T12:00:00.000Z"}

    code, requests = asked(
        {"POST /erasures": Reply(202, erasure), "GET /erasures/e2": Reply(200, erasure | {"state": "done"})},
        *(
            "erasures",
            "create",
            "--user",
            "mallory",
            "--email",
            "m@example.com",
            "--reason",
            "ticket 1",
            "-y",
            "--wait",
        ),
    )

    assert code == 0
    assert requests[0].json == {"username": "mallory", "email": "m@example.com", "reason": "ticket 1"}
    assert requests[-1].path == "/erasures/e2"


def test_an_erasure_of_nobody_and_one_that_nobody_confirmed_are_not_asked_for(asked):
    assert asked({}, "erasures", "create", "--reason", "-", "-y") == (ExitCode.USAGE, [])

    code, requests = asked({}, "erasures", "create", "--user", "mallory", "--reason", "-")

    assert code != 0
    assert requests == []


@pytest.mark.parametrize("kind", ["exports", "erasures"])
def test_jobs_are_listed_and_shown(asked, kind, capsys):
    job = EXPORT | {"reason": "ticket 1"}

    found = Reply(200, {"items": [job], "cursor": None})
    listed, requests = asked({f"GET /{kind}?search=ops&limit=500": found}, kind, "list", "-q", "ops")
    shown, _ = asked({f"GET /{kind}/e1": Reply(200, job)}, kind, "show", "e1")

    assert (listed, shown) == (0, 0)
    assert len(requests) == 1
    assert "queued" in capsys.readouterr().out


def test_a_file_that_breaks_off_leaves_what_was_there(tmp_path):
    """The fault: the file of the day before was emptied, and a part of the new one stood in its place."""
    file = tmp_path / "events.jsonl"
    file.write_text("those of yesterday")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def breaks_off():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")

        threading.Thread(target=breaks_off, daemon=True).start()
        with pytest.raises(Unavailable):
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", file)

    assert [each.read_text() for each in tmp_path.iterdir()] == ["those of yesterday"]
