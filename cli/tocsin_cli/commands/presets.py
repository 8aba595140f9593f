"""`tocsin presets`: the services that a webhook has a form for."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.cli import CONFIGURATION, Cli, command, names_of
from tocsin_cli.errors import NotFound
from tocsin_cli.output import Column, fields
from tocsin_cli.types import JsonObject, mapping, objects, text

_COLUMNS = (
    Column("PRESET", lambda preset: text(preset, "name"), whole=True),
    Column("SERVICE", lambda preset: text(preset, "title")),
    Column("URL", lambda preset: _url(mapping(preset.get("url")))),
    Column("OPTIONS", lambda preset: [_option(each) for each in objects(preset.get("options"))], cut=True),
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=CONFIGURATION)
    def presets(
        cli: Cli,
        name: Annotated[
            str | None,
            typer.Argument(metavar="NAME", help="Show this one alone.", autocompletion=names_of("presets")),
        ] = None,
    ) -> None:
        """List the services that a webhook has a form for, or show what one of them wants.

        tocsin transports create duty mode=webhook preset=teams url=https://…
        """
        listed = list(cli.api.items("/presets"))
        if name is None:
            cli.out.items(listed, _COLUMNS, none="there are no presets")
            return
        preset = next((each for each in listed if each.get("name") == name), None)
        if preset is None:
            known = ", ".join(text(each, "name") for each in listed)
            raise NotFound(f"there is no preset {name!r}; there are: {known}")
        cli.out.item(preset, lambda: _shown(preset))


def _url(url: JsonObject) -> str:
    if not url.get("required"):
        return "its own, or yours"
    return "yours, kept secret" if url.get("secret") else "yours"


def _option(option: JsonObject) -> str:
    return text(option, "name") + ("" if option.get("required") else "?")


def _shown(preset: JsonObject) -> RenderableType:
    url, documentation = mapping(preset.get("url")), mapping(preset.get("documentation"))
    limits = mapping(preset.get("limits"))
    seconds = preset.get("seconds_between")
    head = fields(
        [
            ("preset", text(preset, "name")),
            ("service", text(preset, "title")),
            ("url", text(url, "example")),
            ("url is", _url(url)),
            ("limits", ", ".join(f"{name} {_limit(mapping(limit))}" for name, limit in limits.items()) or None),
            ("at most one in", f"{seconds} s" if seconds else None),
            ("closes incidents", "yes" if preset.get("resolves") else "no"),
            ("documentation", f"{text(documentation, 'name')} ({text(documentation, 'url')})"),
        ]
    )
    lines = [Text(f"  {_described(each)}") for each in objects(preset.get("options"))]
    return Group(head, Text("options" if lines else "it has no options"), *lines)


def _limit(limit: JsonObject) -> str:
    return " and ".join(f"{most:,} {'bytes' if unit == 'bytes' else 'characters'}" for unit, most in limit.items())


def _described(option: JsonObject) -> str:
    marks = [word for word in ("required", "secret") if option.get(word)]
    return f"{text(option, 'name')}: {text(option, 'says')}" + (f" ({', '.join(marks)})" if marks else "")
