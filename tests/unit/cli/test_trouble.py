"""The program where something goes wrong: a disk, a stream, an argument, one of several things that it is to do."""

import subprocess
import sys

import pytest

from tests.unit.cli.serving import Reply, in_turn, serving
from tests.unit.cli.test_program import ENVIRONMENT
from tocsin_cli.errors import ExitCode


def in_bash(line, site, **environment):
    return subprocess.run(
        ["/bin/bash", "-c", line.replace("tocsin", f"{sys.executable} -m tocsin_cli")],
        env=ENVIRONMENT | {"TOCSIN_URL": site.url, "TOCSIN_KEY": "key"} | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize("form", ["table", "json", "ndjson"])
def test_a_disk_that_is_full_is_a_sentence(form):
    event = {"id": "1", "created": "2026-03-01T12:00:00Z", "action": "login"}

    with serving(in_turn(Reply(200, {"items": [event], "cursor": None}))) as site:
        answer = in_bash(f"tocsin events -o {form} > /dev/full", site)

    assert answer.stderr.splitlines()[-1] == "error: the output can't be written: No space left on device"
    assert answer.returncode == ExitCode.FAILED


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_it_runs_with_a_standard_stream_closed(closed):
    with serving(in_turn(Reply(200, {"items": [], "cursor": None}))) as site:
        answer = in_bash(f"tocsin events -o json {closed}", site)
        refused = in_bash(f"tocsin rules delete x {closed}", site)

    assert (answer.returncode, answer.stdout) == (0, "" if closed == ">&-" else "[]\n")
    assert refused.returncode == ExitCode.USAGE
    assert "Traceback" not in answer.stderr + refused.stderr


@pytest.mark.parametrize(
    "line",
    [
        r"tocsin rules show $'a\xff'",
        r"tocsin rules list -q $'a\xff'",
        r"tocsin send login --user $'a\xff'",
    ],
)
def test_what_is_no_text_is_refused(line):
    with serving(in_turn(Reply(200, {"items": [], "cursor": None}))) as site:
        answer = in_bash(line, site)

    assert answer.stderr == "error: 'a\\udcff' is not UTF-8\n"
    assert answer.returncode == ExitCode.USAGE
    assert site.asked == []


def test_a_file_that_cant_be_read_or_written_is_a_sentence():
    long = "x" * 300

    for line in (f"tocsin diff {long}", f"tocsin export --split {long}"):
        with serving(in_turn(Reply(200, {}))) as site:
            answer = in_bash(line, site)

        assert answer.stderr == f"error: {long}: File name too long\n"
        assert answer.returncode == ExitCode.INVALID


def test_how_long_an_event_is_kept_is_said_as_lengths_are():
    with serving(in_turn(Reply(201, {"id": "1", "created": "", "expires": ""}))) as site:
        answer = in_bash("tocsin send login --retention 1d12h", site)
        refused = in_bash("tocsin send login --retention soon", site)

    assert answer.returncode == 0
    assert [asked.json for asked in site.asked] == [{"action": "login", "retention": "seconds=129600.000"}]
    assert "--retention: 'soon' is no length of time" in refused.stderr
    assert refused.returncode == ExitCode.USAGE


def test_mail_to_an_address_that_no_path_can_hold_is_let_go_on():
    with serving(in_turn(Reply(200, {"address": "who?/me@example.com"}))) as site:
        answer = in_bash("tocsin mail-stops lift 'who?/me@example.com'", site)

    assert answer.returncode == 0
    assert [asked.path for asked in site.asked] == ["/mail-stops?address=who%3F%2Fme%40example.com"]


def test_an_empty_file_is_no_entry_and_no_configuration(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")

    for command in ("rules create x --replace --file", "apply --prune --yes"):
        with serving(in_turn(Reply(200, {}))) as site:
            answer = in_bash(f"tocsin {command} {tmp_path}/empty.yaml", site)

        assert "empty" in answer.stderr.splitlines()[0]
        assert (answer.returncode, site.asked) == (ExitCode.INVALID, [])


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("tocsin unsilence a gone b", "ended 2 silences"),
        ("tocsin groups add ops a gone b", "2 users in ops"),
        ("tocsin groups remove ops a gone b", "2 users out of ops"),
        ("tocsin retry a gone b", "2 deliveries on the way again"),
    ],
)
def test_what_is_done_to_several_is_done_to_each_that_is_there(line, done):
    gone = Reply(404, {"type": "urn:tocsin:problem:not-found", "detail": "there is no gone"})

    with serving(lambda asked: gone if "gone" in asked.path else Reply(200, {})) as site:
        answer = in_bash(line, site)

    assert answer.stderr == f"! gone: there is no gone\n✓ {done}\n"
    assert answer.returncode == ExitCode.FAILED
    assert len(site.asked) == 3


NAME = {"name": "日本 é", "mode": "local"}


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_a_terminal_that_has_not_all_characters_gets_what_it_can_show_and_programs_all(form):
    """The fault: a traceback at the first character that the terminal's encoding does not have."""
    with serving(in_turn(Reply(200, {"items": [NAME], "cursor": None}))) as site:
        shown = in_bash(f"tocsin transports list -o {form} | cat -v", site, PYTHONIOENCODING="latin-1")

    assert (shown.stderr, shown.returncode) == ("", ExitCode.OK)
    # Of `日本 é`: what Latin-1 has of it, and UTF-8, as `cat -v` shows them.
    assert ("?? M-i" if form == "table" else "M-fM-^WM-%M-fM-^\\M-, M-CM-)") in shown.stdout


def test_what_is_read_from_standard_input_is_utf_8_whatever_the_terminals_encoding():
    """The fault: it was read in the terminal's encoding, and stored as other words."""
    line = "echo 'name: 日本' | tocsin users create ana --file - -o json"

    with serving(lambda asked: Reply(200, asked.json)) as site:
        answer = in_bash(line, site, PYTHONIOENCODING="latin-1")

    assert answer.returncode == ExitCode.OK
    assert site.asked[-1].json == {"name": "日本"}
