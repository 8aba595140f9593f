"""`tocsin deliveries`, `delivery`, `retry` and `redrive`: what was sent, what failed, and sending it again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.cli import DELIVERIES, Cli, command, names_of
from tocsin_cli.commands.filters import Search, check_said, searched
from tocsin_cli.errors import UsageError
from tocsin_cli.output import Column, fields, styled
from tocsin_cli.story import attempt_line
from tocsin_cli.text import counted
from tocsin_cli.times import iso, local, parse_moment
from tocsin_cli.types import Json, JsonObject, objects, text, whole

STATES = ("delivered", "failed", "discarded", "retrying", "held", "waiting", "queued", "joined", "dropped")
AGAIN = ("failed", "discarded", "held", "waiting", "retrying", "queued")
"""States that can be sent again."""
_PREVIEWED = 1000


def _last(delivery: JsonObject) -> str:
    """Why, in the last attempt's words."""
    attempts = objects(delivery.get("attempts"))
    if not attempts:
        return ""
    last = attempts[-1]
    status = f" {text(last, 'status')}" if last.get("status") else ""
    detail = f": {text(last, 'detail')}" if last.get("detail") else ""
    return f"{text(last, 'reason')}{status}{detail}"


_COLUMNS = (
    Column("UPDATED", lambda delivery: Text(local(text(delivery, "updated")), style="dim")),
    Column("STATE", lambda delivery: text(delivery, "state"), state=True),
    Column("RULE", lambda delivery: text(delivery, "rule")),
    Column("BY", lambda delivery: text(delivery, "transport")),
    Column("TO", lambda delivery: text(delivery, "user")),
    Column("TRIES", lambda delivery: len(objects(delivery.get("attempts")))),
    Column("WHY", _last, cut=True),
    Column("ID", lambda delivery: Text(text(delivery, "id"), style="dim"), whole=True),
)

TransportOption = Annotated[
    str | None,
    typer.Option("--transport", "-t", metavar="NAME", help="By this transport.", autocompletion=names_of("transports")),
]
Since = Annotated[str | None, typer.Option(metavar="MOMENT", help="Of events not before: 2h (ago), today, …")]
Until = Annotated[str | None, typer.Option(metavar="MOMENT", help="Of events before.")]


def _states(incomplete: str) -> list[str]:
    return [state for state in STATES if state.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, panel=DELIVERIES)
    def deliveries(
        cli: Cli,
        state: Annotated[
            list[str] | None,
            typer.Option("--state", "-s", metavar="STATE", help=f"{', '.join(STATES)}.", autocompletion=_states),
        ] = None,
        transport: TransportOption = None,
        search: Search = None,
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")] = 50,
        all_: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
    ) -> None:
        """List deliveries, newest event first.

        tocsin deliveries --state failed --state held --since 1d
        """
        query = _query(_checked(state or [], STATES), transport, since, until) | searched(search)
        found = cli.api.items("/deliveries", query, limit=None if all_ else limit)
        cli.out.items(found, _COLUMNS, none="there are no such deliveries")

    @command(app, panel=DELIVERIES)
    def delivery(
        cli: Cli,
        delivery_id: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.")],
    ) -> None:
        """Show one delivery with its attempts."""
        found = cli.api.get(path_of("deliveries", delivery_id)).object
        cli.out.item(found, lambda: _shown(found))

    @command(app, panel=DELIVERIES)
    def retry(
        cli: Cli,
        ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Deliveries.")],
    ) -> None:
        """Send deliveries again, each from the beginning of its schedule."""
        done, code = cli.each(ids, lambda each: cli.api.post(path_of("deliveries", each, "retry")).object)
        cli.out.done(f"{counted(len(done), 'delivery', 'deliveries')} on the way again")
        if not cli.out.for_people:
            cli.out.items(done, _COLUMNS, none="")
        if code:
            raise typer.Exit(code)

    _add_redrive(app)


def _add_redrive(app: typer.Typer) -> None:
    @command(app, panel=DELIVERIES)
    def redrive(
        cli: Cli,
        transport: Annotated[
            str, typer.Argument(metavar="TRANSPORT", help="Whose deliveries.", autocompletion=names_of("transports"))
        ],
        state: Annotated[
            list[str] | None,
            typer.Option("--state", "-s", metavar="STATE", help=f"{', '.join(AGAIN)}; failed by default."),
        ] = None,
        since: Since = None,
        until: Until = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent again.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ) -> None:
        """Send a transport's deliveries again: shows which, asks, sends. What was delivered is not sent twice."""
        states = _checked(state or ["failed"], AGAIN)
        query = _query(states, transport, since, until)
        with cli.out.status("looking for deliveries"):
            found = list(cli.api.items("/deliveries", query, limit=_PREVIEWED))
        more = " or more" if len(found) == _PREVIEWED else ""
        if cli.out.for_people:
            cli.out.items(found[:20], _COLUMNS, none="nothing to send again")
            if len(found) > 20:
                cli.out.note(f"and {len(found) - 20:,} more{more}", style="dim")
        if dry_run or not found:
            if not cli.out.for_people:
                cli.out.items(found, _COLUMNS, none="")
            return
        cli.confirmed(f"Send {counted(len(found), 'delivery', 'deliveries')}{more} again by {transport}?", yes=yes)
        _redrive(cli, transport, states, query, len(found))


def _redrive(cli: Cli, transport: str, states: list[str], query: dict[str, str], expected: int) -> None:
    range_: dict[str, Json] = {name: query[name] for name in ("since", "until") if name in query}
    wanted: list[Json] = [*states]
    asked: JsonObject = {"transport": transport, "states": wanted, **range_}
    queued = skipped = gone = 0
    with cli.out.progress() as bar:
        task = bar.add_task(f"redrive {transport}", total=expected, more="")
        while True:
            answer = cli.api.post("/deliveries/redrive", asked).object
            queued += whole(answer.get("queued"))
            skipped += whole(answer.get("skipped"))
            gone += whole(answer.get("gone"))
            bar.update(task, completed=queued + skipped, more=f"{queued:,} queued")
            if not answer.get("cursor"):
                break
            asked["cursor"] = answer["cursor"]
    left = f", {skipped - gone:,} left as they are" if skipped > gone else ""
    discarded = f", {gone:,} discarded: their people left" if gone else ""
    cli.out.done(f"{counted(queued, 'delivery', 'deliveries')} on the way again{left}{discarded}")
    cli.out.data({"transport": transport, "queued": queued, "skipped": skipped, "gone": gone})


def _checked(states: list[str], known: tuple[str, ...]) -> list[str]:
    given = [each.strip() for state in states for each in state.split(",") if each.strip()]
    if wrong := [each for each in given if each not in known]:
        raise UsageError(f"--state: there is no {wrong[0]!r} here; there are: {', '.join(known)}")
    return given


def _query(states: list[str], transport: str | None, since: str | None, until: str | None) -> dict[str, str]:
    check_said("a transport", transport)
    asked = {
        "state": ",".join(states),
        "transport": transport,
        "since": None if since is None else iso(parse_moment(since, "--since")),
        "until": None if until is None else iso(parse_moment(until, "--until")),
    }
    return {name: value for name, value in asked.items() if value}


def _shown(delivery: JsonObject) -> RenderableType:
    head = fields(
        [
            ("id", text(delivery, "id")),
            ("event", text(delivery, "event_id")),
            ("rule", text(delivery, "rule")),
            ("transport", f"{text(delivery, 'transport')} ({text(delivery, 'mode')})"),
            ("to", text(delivery, "user")),
            ("state", styled(text(delivery, "state"))),
            ("updated", local(text(delivery, "updated"))),
            ("next attempt", local(text(delivery, "next_attempt")) if delivery.get("next_attempt") else None),
        ]
    )
    attempts = [attempt_line(number, each) for number, each in enumerate(objects(delivery.get("attempts")), 1)]
    return Group(head, *(Text("  ") + line for line in attempts))
