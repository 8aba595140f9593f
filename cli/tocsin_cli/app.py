"""The command line: every command in its place, and no more of it than a command needs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from tocsin_cli import version

SUBJECTS: dict[str, tuple[str, ...]] = {
    "send": ("send",),
    "imports": ("import",),
    "events": ("events", "event", "story"),
    "jobs": ("exports", "erasures"),
    "deliveries": ("deliveries", "delivery", "retry", "redrive"),
    "inbox": ("acknowledge", "inbox"),
    "transports": ("transports", "mappings", "breaker"),
    "presets": ("presets",),
    "silences": ("silence", "unsilence", "silences"),
    "blueprint": ("apply", "diff", "export"),
    "rules": ("rules", "policies"),
    "people": ("users", "groups", "keys"),
    "settings": ("settings", "mail-stops"),
    "preferences": ("preferences",),
    "listen": ("listen",),
    "dead_letters": ("dead-letters",),
    "doctor": ("doctor",),
    "status": ("status",),
    "profiles": ("login", "logout", "profiles"),
    "completion": ("completion",),
}
"""The modules of `commands`, in the order of help, with the commands that each brings."""

_SUBJECT_OF = {command: subject for subject, commands in SUBJECTS.items() for command in commands}


def app_for(words: Sequence[str]) -> typer.Typer:
    """The command line for these words: where the first is a command, that command's subject alone.

    All subjects together take a quarter of a second to load, and a command is mostly one of a script's many.
    """
    subject = _SUBJECT_OF.get(words[0]) if words else None
    app = typer.Typer(
        name="tocsin",
        help="Tocsin's command line: record what happened, see it, and run the place.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for name in SUBJECTS if subject is None else (subject,):
        import_module(f"tocsin_cli.commands.{name}").register(app)
    app.callback()(_tocsin)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tocsin {version()}")
        raise typer.Exit


def _tocsin(
    _version: bool = typer.Option(False, "--version", help="Show the version.", callback=_version, is_eager=True),
) -> None:
    """Tocsin's command line: record what happened, see it, and run the place.

    TOCSIN_URL and TOCSIN_KEY say which Tocsin, or a profile: tocsin login prod --url https://…
    """
