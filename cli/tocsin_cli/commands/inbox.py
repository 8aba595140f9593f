"""`tocsin inbox` and `acknowledge`: what somebody was told, and that it is seen to."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.cli import DELIVERIES, Cli, command, group, names_of
from tocsin_cli.commands.filters import Search, searched
from tocsin_cli.output import Column
from tocsin_cli.text import plain
from tocsin_cli.times import local
from tocsin_cli.types import JsonObject, mapping, text

User = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="NAME", help="Whose; your own by default.", autocompletion=names_of("users")),
]


def _state(notification: JsonObject) -> str:
    """Who acknowledged it, or that nobody has; blank where its rule does not escalate."""
    said = mapping(notification.get("acknowledged"))
    if said:
        return f"by {text(said, 'by')}"
    return "not yet" if notification.get("can_acknowledge") else ""


_COLUMNS = (
    Column("ARRIVED", lambda each: Text(local(text(each, "arrived")), style="dim"), least=19),
    Column("SEVERITY", lambda each: text(each, "severity"), state=True),
    Column("RULE", lambda each: text(each, "rule")),
    Column("SAYS", lambda each: text(mapping(each.get("words")), "text") or text(each, "body"), cut=True),
    Column("SEEN", lambda each: "yes" if each.get("seen") else ""),
    Column("ACKNOWLEDGED", _state),
    Column("ID", lambda each: Text(text(each, "id"), style="dim"), whole=True),
)


def register(app: typer.Typer) -> None:
    """Add the group, and the command."""
    inbox = group(app, "inbox", "The inbox: what somebody was told.", panel=DELIVERIES)

    @command(inbox, "list")
    def list_(
        cli: Cli,
        user: User = None,
        unseen: Annotated[bool, typer.Option("--unseen", help="Only what was not seen yet.")] = False,
        search: Search = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")] = 50,
    ) -> None:
        """List an inbox, latest first.

        tocsin inbox list --unseen
        """
        query: dict[str, str] = _of(user) | ({"unseen": "true"} if unseen else {}) | searched(search)
        cli.out.items(cli.api.items("/notifications", query, limit=limit), _COLUMNS, none="nothing is in the inbox")

    @command(inbox)
    def acknowledge(
        cli: Cli,
        ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Notifications.")],
        user: User = None,
    ) -> None:
        """Acknowledge what notifications tell of, so that nobody else is told.

        tocsin inbox acknowledge 019ca945-0a00-7f18-a3b6-3438cb845d72
        """

        def acknowledged(each: str) -> JsonObject:
            return _said(cli, cli.api.post(path_of("notifications", each, "acknowledge"), query=_of(user)).object)

        done, code = cli.each(ids, acknowledged)
        if len(ids) == 1:
            cli.out.data(done[0])
        elif not cli.out.for_people:
            cli.out.items(done, (), none="")
        if code:
            raise typer.Exit(code)

    @command(app, "acknowledge", panel=DELIVERIES)
    def acknowledge_event(
        cli: Cli,
        event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")],
        rule: Annotated[
            str, typer.Argument(metavar="RULE", help="The rule that told of it.", autocompletion=names_of("rules"))
        ],
    ) -> None:
        """Acknowledge what a rule told of an event, whoever was told.

        tocsin acknowledge 019ca945-0a00-7f18-a3b6-3438cb845d72 disk-full
        """
        asked = cli.api.post(path_of("events", event_id, "acknowledge"), query={"rule": rule})
        cli.out.data(_said(cli, asked.object))


def _of(user: str | None) -> dict[str, str]:
    return {} if user is None else {"user": user}


def _said(cli: Cli, done: JsonObject) -> JsonObject:
    """What came of an acknowledgement, once people are told of it."""
    who = plain(f"{text(done, 'by')} at {local(text(done, 'at'))}")
    cli.out.done(f"acknowledged: {who}" if done.get("first") else f"it was acknowledged before: {who}")
    return done
