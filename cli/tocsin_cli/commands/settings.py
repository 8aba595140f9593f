"""`tocsin settings` and `tocsin mail-stops`."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin_cli.cli import CONFIGURATION, OPERATING, Cli, command, group
from tocsin_cli.commands.filters import Search, searched
from tocsin_cli.commands.resources import show_entry
from tocsin_cli.editor import edit_entry
from tocsin_cli.output import Column
from tocsin_cli.pairs import with_pairs
from tocsin_cli.times import ago
from tocsin_cli.types import text

_STOPS = (
    Column("ADDRESS", lambda stop: text(stop, "address"), whole=True),
    Column("WHY", lambda stop: text(stop, "reason")),
    Column("SINCE", lambda stop: ago(text(stop, "since"))),
    Column("DETAIL", lambda stop: text(stop, "detail"), cut=True),
)


def register(app: typer.Typer) -> None:
    """Add the groups."""
    settings = group(app, "settings", "Settings: retention, brand, secret keys, what groups may.", panel=CONFIGURATION)

    @command(settings)
    def show(cli: Cli) -> None:
        """Show the settings."""
        show_entry(cli, cli.api.get("/settings").object)

    @command(settings)
    def edit(cli: Cli) -> None:
        """Edit the settings in $EDITOR."""
        answer = cli.api.get("/settings")
        edit_entry(
            answer.object, "settings", lambda entry: cli.api.put("/settings", entry, if_match=answer.etag).object
        )
        cli.out.done("settings changed")

    @command(settings, "set")
    def set_(
        cli: Cli,
        fields: Annotated[
            list[str],
            typer.Argument(metavar="FIELD=VALUE", help="What to change; also FIELD.MEMBER=VALUE, FIELD:=JSON."),
        ],
    ) -> None:
        """Change some settings; the others stay."""
        answer = cli.api.get("/settings")
        wanted = with_pairs(answer.object, fields)
        saved = cli.api.put("/settings", wanted, if_match=answer.etag).object
        cli.out.done("settings changed")
        if not cli.out.for_people:
            show_entry(cli, saved)

    stops = group(
        app, "mail-stops", "Addresses that get no more mail: bounced, complained, unsubscribed.", panel=OPERATING
    )

    @command(stops, "list")
    def list_(cli: Cli, search: Search = None) -> None:
        """List addresses that get no more mail, and why."""
        cli.out.items(cli.api.items("/mail-stops", searched(search)), _STOPS, none="mail goes to everybody")

    @command(stops)
    def lift(
        cli: Cli, address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whom to write to again.")]
    ) -> None:
        """Write to an address again."""
        lifted = cli.api.delete("/mail-stops", query={"address": address}).object
        cli.out.done(f"mail goes to {text(lifted, 'address')} again")
