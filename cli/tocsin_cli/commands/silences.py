"""`tocsin silence`, `tocsin unsilence` and `tocsin silences`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.cli import OPERATING, Cli, command, group, names_of
from tocsin_cli.commands.filters import Search, searched
from tocsin_cli.commands.resources import add_entries
from tocsin_cli.errors import UsageError
from tocsin_cli.kinds import SILENCES
from tocsin_cli.silencing import events_of, events_of_rule, rules_touched
from tocsin_cli.text import counted
from tocsin_cli.times import iso, local, parse_later, parse_moment
from tocsin_cli.types import JsonObject, text


def register(app: typer.Typer) -> None:
    """Add the commands."""
    _add_silence(app)
    _add_unsilence(app)
    silences = group(app, "silences", "Silences: times in which nobody is told of certain events.", panel=OPERATING)
    _add_list(silences)
    add_entries(silences, SILENCES)


def _add_silence(app: typer.Typer) -> None:
    @command(app, panel=OPERATING)
    def silence(
        cli: Cli,
        fields: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="FIELD=VALUE", help="Which events: app=shop, context.host=web*, user.username!=alice."
            ),
        ] = None,
        rule: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="The events that this rule asks for.", autocompletion=names_of("rules")),
        ] = None,
        query: Annotated[str | None, typer.Option(metavar="CEL", help='As "event.context.amount < 10".')] = None,
        for_: Annotated[
            str | None, typer.Option("--for", "-d", metavar="LENGTH", help="How long: 30m, 2h, 1d; 1h by default.")
        ] = None,
        until: Annotated[str | None, typer.Option(metavar="MOMENT", help="Or until when.")] = None,
        starts: Annotated[
            str | None,
            typer.Option(metavar="MOMENT", help="From when on: 2h (from now), 2026-03-01T22:00; now by default."),
        ] = None,
        comment: Annotated[str, typer.Option("--comment", "-c", metavar="TEXT", help="Why.")] = "",
        name: Annotated[str | None, typer.Option(metavar="NAME", help="A name of your own.")] = None,
    ) -> None:
        """Keep people from being told of events for a time. They are stored all the same.

        tocsin silence --rule failed-logins --for 2h -c "deploy"
        """
        beginning = None if starts is None else parse_moment(starts, "--starts", ahead=True)
        time = {"starts": None if beginning is None else iso(beginning), "ends": iso(_end(for_, until, beginning))}
        if rule is not None and (fields or query):
            raise UsageError("give --rule, or say which events; a rule's events can't be narrowed down")
        wanted = [events_of(fields or [], query)] if rule is None else _of_rule(cli, rule)
        made = []
        for number, events in enumerate(wanted, 1):
            own = name if len(wanted) == 1 or name is None else f"{name}-{number}"
            asked: JsonObject = {"name": own, "comment": comment, **time, **events}
            body: JsonObject = {field: value for field, value in asked.items() if value not in (None, "")}
            each = cli.api.post("/silences", body).object
            made.append(each)
            # Told as each is made: it is in force, whatever becomes of the next.
            cli.out.done(
                f"silenced until {local(text(each, 'ends'))}; end it with `tocsin unsilence {text(each, 'name')}`"
            )
        if cli.out.for_people:
            for each in made:
                cli.out.console.print(Text(text(each, "name")))
        else:
            cli.out.items(made, SILENCES.columns, none="")


def _end(for_: str | None, until: str | None, beginning: datetime | None) -> datetime:
    if for_ is not None and until is not None:
        raise UsageError("give --for or --until, not both")
    if until is not None:
        return parse_moment(until, "--until", ahead=True)
    return parse_later(for_ or "1h", "--for", start=beginning or datetime.now(UTC))


def _of_rule(cli: Cli, name: str) -> list[JsonObject]:
    rule = cli.api.get(path_of("rules", name)).object
    policies = {text(each, "name"): each for each in cli.api.items("/policies")}
    wanted = events_of_rule(rule, policies)
    same = rules_touched(rule, list(cli.api.items("/rules")))
    others = f"{', '.join(same)} and any other rule" if same else "any other rule"
    cli.out.warn(
        f"events are silenced, not rules: {others} that they fire will not tell of them either;"
        f" `tocsin rules disable {name}` stops this rule alone"
    )
    return wanted


def _add_unsilence(app: typer.Typer) -> None:
    @command(app, panel=OPERATING)
    def unsilence(
        cli: Cli,
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="NAME…", help="Silences.", autocompletion=names_of("silences")),
        ] = None,
        all_: Annotated[bool, typer.Option("--all", help="All that are active or pending.")] = False,
    ) -> None:
        """End silences now."""
        if bool(names) is all_:
            raise UsageError("name silences, or give --all")
        wanted = names or [text(each, "name") for each in cli.api.items("/silences", {"state": "active,pending"})]
        ended, code = cli.each(wanted, lambda name: cli.api.delete(path_of("silences", name)).object)
        cli.out.done(f"ended {counted(len(ended), 'silence')}")
        if not cli.out.for_people:
            cli.out.items(ended, SILENCES.columns, none="")
        if code:
            raise typer.Exit(code)


def _add_list(silences: typer.Typer) -> None:
    @command(silences, "list")
    def list_(
        cli: Cli,
        search: Search = None,
        state: Annotated[
            str, typer.Option(metavar="STATES", help="active, pending and over, between commas.")
        ] = "active,pending",
        all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    ) -> None:
        """List silences that are or will be in force."""
        query = searched(search) | ({} if all_ else {"state": state})
        cli.out.items(cli.api.items("/silences", query), SILENCES.columns, none="nothing is silenced")
