"""Entries in the user's editor: checked, opened again with what is wrong, and never lost."""

import re
import sys
from pathlib import Path

import pytest

from tocsin_cli.editor import Unchanged, edit_entry
from tocsin_cli.errors import (
    CliError,
    Conflict,
    ExitCode,
    Fault,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
    UsageError,
)

ENTRY = {"name": "logins", "severity": "notice", "bindings": [{"policy": "login"}]}


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Sets the editor to a program that makes each of some edits in turn, and keeps what it was shown."""
    script = tmp_path / "editor.py"
    seen = tmp_path / "seen"
    seen.mkdir()

    def use(*edits):
        (tmp_path / "edits.txt").write_text(repr(list(edits)))
        script.write_text(
            "import ast, pathlib, re, sys\n"
            f"here = pathlib.Path({str(tmp_path)!r})\n"
            "edits = ast.literal_eval((here / 'edits.txt').read_text())\n"
            "path = pathlib.Path(sys.argv[-1])\n"
            "text = path.read_text()\n"
            "turn = len(list((here / 'seen').iterdir()))\n"
            "(here / 'seen' / str(turn)).write_text(text)\n"
            "old, new = edits[min(turn, len(edits) - 1)]\n"
            "path.write_text(text.replace(old, new) if old else new if new is not None else text)\n"
        )
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
        monkeypatch.delenv("VISUAL", raising=False)
        return lambda turn: (seen / str(turn)).read_text()

    return use


def refusing(*errors):
    """Something that saves once it has refused so often."""
    left, taken = list(errors), []

    def save(entry):
        taken.append(entry)
        if left:
            raise left.pop(0)
        return entry | {"saved": True}

    return save, taken


def test_what_was_edited_is_saved(editor):
    editor(("severity: notice", "severity: alert"))
    save, _ = refusing()

    assert edit_entry(ENTRY, "rule logins", save) == ENTRY | {"severity": "alert", "saved": True}


def test_what_came_back_as_it_was_is_not_saved_and_no_failure(editor):
    editor(("", None))
    save, taken = refusing()

    with pytest.raises(Unchanged) as unchanged:
        edit_entry(ENTRY, "rule logins", save)

    assert unchanged.value.exit_code is ExitCode.OK
    assert taken == []


def test_what_is_wrong_is_shown_at_its_line_and_can_be_put_right(editor):
    seen = editor(("severity: notice", "severity: loud"), ("severity: loud", "severity: alert"))
    save, taken = refusing(Invalid("no", [Fault("severity", "must be notice, warning or alert")]))

    saved = edit_entry(ENTRY, "rule logins", save)

    assert saved["severity"] == "alert"
    assert len(taken) == 2
    told = re.search(r"# ! WRONG line (\d+), severity: must be notice", seen(1))
    assert seen(1).splitlines()[int(told[1]) - 1] == "severity: loud"


def test_a_file_that_cant_be_read_is_shown_at_its_line(editor):
    seen = editor(("severity: notice", "severity: [notice"), ("[notice", "warning"))
    save, _ = refusing()

    assert edit_entry(ENTRY, "rule logins", save)["severity"] == "warning"
    assert "# ! WRONG line" in seen(1)


def test_what_is_left_wrong_ends_it_and_is_kept(editor):
    editor(("severity: notice", "severity: loud"), ("", None))
    save, _ = refusing(*[Invalid("no", [Fault("severity", "is loud")])] * 3)

    with pytest.raises(Invalid) as refused:
        edit_entry(ENTRY, "rule logins", save)

    kept = Path(refused.value.hint.rpartition(" ")[2])
    assert "severity: loud" in kept.read_text()
    assert refused.value.faults == (Fault("line 2, severity", "is loud"),)
    kept.unlink()


def test_a_change_by_somebody_else_overwrites_nothing_and_loses_nothing(editor):
    editor(("severity: notice", "severity: alert"))
    save, _ = refusing(Conflict("If-Match names another version"))

    with pytest.raises(Conflict) as refused:
        edit_entry(ENTRY, "rule logins", save)

    kept = Path(refused.value.hint.rpartition(" ")[2])
    assert "severity: alert" in kept.read_text()
    kept.unlink()


def test_an_emptied_file_changes_nothing(editor):
    editor(("", ""))
    save, taken = refusing()

    with pytest.raises(Unchanged):
        edit_entry(ENTRY, "rule logins", save)

    assert taken == []


def test_a_template_may_be_saved_as_it_is(editor):
    editor(("", None))
    save, _ = refusing()

    assert edit_entry("severity: notice  # or louder\n", "new rule", save, must_change=False)["severity"] == "notice"


@pytest.mark.parametrize(("command", "why"), [("false", "ended with status 1"), ("/no/such/editor", "can't be run")])
def test_an_editor_that_fails_changes_nothing(monkeypatch, command, why):
    monkeypatch.setenv("VISUAL", command)
    save, taken = refusing()

    with pytest.raises(CliError, match=why):
        edit_entry(ENTRY, "rule logins", save)

    assert taken == []


@pytest.mark.parametrize("error", [Unavailable("the API does not answer"), NotFound("there is no rule"), Refused("no")])
def test_what_nobody_took_is_kept_whatever_the_reason(editor, error):
    editor(("severity: notice", "severity: alert"))
    save, _ = refusing(error)

    with pytest.raises(type(error)) as refused:
        edit_entry(ENTRY, "rule logins", save)

    kept = Path(refused.value.hint.rpartition(" ")[2])
    assert "severity: alert" in kept.read_text()
    kept.unlink()


def test_what_is_no_utf8_is_kept_and_sent_nowhere(tmp_path, monkeypatch):
    script = tmp_path / "editor.py"
    script.write_text("import pathlib, sys; pathlib.Path(sys.argv[-1]).write_bytes(b'name: J\\xfcrgen')")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    save, taken = refusing()

    with pytest.raises(Invalid, match="not UTF-8") as refused:
        edit_entry(ENTRY, "rule logins", save)

    kept = Path(refused.value.hint.rpartition(" ")[2])
    assert kept.read_bytes() == b"name: J\xfcrgen"
    assert taken == []
    kept.unlink()


def test_no_editor_is_opened_where_there_is_no_terminal(monkeypatch):
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    save, taken = refusing()

    with pytest.raises(UsageError, match="no terminal"):
        edit_entry(ENTRY, "rule logins", save)

    assert taken == []
