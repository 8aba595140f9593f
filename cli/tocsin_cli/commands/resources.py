"""list, show, create, edit, set, enable, disable and delete: the same for every kind of entry."""

# No `from __future__ import annotations`: an option's description is made with the kind, and lives in a closure.

import json
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.text import Text

from tocsin_cli.api import path_of
from tocsin_cli.blueprint.documents import read_document
from tocsin_cli.cli import Cli, command, names_of
from tocsin_cli.commands.filters import Search, searched
from tocsin_cli.editor import edit_entry
from tocsin_cli.errors import Fault, Invalid
from tocsin_cli.files import shown
from tocsin_cli.kinds import Kind
from tocsin_cli.output import to_yaml
from tocsin_cli.pairs import parse_pairs, with_pairs
from tocsin_cli.text import plain_lines
from tocsin_cli.types import Json, JsonObject

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def add_list(group: typer.Typer, kind: Kind) -> None:
    """Add `list`."""

    def list_(
        cli: Cli,
        search: Search = None,
        limit: Annotated[
            int | None, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most.")
        ] = None,
    ) -> None:
        found = cli.api.items(f"/{kind.name}", searched(search), limit=limit)
        cli.out.items(
            found, kind.columns, none=f"there are no {kind.name}" if search is None else "nothing has that in it"
        )

    _add(group, list_, f"List {kind.name}.", "list")


def add_entries(group: typer.Typer, kind: Kind) -> None:
    """Add what can be done with one entry of a kind."""
    name = Annotated[
        str, typer.Argument(metavar="NAME", help=f"The {kind.one}'s name.", autocompletion=names_of(kind.name))
    ]

    def show(cli: Cli, name: name) -> None:
        answer = cli.api.get(path_of(kind.name, name))
        show_entry(cli, answer.object)

    def edit(cli: Cli, name: name) -> None:
        path = path_of(kind.name, name)
        answer = cli.api.get(path)
        stored = edit_entry(
            answer.object, f"{kind.one} {name}", lambda entry: cli.api.put(path, entry, if_match=answer.etag).object
        )
        saved(cli, kind, stored, "changed")

    def delete(cli: Cli, name: name, yes: Yes = False) -> None:
        cli.confirmed(f"Delete the {kind.one} {name}?", yes=yes)
        was = cli.api.delete(path_of(kind.name, name)).object
        saved(cli, kind, was, "deleted")

    _add(group, show, f"Show {kind.article} as YAML.")
    _add(group, edit, f"Edit {kind.article} in $EDITOR; it is checked, and nobody else's change is overwritten.")
    if "create" in kind.methods:
        _add_create(group, kind)
    if "set" in kind.methods:
        _add_set(group, kind, name)
    if kind.switch is not None:
        _add_switch(group, kind, kind.switch, name)
    _add(group, delete, f"Delete {kind.article}; refused while something names it.")


def _add_create(group: typer.Typer, kind: Kind) -> None:
    def create(
        cli: Cli,
        name: Annotated[str, typer.Argument(metavar="NAME", help=f"The new {kind.one}'s name.")],
        file: Annotated[
            str | None, typer.Option("--file", "-f", metavar="FILE", help="From YAML or JSON; - is standard input.")
        ] = None,
        fields: Annotated[
            list[str] | None,
            typer.Argument(metavar="FIELD=VALUE", help="Its fields; FIELD:=JSON for lists and objects."),
        ] = None,
        replace: Annotated[bool, typer.Option("--replace", help="Replace it whole where it is there.")] = False,
        env: Annotated[bool, typer.Option("--env", help="Replace ${NAME} in texts by environment variables.")] = False,
    ) -> None:
        path = path_of(kind.name, name)

        def save(entry: JsonObject) -> JsonObject:
            return cli.api.put(path, entry, only_new=not replace).object

        if file is not None:
            document = read_document(file, os.environ if env else None)
            if document.says_nothing:
                raise Invalid(f"{shown(file)} is empty", hint="{} is an entry without any field")
            try:
                stored = save(with_pairs(document.content, fields or []))
            except Invalid as error:
                faults = [
                    Fault(f"{document.place_of(each.where)} ({each.where})", each.message) for each in error.faults
                ]
                raise Invalid(str(error), faults) from None
        elif fields:
            stored = save(parse_pairs(fields, values=True))
        else:
            stored = edit_entry(kind.template, f"new {kind.one} {name}", save, must_change=False)
        saved(cli, kind, stored, "saved")

    _add(group, create, f"Create {kind.article}: from fields, a file, or in $EDITOR.")


def _add_set(group: typer.Typer, kind: Kind, name: Any) -> None:  # noqa: ANN401 - an annotation
    def set_(
        cli: Cli,
        name: name,
        fields: Annotated[
            list[str],
            typer.Argument(metavar="FIELD=VALUE", help="What to change; also FIELD.MEMBER=VALUE, FIELD:=JSON."),
        ],
    ) -> None:
        saved(cli, kind, change(cli, kind, name, lambda entry: with_pairs(entry, fields)), "changed")

    _add(group, set_, f"Change fields of {kind.article}; the others stay.", "set")


def _add_switch(group: typer.Typer, kind: Kind, field: str, name: Any) -> None:  # noqa: ANN401 - an annotation
    def switch(on: bool) -> Callable[..., None]:
        def run(cli: Cli, name: name) -> None:
            stored = change(cli, kind, name, lambda entry: entry | {field: on})
            saved(cli, kind, stored, "enabled" if on else "disabled")

        return run

    _add(group, switch(True), f"Turn {kind.article} on.", "enable")
    _add(group, switch(False), f"Turn {kind.article} off; it stays.", "disable")


def change(cli: Cli, kind: Kind, name: str, changed: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """Read an entry, change it, and write it back if nobody else did meanwhile. Raises Conflict."""
    path = path_of(kind.name, name)
    answer = cli.api.get(path)
    wanted = changed(answer.object)
    if json.dumps(wanted, sort_keys=True) == json.dumps(answer.object, sort_keys=True):  # 1 == True in Python
        return wanted
    return cli.api.put(path, wanted, if_match=answer.etag).object


def show_entry(cli: Cli, entry: JsonObject) -> None:
    """Write an entry: YAML for people, too."""
    cli.out.item(entry, lambda: Text(plain_lines(to_yaml(entry)).rstrip("\n")))


def saved(cli: Cli, kind: Kind, entry: JsonObject, what: str) -> None:
    """Say what was done with an entry, and show a secret that was made for it."""
    name = entry.get(kind.name_field)
    cli.out.done(f"{kind.one} {name} {what}")
    cli.out.data(entry)
    for field in ("secret", "key"):
        made: Json = entry.get(field)
        if cli.out.for_people and isinstance(made, str) and made and not made.startswith("***"):
            cli.out.console.print(Text.assemble(f"{field}: ", (made, "bold")))
            cli.out.note("it is shown this once", style="yellow")


def _add(group: typer.Typer, function: Callable[..., None], explains: str, name: str | None = None) -> None:
    function.__doc__ = explains
    command(group, name or function.__name__)(function)
