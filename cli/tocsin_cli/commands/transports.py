"""`tocsin transports`, `tocsin breaker` and `tocsin mappings`: the ways in which people are told."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.cli import CONFIGURATION, DELIVERIES, Cli, command, group, names_of
from tocsin_cli.commands.resources import add_entries, add_list
from tocsin_cli.errors import ExitCode
from tocsin_cli.kinds import MAPPINGS, TRANSPORTS
from tocsin_cli.output import Column, fields, styled
from tocsin_cli.story import attempt_line
from tocsin_cli.times import ago, local
from tocsin_cli.types import JsonObject, objects, text, whole

TransportName = Annotated[
    str, typer.Argument(metavar="NAME", help="The transport's name.", autocompletion=names_of("transports"))
]

_BREAKERS = (
    Column("TRANSPORT", lambda breaker: text(breaker, "transport"), whole=True),
    Column("STATE", lambda breaker: text(breaker, "state"), state=True),
    Column("FAILURES IN A ROW", lambda breaker: whole(breaker.get("failures_in_a_row"))),
    Column("FAILING SINCE", lambda breaker: ago(text(breaker, "failing_since"))),
    Column("LAST FAILURE", lambda breaker: text(breaker, "last_failure")),
)


def register(app: typer.Typer) -> None:
    """Add the groups."""
    transports = group(app, "transports", "Transports: webhooks, Slack, e-mail, the inbox.", panel=CONFIGURATION)
    add_list(transports, TRANSPORTS)
    add_entries(transports, TRANSPORTS)
    _add_test(transports)
    mappings = group(app, "mappings", "Mappings: CEL that makes what a transport sends.", panel=CONFIGURATION)
    add_list(mappings, MAPPINGS)
    add_entries(mappings, MAPPINGS)
    breaker = group(
        app, "breaker", "Breakers: what holds a transport's deliveries while its endpoint fails.", panel=DELIVERIES
    )
    _add_breaker(breaker)


def _add_test(transports: typer.Typer) -> None:
    @command(transports)
    def test(
        cli: Cli,
        name: TransportName,
        user: Annotated[
            str | None,
            typer.Option(
                metavar="NAME", help="Who is told; e-mail and inbox need one.", autocompletion=names_of("users")
            ),
        ] = None,
    ) -> None:
        """Send a test notification, by exactly the way of a real one; exit with 1 where it is not delivered."""
        query = {"user": user} if user else None
        with cli.out.status(f"sending a test by {name}"):
            delivery = cli.api.post(path_of("transports", name, "test"), query=query).object
        cli.out.item(delivery, lambda: _tested(delivery))
        if delivery.get("state") != "delivered":
            raise typer.Exit(ExitCode.FAILED)


def _tested(delivery: JsonObject) -> RenderableType:
    attempts = [attempt_line(number, each) for number, each in enumerate(objects(delivery.get("attempts")), 1)]
    head = Text.assemble("test by ", (text(delivery, "transport"), "bold"), " ", styled(text(delivery, "state")))
    return Group(head, *(Text("  ") + line for line in attempts))


def _add_breaker(breaker: typer.Typer) -> None:
    @command(breaker, "list")
    def list_(cli: Cli) -> None:
        """List the breakers of all transports."""
        names = [text(each, "name") for each in cli.api.items("/transports")]
        found = (cli.api.get(path_of("transports", name, "breaker")).object for name in names)
        cli.out.items(found, _BREAKERS, none="there are no transports")

    @command(breaker)
    def show(cli: Cli, name: TransportName) -> None:
        """Show a transport's breaker."""
        found = cli.api.get(path_of("transports", name, "breaker")).object
        cli.out.item(found, lambda: _breaker(found))

    @command(breaker)
    def reset(cli: Cli, name: TransportName) -> None:
        """Close a breaker: held deliveries go out from the next minute on."""
        found = cli.api.post(path_of("transports", name, "breaker", "reset")).object
        cli.out.done(f"the breaker of {name} is {text(found, 'state')}")
        cli.out.data(found)


def _breaker(breaker: JsonObject) -> RenderableType:
    since, changed = text(breaker, "failing_since"), text(breaker, "changed_at")
    return fields(
        [
            ("transport", text(breaker, "transport")),
            ("state", styled(text(breaker, "state"))),
            ("failures in a row", str(whole(breaker.get("failures_in_a_row")))),
            ("failing since", f"{local(since)} ({ago(since)})" if since else None),
            ("changed", f"{local(changed)} ({ago(changed)})" if changed else None),
            ("last failure", text(breaker, "last_failure")),
        ]
    )
