"""`tocsin send`: one event."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from tocsin_cli.actions import ACTIONS
from tocsin_cli.cli import EVENTS, Cli, command
from tocsin_cli.output import fields
from tocsin_cli.pairs import parse_pairs, put
from tocsin_cli.times import iso, local, parse_duration, parse_moment
from tocsin_cli.types import JsonObject, text


def complete_action(incomplete: str) -> list[str]:
    """The known actions that begin so."""
    return [action for action in ACTIONS if action.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=EVENTS)
    def send(
        cli: Cli,
        action: Annotated[
            str,
            typer.Argument(metavar="ACTION", help="What happened, as login_failed.", autocompletion=complete_action),
        ],
        context: Annotated[
            list[str] | None,
            typer.Argument(metavar="KEY=VALUE", help="The context; KEY:=JSON for numbers, lists and objects."),
        ] = None,
        user: Annotated[str | None, typer.Option(metavar="NAME", help="Who did it, by username.")] = None,
        user_pk: Annotated[str | None, typer.Option(metavar="PK", help="… by primary key.")] = None,
        email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="… and the e-mail address.")] = None,
        app_: Annotated[
            str | None, typer.Option("--app", metavar="NAME", help="Where it happened; the key's name by default.")
        ] = None,
        client_ip: Annotated[
            str | None, typer.Option("--client-ip", metavar="ADDRESS", help="From where; `request` for this machine's.")
        ] = None,
        message: Annotated[
            str | None, typer.Option("--message", "-m", metavar="TEXT", help="The summary that people read.")
        ] = None,
        created: Annotated[
            str | None,
            typer.Option(metavar="MOMENT", help="When, as 2026-03-01T12:00:00Z or 2h (ago); now by default."),
        ] = None,
        event_id: Annotated[
            str | None, typer.Option("--id", metavar="UUID", help="A UUIDv7 of your own: a repeat stores nothing.")
        ] = None,
        brand: Annotated[str | None, typer.Option(metavar="NAME", help="The brand.")] = None,
        retention: Annotated[str | None, typer.Option(metavar="LENGTH", help="How long it is kept, as 30d.")] = None,
    ) -> None:
        """Send one event.

        tocsin send login_failed --user alice --client-ip 203.0.113.7 reason="bad password" attempts:=3
        """
        said = parse_pairs(context or [])
        if message is not None:
            put(said, ["message"], message, "--message")
        person: JsonObject = {"username": user, "pk": user_pk, "email": email}
        event: JsonObject = {
            "id": event_id,
            "action": action,
            "app": app_,
            "client_ip": client_ip,
            "created": None if created is None else iso(parse_moment(created, "--created")),
            "brand": brand,
            "retention": None if retention is None else parse_duration(retention, "--retention"),
            "user": {name: value for name, value in person.items() if value is not None} or None,
            "context": said or None,
        }
        sent: JsonObject = {name: value for name, value in event.items() if value is not None}
        stored = cli.api.send("POST", "/events", body=sent, repeatable=event_id is not None).object
        cli.out.item(stored, lambda: _shown(stored))


def _shown(stored: JsonObject) -> RenderableType:
    expires = text(stored, "expires")
    return fields(
        [
            ("id", text(stored, "id")),
            ("created", local(text(stored, "created"))),
            ("expires", local(expires) if expires else "never"),
        ]
    )
