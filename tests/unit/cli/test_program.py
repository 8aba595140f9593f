"""The program as a whole: exit codes, what it imports, what its shells complete, and its manual."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from local.cli_docs import page
from local.recording import PICTURE, settled
from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin.events.model import EventAction
from tocsin.identity.principal import Scope
from tocsin_cli.actions import ACTIONS
from tocsin_cli.app import SUBJECTS, app_for
from tocsin_cli.commands.people import SCOPES
from tocsin_cli.errors import MEANING, ExitCode
from tocsin_cli.main import main

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "cli" / "tocsin_cli"
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    "PYTHONPATH": str(ROOT / "cli"),
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
}


def program(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tocsin_cli", *arguments],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_its_version_is_the_packages():
    answer = program("--version")

    assert answer.returncode == 0
    assert answer.stdout.startswith("tocsin ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["events", "--no-such-option"],
        ["event"],
        ["events", "-n", "none"],
        ["events", "--since", "soon"],
        [],
    ],
)
def test_a_wrong_command_line_is_told_apart_from_a_change(arguments, monkeypatch):
    monkeypatch.setenv("TOCSIN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOCSIN_KEY", "key")

    assert main(arguments) == ExitCode.USAGE


def test_an_error_is_a_sentence_on_standard_error():
    answer = program("events", TOCSIN_CONFIG="/nonexistent/profiles.yaml")

    assert answer.returncode == ExitCode.USAGE
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: which Tocsin?")
    assert "Traceback" not in answer.stderr


def test_a_key_that_is_missing_is_said_to_be():
    answer = program("events", TOCSIN_URL="https://api.example.com")

    assert answer.returncode == ExitCode.REFUSED
    assert "TOCSIN_KEY is not set" in answer.stderr


def test_the_exit_code_is_that_of_the_apis_refusal():
    said = {"title": "Not found", "status": 404, "detail": "there is no rule 'x'"}
    problem = {"type": "urn:tocsin:problem:not-found"} | said

    with serving(in_turn(Reply(404, problem))) as site:
        answer = program("rules", "show", "x", TOCSIN_URL=site.url, TOCSIN_KEY="key")

    assert answer.returncode == ExitCode.NOT_FOUND
    assert answer.stderr == "error: there is no rule 'x'\n"


def test_a_reader_that_has_enough_ends_it_quietly():
    events = [{"id": str(number), "created": "2026-03-01T12:00:00Z", "action": "login"} for number in range(5000)]

    with serving(in_turn(Reply(200, {"items": events, "cursor": None}))) as site:
        answer = subprocess.run(
            [
                "/bin/bash",
                "-c",
                f"{sys.executable} -m tocsin_cli events --all -o ndjson | head -1; exit ${{PIPESTATUS[0]}}",
            ],
            env=ENVIRONMENT | {"TOCSIN_URL": site.url, "TOCSIN_KEY": "key"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    assert answer.stderr == ""
    assert answer.returncode == 141
    assert len(answer.stdout.splitlines()) == 1


def test_the_key_is_shown_nowhere_also_when_verbose():
    with serving(in_turn(Reply(200, {"items": [], "cursor": None}))) as site:
        answer = program("events", "-v", TOCSIN_URL=site.url, TOCSIN_KEY="tocsin_the-secret")

    assert "GET /events" in answer.stderr
    assert "the-secret" not in answer.stdout + answer.stderr


def test_options_of_every_command_stand_anywhere(monkeypatch):
    with serving(in_turn(Reply(200, {"items": [], "cursor": None}))) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main(["rules", "list", "-o", "json"]) == ExitCode.OK
        assert main(["rules", "list", "--output", "yaml", "--limit", "3"]) == ExitCode.OK


def modules(path):
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_it_stands_on_the_public_api_and_not_on_the_stacks_code():
    for path in PACKAGE.rglob("*.py"):
        roots = {name.split(".")[0] for name in modules(path)} - set(sys.stdlib_module_names)
        assert roots <= {"tocsin_cli", "typer", "rich", "requests", "yaml", "keyring", "boto3", "botocore"}, path


def test_no_file_is_longer_than_four_hundred_lines():
    assert not [path for path in PACKAGE.rglob("*.py") if len(path.read_text("utf-8").splitlines()) > 400]


def test_a_command_loads_only_what_it_uses():
    script = "import sys, tocsin_cli.main as m; m.main(['completion', 'bash']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=180, check=True
    ).stderr.split()

    unused = {"boto3", "botocore", "keyring", "cryptography", "requests", "urllib3", "tocsin"}
    assert not unused & {name.split(".")[0] for name in loaded}


def test_each_command_is_found_where_its_subject_is_said_to_bring_it():
    for subject, commands in SUBJECTS.items():
        for command in commands:
            assert list(typer.main.get_command(app_for([command])).commands) == list(commands), subject


def test_the_actions_and_scopes_that_it_offers_are_those_of_the_stack():
    assert set(ACTIONS) == set(EventAction)
    assert set(SCOPES) == set(Scope)


def test_every_exit_code_is_explained():
    assert set(MEANING) == set(ExitCode)


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app_for(()))))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_is(path):
    command = COMMANDS[path]

    assert command.help
    assert all(parameter.help for parameter in command.params), path


def test_the_manual_is_that_of_the_program():
    written = (ROOT / "docs" / "cli.md").read_text("utf-8")

    assert written == page(), "make manual writes docs/cli.md anew"
    for path in COMMANDS:
        assert f"`tocsin {' '.join(path)}" in written


def test_the_recorded_session_is_there_and_in_the_readme():
    assert PICTURE.read_text("utf-8").startswith("<svg")
    assert "docs/pictures/cli.svg" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("\x1b[?25l⠋ working\r\x1b[2K\x1b[1A\x1b[2K\x1b[?25hdone\n", "done"),
        ("a\n⠋ b\x1b[2K⠙ b\x1b[2Kc\n", "a\nc"),
        ("\x1b[32m✓\x1b[0m ok\n", "\x1b[32m✓\x1b[0m ok"),
    ],
)
def test_a_recording_shows_what_stays_on_the_screen(written, shown):
    assert settled(written) == shown


def completed(lines, tmp_path, **environment):
    """What one bash offers for each line, with the script that `tocsin completion bash` writes."""
    (tmp_path / "tocsin").write_text(f'#!/bin/sh\nexec {sys.executable} -m tocsin_cli "$@"\n')
    (tmp_path / "tocsin").chmod(0o755)
    script = 'eval "$(tocsin completion bash)"\n' + "".join(
        f"COMP_WORDS=({' '.join(repr(word) for word in line.split(' '))}); COMP_CWORD={line.count(' ')}\n"
        "_tocsin_completion tocsin\n"
        'echo "${COMPREPLY[@]}"\n'
        for line in lines
    )
    answer = subprocess.run(
        ["/bin/bash", "--norc", "-c", script],
        env=ENVIRONMENT | {"PATH": f"{tmp_path}:{ENVIRONMENT['PATH']}"} | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return [set(offered.split()) for offered in answer.stdout.splitlines()]


def test_bash_completes_commands_options_and_values(tmp_path):
    offered = {
        "tocsin dead": {"dead-letters"},
        "tocsin rules ba": {"backtest"},
        "tocsin send login_": {"login_failed"},
        "tocsin events --outp": {"--output"},
        "tocsin events -o nd": {"ndjson"},
        "tocsin completion f": {"fish"},
        "tocsin keys create x --scope config:": {"config:read", "config:write"},
    }

    assert dict(zip(offered, completed(offered, tmp_path), strict=True)) == offered


def test_bash_completes_names_of_the_stack(tmp_path):
    rules = Reply(200, {"items": [{"name": "failed-logins"}, {"name": "refunds"}], "cursor": None})

    with serving(in_turn(rules)) as site:
        offered = completed(["tocsin rules show fail"], tmp_path, TOCSIN_URL=site.url, TOCSIN_KEY="key")

    assert offered == [{"failed-logins"}]


def test_completion_is_silent_where_nobody_answers(tmp_path):
    offered = completed(["tocsin rules show fail"], tmp_path, TOCSIN_URL="http://127.0.0.1:9", TOCSIN_KEY="key")

    assert offered == [set()]


@pytest.mark.parametrize(
    ("shell", "begins"),
    [("bash", "_tocsin_completion()"), ("zsh", "#compdef tocsin"), ("fish", "complete --command tocsin")],
)
def test_each_shell_has_its_script(shell, begins):
    answer = program("completion", shell)

    assert answer.returncode == 0
    assert answer.stdout.startswith(begins)
    assert "_TOCSIN_COMPLETE" in answer.stdout


@pytest.mark.parametrize(("shell", "words"), [("zsh", "tocsin dead"), ("fish", "tocsin dead")])
def test_zsh_and_fish_are_answered_what_their_scripts_ask(shell, words):
    answer = program(
        _TOCSIN_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_ARGS=words, _TYPER_COMPLETE_FISH_ACTION="get-args"
    )

    assert "dead-letters" in answer.stdout


def test_interrupted_is_an_exit_code_of_its_own(monkeypatch):
    def interrupt(*_arguments, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("tocsin_cli.tail.PollingSource.events", interrupt)
    with serving(in_turn(Reply(200, {"items": [], "cursor": None}))) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main(["events", "--follow"]) == ExitCode.INTERRUPTED
