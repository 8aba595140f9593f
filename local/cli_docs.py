# ruff: noqa: E501 - a row of a table is one line
"""`make manual`: docs/cli.md, made from the commands themselves. A test keeps it true."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import typer.main

from tocsin_cli.app import app_for
from tocsin_cli.cli import COMMON, CONFIGURATION, DELIVERIES, EVENTS, HERE, OPERATING
from tocsin_cli.errors import MEANING

_HEAD = """\
# The command line

`tocsin` records what happened, shows it, and runs the place. It speaks the [HTTP API](api.md) and nothing else.

![A session: an event is sent, its story told, a rule tested and silenced](pictures/cli.svg)

This page is made from the program (`make manual`); `tocsin COMMAND --help` says the same.

## Install

    pipx install 'tocsin-cli[keyring,aws]'      # from a package index; or the wheel that `make cli` builds in dist

It needs Python 3.12. Two extras: with `keyring` API keys are kept in the system's keyring; with `aws` (boto3)
`doctor`, `dead-letters` and `story --logs` can ask AWS for what the API does not tell.

Completion of commands, options, and names of rules, users and so on: `eval "$(tocsin completion bash)"` in
`~/.bashrc`, or `tocsin completion zsh`, `tocsin completion fish`.

## Which Tocsin

    tocsin login prod --url https://….execute-api.eu-central-1.amazonaws.com --stack tocsin

asks for an API key (or an access token), checks it, and keeps it. Several profiles: `tocsin profiles use NAME`, or
`--profile NAME`. In scripts, two variables are enough, and no file is read:

| variable | |
|---|---|
| `TOCSIN_URL`, `TOCSIN_KEY` | where the API is, and the key. A profile's key is never sent to this URL |
| `TOCSIN_PROFILE` | the profile, where `--profile` does not say one |
| `TOCSIN_STACK` | the CloudFormation stack beside `TOCSIN_URL`, for what only AWS knows |
| `TOCSIN_CONFIG` | another file of profiles than `~/.config/tocsin/profiles.yaml` |
| `TOCSIN_WEBHOOK_SECRET` | the signing secret for `tocsin listen` |
| `EDITOR`, `NO_COLOR`, `XDG_CONFIG_HOME`, `XDG_STATE_HOME` | as usual |

`--profile` wins over `TOCSIN_URL`, that over `TOCSIN_PROFILE`, that over the current profile.

## For scripts

`--output json`, `yaml` or `ndjson` (a line an item, written as it comes) put data, and nothing else, on standard
output; what is said about it goes to standard error. Colours and progress bars are for terminals alone. What can't be
undone asks, and needs `--yes` where there is nobody to ask. Moments are `2h` (ago), `today`, `2026-03-01T12:00:00Z`
(local time without a zone); lengths `30m`, `1d12h` or `hours=2`.

| exit code | |
|---|---|
"""

_CONTINUOUS = """\
In continuous integration:

    tocsin diff --env config/            # on a branch: exit code 2 says that something would change
    tocsin apply --env --yes config/     # on main

"""

_NOTES = {
    "events": """\
`--follow` asks `GET /events` again and again, with overlapping times, and shows each event once. What arrives more
than five minutes after it happened (an import, say) is not shown.
""",
    "import": """\
| format | how it is known | what becomes of a record |
|---|---|---|
| JSON lines | `.jsonl`, `.ndjson`, `.json`, or what it looks like; also one JSON list | an event as `POST /events` takes it; with `--map`, members that no event has go into the context |
| CSV | `.csv`, `.tsv`, or `--format csv` | columns `action`, `app`, `created` (`timestamp`, `time`, `date`), `client_ip` (`ip`), `username`, `email`, `user.…`, `context.…` are fields; all others go into the context |
| CloudTrail | `eventSource` and `eventName` in a record | sign-ins, refusals, changes and reads as the actions that they are, the record itself in `context.record` |

An event's id is a UUIDv7 of its time and a digest of the record (of CloudTrail's `eventID` where it has one, of `id`
where that is no UUIDv7), so importing a file again, or two that overlap, stores nothing twice. Two equal lines of one
file are two events. How far an import got is kept in `~/.local/state/tocsin/imports`, by URL, file and options.
""",
    "exports": """\
The stack writes the file, so it may be of any size; `tocsin events --all -o ndjson` reads the log through this machine.
Both can be imported again.
""",
    "erasures": """\
What goes, what stays and what can't be reached is in [api.md](api.md#erasures).
""",
    "silence": """\
A silence is about events, not about a rule: `--rule` silences what the rule's policies ask for, and says which other
rules ask the same. `=` compares, `*` stands for anything, `!=` is its opposite; all that is given must hold.
""",
    "apply": _CONTINUOUS,
    "listen": """\
Without `--transport` the endpoint waits for a stack that can reach this machine: `tocsin transports set hook
url=http://127.0.0.1:8787/` on a local stack. With it, deliveries are read from the API as they appear, and each is made
again: the same body and id, signed with `--secret`, or with one that is shown. A body or headers of a mapping can't be
made here, and are said to differ. Every attempt of a delivery is the same message: it is shown once.
""",
    "dead-letters": """\
The API does not know of these queues; SQS is asked, with your AWS credentials. Looking at a message hides it from
others for a second and counts as a receive.
""",
    "doctor": """\
| asked of | checked |
|---|---|
| the API | that it answers; clocks; what the key may read; keys about to expire; transports that are off, held back, failing, or never delivered; rules that can tell nobody; long silences; stopped addresses; Tocsin's own errors of the last day |
| AWS (`--stack`, credentials, boto3) | the stack's state; that SES has verified the sender, and is out of its sandbox; dead letters and long queues; alarms that ring or have no topic; that the schedule runs |
""",
}

_PANELS = (EVENTS, DELIVERIES, OPERATING, CONFIGURATION, HERE)


def page() -> str:
    """The whole page."""
    return "".join(_page()).rstrip("\n") + "\n"


def _page() -> Iterator[str]:
    root: Any = typer.main.get_command(app_for(()))
    yield _HEAD
    for code, meaning in MEANING.items():
        yield f"| {code.value} | {meaning} |\n"
    yield f"\n## {COMMON}\n\n"
    yield from _options(_parameters(root.commands["events"], common=True))
    for panel in _PANELS:
        yield f"\n## {panel}\n"
        for name, command in root.commands.items():
            if command.rich_help_panel == panel:
                yield from _command(name, command)


def _command(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own classes are private
    yield f"\n### `tocsin {name}`\n\n{_sentences(command.help)}\n"
    if name in _NOTES:
        yield f"\n{_NOTES[name]}"
    if hasattr(command, "commands"):
        for inner, each in command.commands.items():
            yield f"\n#### `tocsin {name} {inner}{_arguments(each)}`\n\n{_sentences(each.help)}\n"
            yield from _details(each)
        return
    yield f"\n    tocsin {name}{_arguments(command)}\n"
    yield from _details(command)


def _details(command: Any) -> Iterator[str]:  # noqa: ANN401
    if command.epilog:
        yield f"\n    {command.epilog.removeprefix('Example: ')}\n"
    parameters = _parameters(command, common=False)
    if parameters:
        yield "\n"
        yield from _options(parameters)


def _parameters(command: Any, *, common: bool) -> list[Any]:  # noqa: ANN401
    return [
        parameter
        for parameter in command.params
        if "--help" not in parameter.opts
        and not parameter.hidden
        and (getattr(parameter, "rich_help_panel", None) == COMMON) is common
    ]


def _options(parameters: list[Any]) -> Iterator[str]:
    yield "| | |\n|---|---|\n"
    for parameter in parameters:
        yield f"| `{_spelled(parameter)}` | {_cell(parameter)} |\n"


def _spelled(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(sorted(parameter.opts, key=lambda option: not option.startswith("--"))) + value


def _cell(parameter: Any) -> str:  # noqa: ANN401
    said = " ".join(str(parameter.help or "").split()).replace("|", "\\|")
    default = parameter.default
    if parameter.param_type_name == "option" and default not in (None, False, "", ()) and not callable(default):
        shown = getattr(default, "value", default)
        said += f" Default: `{shown}`."
    return said


def _arguments(command: Any) -> str:  # noqa: ANN401
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    spelled = ((_spelled(each), each.required) for each in arguments)
    return "".join(f" {name}" if required else f" [{name}]" for name, required in spelled)


def _sentences(said: str | None) -> str:
    paragraphs = (said or "").strip().split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(each.split()), 118, break_on_hyphens=False) for each in paragraphs)


if __name__ == "__main__":
    sys.stdout.write(page())
