"""`tocsin preferences`: how people want to be told, oneself before all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from tocsin_cli.api import path_of
from tocsin_cli.cli import CONFIGURATION, Cli, command, group, names_of
from tocsin_cli.commands.resources import show_entry
from tocsin_cli.editor import edit_entry
from tocsin_cli.errors import UsageError
from tocsin_cli.pairs import with_pairs
from tocsin_cli.times import iso, parse_later
from tocsin_cli.types import Json, JsonObject

User = Annotated[
    str,
    typer.Option("--user", "-u", metavar="NAME", help="Whose; your own by default.", autocompletion=names_of("users")),
]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.", autocompletion=names_of("rules"))]
TransportName = Annotated[
    str, typer.Argument(metavar="TRANSPORT", help="The transport's name.", autocompletion=names_of("transports"))
]
_ME = "me"


def register(app: typer.Typer) -> None:
    """Add the group."""
    preferences = group(app, "preferences", "Preferences: when and by what people are told.", panel=CONFIGURATION)

    @command(preferences)
    def show(
        cli: Cli,
        user: User = _ME,
        effective: Annotated[
            bool, typer.Option("--effective", help="What holds, defaults included, and what reaches the person.")
        ] = False,
    ) -> None:
        """Show what somebody said of how to be told."""
        show_entry(cli, cli.api.get(_path(user, *(["options"] if effective else []))).object)

    @command(preferences)
    def edit(cli: Cli, user: User = _ME) -> None:
        """Edit preferences in $EDITOR; they are checked, and nobody else's change is overwritten."""
        answer = cli.api.get(_path(user))
        edit_entry(
            answer.object, "preferences", lambda entry: cli.api.put(_path(user), entry, if_match=answer.etag).object
        )
        cli.out.done("preferences changed")

    @command(preferences, "set")
    def set_(
        cli: Cli,
        fields: Annotated[
            list[str],
            typer.Argument(metavar="FIELD=VALUE", help="What to say; also FIELD.MEMBER=VALUE, FIELD:=JSON."),
        ],
        user: User = _ME,
    ) -> None:
        """Say something else; the rest stays.

        tocsin preferences set time_zone=Europe/Berlin 'quiet_hours:=[{"starts": "22:00", "ends": "07:00"}]'
        """
        _change(cli, user, lambda said: with_pairs(said, fields))

    @command(preferences)
    def mute(
        cli: Cli,
        rule: RuleName,
        length: Annotated[
            str | None, typer.Option("--for", metavar="LENGTH", help="For how long, as 8h; for good without it.")
        ] = None,
        user: User = _ME,
    ) -> None:
        """Hear nothing of a rule, for good or for a time."""
        muted: JsonObject = {"muted": True}
        if length is not None:
            muted = {"muted_until": iso(parse_later(length, "--for", start=datetime.now(UTC)))}
        _change(cli, user, lambda said: _with(said, "rules", rule, muted))

    @command(preferences)
    def unmute(cli: Cli, rule: RuleName, user: User = _ME) -> None:
        """Hear of a rule again."""
        _change(cli, user, lambda said: _without(said, "rules", rule))

    @command(preferences)
    def off(cli: Cli, transport: TransportName, user: User = _ME) -> None:
        """Hear nothing by a transport."""
        _change(cli, user, lambda said: _with(said, "transports", transport, {"enabled": False}))

    @command(preferences)
    def on(cli: Cli, transport: TransportName, user: User = _ME) -> None:
        """Hear by a transport again."""
        _change(cli, user, lambda said: _with(said, "transports", transport, {"enabled": True}))


def _path(user: str, *more: str) -> str:
    return path_of("users", user, "preferences", *more)


def _change(cli: Cli, user: str, change: Callable[[JsonObject], JsonObject]) -> None:
    answer = cli.api.get(_path(user))
    saved = cli.api.put(_path(user), change(answer.object), if_match=answer.etag).object
    cli.out.done("preferences changed")
    if not cli.out.for_people:
        show_entry(cli, saved)


def _entries(said: JsonObject, field: str) -> dict[str, Json]:
    entries = said.get(field)
    return dict(entries) if isinstance(entries, dict) else {}


def _with(said: JsonObject, field: str, name: str, more: JsonObject) -> JsonObject:
    """`said` with `more` of an entry of a field. What else a transport's entry says stays; a mute is one thing."""
    entries = _entries(said, field)
    before = entries.get(name)
    kept = before if isinstance(before, dict) and field == "transports" else {}
    return said | {field: entries | {name: kept | more}}


def _without(said: JsonObject, field: str, name: str) -> JsonObject:
    entries = _entries(said, field)
    if name not in entries:
        raise UsageError(f"rule {name!r} is not muted")
    return said | {field: {each: value for each, value in entries.items() if each != name}}
