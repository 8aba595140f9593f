"""The filters of GET /events as options, the same for every command that asks for events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tocsin_cli.commands.send import complete_action
from tocsin_cli.errors import UsageError
from tocsin_cli.times import iso, parse_moment

_PANEL = "Which events"

Words = Annotated[list[str] | None, typer.Argument(metavar="WORD", help="Words in action, app, user or context.")]
Search = Annotated[
    str | None, typer.Option("--search", "-q", metavar="WORDS", help="Only those with these words in them.")
]
Action = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ACTION",
        help="An action, several times for several; `custom_` for every custom one.",
        rich_help_panel=_PANEL,
        autocompletion=complete_action,
    ),
]
User = Annotated[str | None, typer.Option(metavar="NAME", help="A username.", rich_help_panel=_PANEL)]
UserPk = Annotated[str | None, typer.Option(metavar="PK", help="A user's primary key.", rich_help_panel=_PANEL)]
App = Annotated[str | None, typer.Option("--app", metavar="NAME", help="Who sent it.", rich_help_panel=_PANEL)]
Model = Annotated[
    str | None, typer.Option(metavar="[APP.]MODEL", help="What kind of thing it is about.", rich_help_panel=_PANEL)
]
ModelPk = Annotated[str | None, typer.Option(metavar="PK", help="Which one of them.", rich_help_panel=_PANEL)]
Application = Annotated[
    str | None, typer.Option(metavar="NAME", help="The application that was authorized.", rich_help_panel=_PANEL)
]
ClientIp = Annotated[
    str | None, typer.Option("--client-ip", metavar="ADDRESS", help="An address or network.", rich_help_panel=_PANEL)
]
Brand = Annotated[str | None, typer.Option(metavar="NAME", help="The brand.", rich_help_panel=_PANEL)]
Since = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="Not before: 2h (ago), today, 2026-03-01T12:00:00Z.", rich_help_panel=_PANEL),
]
Until = Annotated[str | None, typer.Option(metavar="MOMENT", help="Before.", rich_help_panel=_PANEL)]
Cel = Annotated[
    str | None,
    typer.Option("--filter", metavar="CEL", help='As "event.context.amount > 100".', rich_help_panel=_PANEL),
]


def searched(words: str | None) -> dict[str, str]:
    """The query of a list of what has these words in it."""
    return {} if words is None else {"search": words}


def check_said(option: str, *values: str | None) -> None:
    """UsageError for a value with nothing in it, as of a variable that is not set: it would ask for everything."""
    if any(value is not None and not value.strip() for value in values):
        raise UsageError(f"{option} is empty, which would ask for all")


def query_of(
    *,
    words: list[str] | None = None,
    action: list[str] | None = None,
    user: str | None = None,
    user_pk: str | None = None,
    app_: str | None = None,
    model: str | None = None,
    model_pk: str | None = None,
    application: str | None = None,
    client_ip: str | None = None,
    brand: str | None = None,
    since: datetime | None = None,
    until: str | None = None,
    cel: str | None = None,
) -> dict[str, str]:
    """The query of GET /events that the options describe. Raises UsageError."""
    given = {
        "--action": action,
        "--user": user,
        "--user-pk": user_pk,
        "--app": app_,
        "--model": model,
        "--model-pk": model_pk,
        "--application": application,
        "--client-ip": client_ip,
        "--brand": brand,
        "--filter": cel,
    }
    for option, value in given.items():
        check_said(option, *(value if isinstance(value, list) else [value]))
    model_app, _, model_name = (model or "").rpartition(".")
    end = None if until is None else parse_moment(until, "--until")
    if since is not None and end is not None and since >= end:
        raise UsageError("--until is not later than --since")
    asked = {
        "search": " ".join(words or []),
        "actions": ",".join(action or []),
        "username": user,
        "user_pk": user_pk,
        "app": app_,
        "model_app": model_app,
        "model_name": model_name,
        "model_pk": model_pk,
        "authorized_application": application,
        "client_ip": client_ip,
        "brand": brand,
        "since": None if since is None else iso(since),
        "until": None if end is None else iso(end),
        "filter": cel,
    }
    return {name: value for name, value in asked.items() if value}
