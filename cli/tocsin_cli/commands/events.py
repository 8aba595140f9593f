"""`tocsin events`, `tocsin event`, `tocsin story`: what happened, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.cli import EVENTS, Cli, command
from tocsin_cli.commands import filters
from tocsin_cli.errors import UsageError
from tocsin_cli.output import Column, Format, fields, to_yaml
from tocsin_cli.shortfalls import Shortfalls
from tocsin_cli.story import read_story, story_tree
from tocsin_cli.tail import PollingSource
from tocsin_cli.text import brief, plain, plain_lines
from tocsin_cli.times import local, parse_moment
from tocsin_cli.types import JsonObject, mapping, objects, text

_BAD = ("_failed", "_exception", "_error", "suspicious_request")


def _action(event: JsonObject) -> Text:
    action = plain(text(event, "action"))
    bad = action.endswith(_BAD)
    return Text(action, style="red" if bad else "cyan")


_COLUMNS = (
    Column("TIME", lambda event: Text(local(text(event, "created")), style="dim"), least=19),
    Column("ACTION", _action),
    Column("APP", lambda event: text(event, "app")),
    Column("USER", lambda event: text(mapping(event.get("user")), "username"), extra=True),
    Column("FROM", lambda event: event.get("client_ip"), extra=True),
    Column("WHAT", lambda event: text(event, "summary"), cut=True),
    Column("ID", lambda event: Text(text(event, "id"), style="dim"), whole=True),
)


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, panel=EVENTS)
    def events(
        cli: Cli,
        words: filters.Words = None,
        action: filters.Action = None,
        user: filters.User = None,
        user_pk: filters.UserPk = None,
        app_: filters.App = None,
        model: filters.Model = None,
        model_pk: filters.ModelPk = None,
        application: filters.Application = None,
        client_ip: filters.ClientIp = None,
        brand: filters.Brand = None,
        since: filters.Since = None,
        until: filters.Until = None,
        cel: filters.Cel = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")] = 50,
        all_: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
        oldest: Annotated[bool, typer.Option("--oldest", help="Oldest first.")] = False,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Show events as they come, from now or --since on.")
        ] = False,
        interval: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often --follow asks.")] = 2.0,
    ) -> None:
        """Search events, newest first; with --follow, watch them come.

        --follow shows each event once, and misses none that arrives within five minutes of its time.

        Which filters had no index, and on how many events --filter failed and why, is said on standard error.
        """
        start = None if since is None else parse_moment(since, "--since")
        query = filters.query_of(
            words=words,
            action=action,
            user=user,
            user_pk=user_pk,
            app_=app_,
            model=model,
            model_pk=model_pk,
            application=application,
            client_ip=client_ip,
            brand=brand,
            since=start,
            until=until,
            cel=cel,
        )
        if follow:
            if until is not None or all_:
                raise UsageError("--follow has no end: leave --until and --all out")
            shortfalls = Shortfalls(cli.out.warn)
            source = PollingSource(
                cli.api, query, since=start, pause=interval, trouble=cli.out.warn, shortfalls=shortfalls
            )
            _follow(cli, source)
            return
        _list(cli, query | {"order": "oldest" if oldest else "newest"}, None if all_ else limit)

    _add_event(app)
    _add_story(app)


def _add_event(app: typer.Typer) -> None:
    @command(app, panel=EVENTS)
    def event(
        cli: Cli,
        event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    ) -> None:
        """Show one event with all that it says."""
        found = cli.api.get(path_of("events", event_id)).object
        cli.out.item(found, lambda: _whole(found))


def _add_story(app: typer.Typer) -> None:
    @command(app, panel=EVENTS)
    def story(
        cli: Cli,
        event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
        logs: Annotated[
            bool, typer.Option("--logs", help="Also the functions' log lines, from CloudWatch (needs boto3).")
        ] = False,
        stack: Annotated[
            str | None, typer.Option(metavar="NAME", help="The stack whose logs are read; the profile's by default.")
        ] = None,
    ) -> None:
        """Tell what became of an event: rules, what held them, deliveries, attempts."""
        told = read_story(cli.api, event_id)
        if logs:
            from tocsin_cli.aws import Aws
            from tocsin_cli.logs import log_lines

            told["logs"] = [*log_lines(Aws.of(cli.profile, stack), event_id, text(mapping(told["event"]), "created"))]
        cli.out.item(told, lambda: story_tree(told))


def _list(cli: Cli, query: dict[str, str], limit: int | None) -> None:
    shortfalls = Shortfalls(cli.out.warn)

    def items() -> Iterator[JsonObject]:
        for page in cli.api.pages("/events", query, limit=limit):
            shortfalls.hear(page.object)
            yield from objects(page.object.get("items"))

    streamed = cli.out.form is Format.NDJSON
    with nullcontext() if streamed else cli.out.status("looking through the log"):
        found = items() if streamed else list(items())
    count = cli.out.items(found, _COLUMNS, none="no event matches")
    shortfalls.tell()
    if limit is not None and count == limit and cli.out.for_people:
        cli.out.note(f"the first {limit}; there may be more: --limit or --all", style="dim")


def _follow(cli: Cli, source: PollingSource) -> None:
    if cli.out.form in {Format.JSON, Format.YAML}:
        raise UsageError("--follow writes a line an event: use --output table or ndjson")
    for each in source.events():
        if cli.out.form is Format.NDJSON:
            cli.out.line(each)
        else:
            cli.out.console.print(_row(each), soft_wrap=True)


def _row(event: JsonObject) -> Text:
    who = text(mapping(event.get("user")), "username")
    row = Text.assemble((local(text(event, "created")), "dim"), "  ", _action(event), "  ", text(event, "app"))
    row.append(f"  {brief(text(event, 'summary') or who)}")
    return row.append(f"  {text(event, 'id')}", style="dim")


def _whole(event: JsonObject) -> RenderableType:
    user, context = mapping(event.get("user")), mapping(event.get("context"))
    expires = text(event, "expires")
    head = fields(
        [
            ("id", text(event, "id")),
            ("created", local(text(event, "created"))),
            ("action", _action(event)),
            ("app", text(event, "app")),
            ("summary", text(event, "summary")),
            ("from", text(event, "client_ip")),
            ("brand", text(event, "brand")),
            ("expires", local(expires) if expires else "never"),
            ("cause", plain(str(event["cause"])) if event.get("cause") else None),
        ]
    )
    parts: list[RenderableType] = [head]
    for name, content in (("user", user), ("context", context)):
        if content:
            parts += [Text(name, style="bold"), Text(_indented(plain_lines(to_yaml(content))))]
    return Group(*parts)


def _indented(written: str) -> str:
    return "\n".join(f"  {line}" for line in written.rstrip("\n").split("\n"))
