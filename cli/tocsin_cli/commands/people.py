"""`tocsin users`, `tocsin groups` and `tocsin keys`: who is told, and who may ask."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin_cli.api import path_of
from tocsin_cli.cli import CONFIGURATION, Cli, command, group, names_of
from tocsin_cli.commands.filters import Search, searched
from tocsin_cli.commands.resources import add_entries, add_list, saved
from tocsin_cli.errors import CliError, UsageError
from tocsin_cli.kinds import GROUPS, KEYS, USERS
from tocsin_cli.output import Column
from tocsin_cli.text import counted
from tocsin_cli.times import iso, parse_duration, parse_moment
from tocsin_cli.types import JsonObject, text

SCOPES = ("events:write", "events:read", "events:erase", "config:read", "config:write", "notifications")

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.", autocompletion=names_of("groups"))]
Members = Annotated[list[str], typer.Argument(metavar="USER…", help="Usernames.", autocompletion=names_of("users"))]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.", autocompletion=names_of("keys"))]


def _scopes(incomplete: str) -> list[str]:
    return [scope for scope in SCOPES if scope.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the groups."""
    users = group(app, "users", "Users: people who are told.", panel=CONFIGURATION)
    add_list(users, USERS)
    add_entries(users, USERS)
    groups = group(app, "groups", "Groups, their members, and the groups below them.", panel=CONFIGURATION)
    add_list(groups, GROUPS)
    add_entries(groups, GROUPS)
    _add_members(groups)
    keys = group(app, "keys", "API keys: who may ask what.", panel=CONFIGURATION)
    add_list(keys, KEYS)
    _add_new_key(keys)
    add_entries(keys, KEYS)
    _add_rotate(keys)


def _add_members(groups: typer.Typer) -> None:
    @command(groups)
    def members(
        cli: Cli,
        name: GroupName,
        search: Search = None,
        limit: Annotated[
            int | None, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")
        ] = None,
    ) -> None:
        """List a group's own members."""
        found = cli.api.items(path_of("groups", name, "members"), searched(search), limit=limit)
        cli.out.items(
            found, [Column("USERNAME", lambda member: text(member, "username"), whole=True)], none=f"{name} is empty"
        )

    @command(groups)
    def add(cli: Cli, name: GroupName, usernames: Members) -> None:
        """Put users into a group."""
        done, code = cli.each(usernames, lambda each: cli.api.put(path_of("groups", name, "members", each), {}))
        cli.out.done(f"{counted(len(done), 'user')} in {name}")
        if code:
            raise typer.Exit(code)

    @command(groups)
    def remove(cli: Cli, name: GroupName, usernames: Members) -> None:
        """Take users out of a group."""
        done, code = cli.each(usernames, lambda each: cli.api.delete(path_of("groups", name, "members", each)))
        cli.out.done(f"{counted(len(done), 'user')} out of {name}")
        if code:
            raise typer.Exit(code)


def _add_new_key(keys: typer.Typer) -> None:
    @command(keys)
    def create(
        cli: Cli,
        name: Annotated[str, typer.Argument(metavar="NAME", help="The new key's name.")],
        scope: Annotated[
            list[str],
            typer.Option(metavar="SCOPE", help=f"What it may do: {', '.join(SCOPES)}.", autocompletion=_scopes),
        ],
        user: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="Whom it stands for.", autocompletion=names_of("users")),
        ] = None,
        rate: Annotated[
            int | None, typer.Option(min=1, metavar="N", help="How many events a minute it may send.")
        ] = None,
        expires: Annotated[
            str | None,
            typer.Option(metavar="MOMENT", help="Until when it holds: 90d (from now), 2027-01-01T00:00:00Z."),
        ] = None,
    ) -> None:
        """Create an API key; its secret is shown this once.

        tocsin keys create shop --scope events:write --expires 90d
        """
        if wrong := [each for each in scope if each not in SCOPES]:
            raise UsageError(f"there is no scope {wrong[0]!r}; there are: {', '.join(SCOPES)}")
        moment = None if expires is None else iso(parse_moment(expires, "--expires", ahead=True))
        asked: JsonObject = {
            "name": name,
            "scopes": list(scope),
            "user": user,
            "events_per_minute": rate,
            "expires": moment,
        }
        made = cli.api.post("/keys", {field: value for field, value in asked.items() if value is not None}).object
        saved(cli, KEYS, made, "created")


def _add_rotate(keys: typer.Typer) -> None:
    @command(keys)
    def rotate(
        cli: Cli,
        name: KeyName,
        overlap: Annotated[
            str, typer.Option(metavar="LENGTH", help="How long the old secret is still taken, or none.")
        ] = "24h",
    ) -> None:
        """Give a key a new secret, shown this once."""
        said = overlap if overlap == "none" else parse_duration(overlap, "--overlap")
        made = cli.api.post(path_of("keys", name, "rotate"), {"overlap": said}).object
        if not made.get("key"):
            raise CliError("the answer has no secret in it")
        saved(cli, KEYS, made, "rotated")
