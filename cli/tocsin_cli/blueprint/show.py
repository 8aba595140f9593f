"""What a blueprint would change, in colour: + made, ~ changed, - deleted."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.blueprint.merge import Merged, one_of
from tocsin_cli.output import to_yaml
from tocsin_cli.text import plain, plain_lines
from tocsin_cli.types import Json, JsonObject, mapping, objects, text

_SIGN = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_MASK = "*" * 20
_SECRET = frozenset({"secret", "client_key", "bot_token", "headers", "options"})


def changes_shown(changes: Iterable[JsonObject], wanted: Merged) -> RenderableType:
    """Each change with what it is, and how many there are; `wanted` has the entries that are made."""
    listed = list(changes)
    return Group(*(line for change in listed for line in _change(change, wanted)), summary(listed))


def summary(changes: Iterable[JsonObject]) -> Text:
    """`2 to create, 1 to change, 0 to delete`."""
    counts = Counter(text(change, "change") for change in changes)
    if not counts:
        return Text("nothing would change")
    return Text.assemble(
        (f"{counts['create']} to create", "green" if counts["create"] else "dim"),
        ", ",
        (f"{counts['update']} to change", "yellow" if counts["update"] else "dim"),
        ", ",
        (f"{counts['delete']} to delete", "red" if counts["delete"] else "dim"),
        *([f", {more}"] if (more := _more(counts)) else []),
    )


def _more(counts: Counter[str]) -> str:
    others = sum(count for change, count in counts.items() if change not in _SIGN)
    return "and more than the answer has room for" if others else ""


def _change(change: JsonObject, wanted: Merged) -> Iterator[Text]:
    kind, name, what = text(change, "kind"), text(change, "name"), text(change, "change")
    sign, style = _SIGN.get(what, ("?", ""))
    yield Text.assemble((f"{sign} {one_of(kind)}", style), f" {plain(name)}")
    if what == "create":
        entry = {field: _hidden(field, value) for field, value in wanted.entry(kind, name).items()}
        for line in plain_lines(to_yaml(entry)).rstrip("\n").split("\n") if entry else ():
            yield Text(f"    + {line}", style="green")
    for field, values in mapping(change.get("fields")).items():
        yield from _field(field, mapping(values).get("from"), mapping(values).get("to"))


def _field(field: str, before: Json, after: Json) -> Iterator[Text]:
    if not _is_long(before) and not _is_long(after):
        yield Text.assemble(
            f"    {plain(field)}: ", (plain(_short(before)), "red"), " → ", (plain(_short(after)), "green")
        )
        return
    yield Text(f"    {plain(field)}:")
    old, new = _lines(before), _lines(after)
    for line in difflib.unified_diff(old, new, lineterm="", n=1):
        if not line.startswith(("---", "+++", "@@")):
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            yield Text(f"      {line[:1]} {line[1:]}", style=style)


def _is_long(value: Json) -> bool:
    return bool(isinstance(value, dict | list) and value) or (isinstance(value, str) and "\n" in value)


def _short(value: Json) -> str:
    return "none" if value in (None, [], {}) else to_yaml(value).removesuffix("\n...\n").strip()


def _lines(value: Json) -> list[str]:
    written = value if isinstance(value, str) else "" if value is None else to_yaml(value)
    return plain_lines(written).rstrip("\n").split("\n")


def _hidden(field: str, value: Json) -> Json:
    """A secret of a file is not shown where the file's author may not look, as in the log of a build.

    Of a URL only the host is: the path of many a webhook is its credential, which the server tells from others.
    """
    if field in _SECRET and value is not None:
        return dict.fromkeys(value, _MASK) if isinstance(value, dict) else _MASK
    if field == "url" and isinstance(value, str):
        where, slash, _ = value.partition("://")[2].partition("/")
        return f"{value.partition('://')[0]}://{where.rpartition('@')[2].partition('?')[0]}{'/…' if slash else ''}"
    return value


def created_secrets(applied: JsonObject) -> list[JsonObject]:
    """{kind, name, secret} of keys and signing secrets that were made: shown this once."""
    created = mapping(applied.get("created"))
    keys: list[JsonObject] = [
        {"kind": "key", "name": each.get("name"), "secret": each.get("key")} for each in objects(created.get("keys"))
    ]
    return keys + [
        {"kind": "transport", "name": each.get("transport"), "secret": each.get("secret")}
        for each in objects(created.get("secrets"))
    ]
