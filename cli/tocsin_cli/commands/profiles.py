"""`tocsin login`, `logout` and `profiles`: which Tocsin commands speak to."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tocsin_cli.api import checked_url
from tocsin_cli.cli import HERE, Cli, command, group
from tocsin_cli.errors import Refused, UsageError
from tocsin_cli.output import Column
from tocsin_cli.profiles import Profile, Profiles
from tocsin_cli.types import JsonObject, text


def _names(incomplete: str) -> list[str]:
    return [name for name in Profiles.of().names() if name.startswith(incomplete)]


Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.", autocompletion=_names)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    _add_login(app)

    @command(app, panel=HERE)
    def logout(cli: Cli, name: Name) -> None:
        """Forget a profile and its key. The key stays valid: delete it with `tocsin keys delete`."""
        cli.profiles.remove(name)
        cli.out.done(f"profile {name} and its key are forgotten")

    profiles = group(app, "profiles", "Profiles: the stacks that commands can speak to.", panel=HERE)

    @command(profiles, "list")
    def list_(cli: Cli) -> None:
        """List profiles; the current one is marked."""
        known = cli.profiles
        items: list[JsonObject] = []
        for name in known.names():
            profile = known.get(name)
            items.append(
                {
                    "name": name,
                    "current": name == known.current,
                    "url": profile.url,
                    "stack": profile.stack or None,
                    "key": "kept" if profile.key else "missing",
                }
            )
        columns = (
            Column("", lambda item: "→" if item["current"] else ""),
            Column("NAME", lambda item: text(item, "name"), whole=True),
            Column("URL", lambda item: text(item, "url")),
            Column("STACK", lambda item: text(item, "stack")),
            Column("KEY", lambda item: text(item, "key")),
        )
        cli.out.items(items, columns, none="there is no profile: tocsin login prod --url …")

    @command(profiles)
    def use(cli: Cli, name: Name) -> None:
        """Make a profile the current one."""
        cli.profiles.use(name)
        cli.out.done(f"commands speak to {cli.profiles.get(name).url}")


def _add_login(app: typer.Typer) -> None:
    @command(app, panel=HERE)
    def login(
        cli: Cli,
        name: Name,
        stack: Annotated[
            str | None, typer.Option(metavar="NAME", help="The CloudFormation stack, for what only AWS knows.")
        ] = None,
        region: Annotated[str | None, typer.Option(metavar="REGION", help="Its region.")] = None,
        aws_profile: Annotated[str | None, typer.Option(metavar="NAME", help="The AWS profile to ask with.")] = None,
        key_stdin: Annotated[
            bool, typer.Option("--key-stdin", help="Read the key from standard input, as in a script.")
        ] = False,
    ) -> None:
        """Keep a profile: its URL (--url) and its key, which is asked for and kept in the system's keyring.

        Without a keyring the key is kept in the file of profiles, which only you can read.
        """
        known = cli.profiles.names()
        before = cli.profiles.get(name) if name in known else Profile(name, "")
        url = cli.common.url or before.url
        if not url:
            raise UsageError("where is it? Give --url", hint="the stack's output ApiUrl")
        key = _key(key_stdin)
        profile = Profile(
            name,
            checked_url(url),
            key,
            stack=before.stack if stack is None else stack,
            region=before.region if region is None else region,
            aws_profile=before.aws_profile if aws_profile is None else aws_profile,
        )
        version = _checked(cli, profile)
        in_keyring = cli.profiles.save(profile)
        where = "the system's keyring" if in_keyring else str(cli.profiles.path)
        cli.out.done(f"{name} is Tocsin {version} at {profile.url}; the key is kept in {where}")


def _key(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        key = sys.stdin.readline().strip()
    else:
        key = str(typer.prompt("API key", hide_input=True, err=True)).strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError("a key is printable ASCII without blanks")
    return key


def _checked(cli: Cli, profile: Profile) -> str:
    """The version of the Tocsin there. Raises Unavailable, and Refused for a key that it does not know."""
    api = cli.api_at(profile.url, profile.key)
    version = text(api.get("/health").object, "version")
    try:
        api.get("/events", {"limit": "1"})
    except Refused as error:
        if error.hint:  # 401; a 403 is a key that is known, and may do something else
            raise Refused(f"Tocsin does not take this key: {error}") from None
    return version
