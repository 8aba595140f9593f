"""The command line: every command in its place."""

from __future__ import annotations

import typer

from tocsin_cli import __version__
from tocsin_cli.commands import (
    blueprint,
    completion,
    dead_letters,
    deliveries,
    doctor,
    events,
    imports,
    listen,
    people,
    profiles,
    rules,
    send,
    settings,
    silences,
    transports,
)

app = typer.Typer(
    name="tocsin",
    help="Tocsin's command line: record what happened, see it, and run the place.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

for subject in (
    send,
    imports,
    events,
    deliveries,
    transports,
    silences,
    blueprint,
    rules,
    people,
    settings,
    listen,
    dead_letters,
    doctor,
    profiles,
    completion,
):
    subject.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tocsin {__version__}")
        raise typer.Exit


@app.callback()
def tocsin(
    version: bool = typer.Option(False, "--version", help="Show the version.", callback=_version, is_eager=True),
) -> None:
    """Tocsin's command line: record what happened, see it, and run the place.

    TOCSIN_URL and TOCSIN_KEY say which Tocsin, or a profile: tocsin login prod --url https://…
    """
