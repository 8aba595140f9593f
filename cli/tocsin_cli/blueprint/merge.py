"""Several files as one blueprint, alone or laid over what holds now."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin_cli.blueprint.documents import Document
from tocsin_cli.errors import Fault, Invalid
from tocsin_cli.types import JsonObject, mapping, objects, text

SETTINGS = "settings"
KINDS = ("users", "groups", "mappings", "transports", "policies", "rules", "silences", "keys")
"""Lists of a blueprint, in the order in which one names the other."""

_ENTRY = re.compile(r"(\w+)\[(\d+)\]\.?(.*)", re.DOTALL)


def one_of(kind: str) -> str:
    """`policy` of `policies`, `rule` of `rules`."""
    return "policy" if kind == "policies" else kind if kind == SETTINGS else kind.removesuffix("s")


def name_field(kind: str) -> str:
    """The field that names an entry."""
    return "username" if kind == "users" else "name"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a file: the document that it is from, and its position there."""

    content: JsonObject
    document: Document | None = None
    position: int = 0


@dataclass
class Merged:
    """A blueprint made of files, which knows where each part is from."""

    settings: JsonObject = field(default_factory=dict)
    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    settings_from: Document | None = None

    @property
    def document(self) -> JsonObject:
        """What is sent to the API."""
        lists: JsonObject = {kind: [entry.content for entry in self.entries[kind].values()] for kind in KINDS}
        return ({SETTINGS: self.settings} if self.settings else {}) | lists

    def entry(self, kind: str, name: str) -> JsonObject:
        """An entry as the files have it; empty where they have none."""
        found = self.entries.get(kind, {}).get(name)
        return {} if found is None else found.content

    def place_of(self, path: str) -> str:
        """Where what the API calls `rules[3].name` stands: `file:line path`; the path where no file has it."""
        found = _ENTRY.fullmatch(path)
        if found and found[1] in self.entries:
            kind, number, rest = found.groups()
            entries = list(self.entries[kind].items())
            if int(number) < len(entries):
                name, entry = entries[int(number)]
                shown = f"{one_of(kind)} {name}" + (f", {rest}" if rest else "")
                if entry.document is None:
                    return shown
                inner = f"{kind}[{entry.position}]" + (f".{rest}" if rest else "")
                return f"{entry.document.place_of(inner)} ({shown})"
        if path.startswith(SETTINGS) and self.settings_from is not None:
            return f"{self.settings_from.place_of(path)} ({path})"
        return path


def merge(documents: Sequence[Document]) -> Merged:
    """All files as one. Invalid where an entry stands in two of them, or something is no list of entries."""
    merged = Merged()
    faults: list[Fault] = []
    for document in documents:
        for kind in document.content:
            if kind == SETTINGS:
                _merge_settings(merged, document, faults)
            elif kind in KINDS:
                _merge_kind(merged, document, kind, faults)
            else:
                known = ", ".join((SETTINGS, *KINDS))
                faults.append(
                    Fault(document.place_of(kind), f"there is no {kind!r} in a blueprint; there are: {known}")
                )
    if faults:
        raise Invalid("the files do not make one blueprint", faults)
    return merged


def laid_over(current: JsonObject, files: Merged) -> Merged:
    """What holds now, with what the files say in its place; entries that no file names stay as they are.

    Of an entry that a file names, all is as the file says; of the settings, the fields that it names.
    """
    result = Merged(
        settings=mapping(current.get(SETTINGS)) | files.settings,
        settings_from=files.settings_from,
    )
    for kind in KINDS:
        kept = {text(entry, name_field(kind)): Entry(entry) for entry in objects(current.get(kind))}
        result.entries[kind] = kept | files.entries[kind]
    return result


def _merge_settings(merged: Merged, document: Document, faults: list[Fault]) -> None:
    given = document.content[SETTINGS]
    if not isinstance(given, dict):
        faults.append(Fault(document.place_of(SETTINGS), "settings must be names with values"))
        return
    for name, value in given.items():
        if name in merged.settings and merged.settings_from is not None:
            first = merged.settings_from.place_of(f"{SETTINGS}.{name}")
            faults.append(Fault(document.place_of(f"{SETTINGS}.{name}"), f"settings.{name} stands in {first} too"))
        merged.settings[name] = value
    merged.settings_from = document


def _merge_kind(merged: Merged, document: Document, kind: str, faults: list[Fault]) -> None:
    given = document.content[kind]
    if given is None:
        return
    if not isinstance(given, list):
        faults.append(Fault(document.place_of(kind), f"{kind} must be a list"))
        return
    known = merged.entries[kind]
    for position, content in enumerate(given):
        place = document.place_of(f"{kind}[{position}]")
        if not isinstance(content, dict) or not isinstance(content.get(name_field(kind)), str):
            faults.append(Fault(place, f"an entry of {kind} needs a {name_field(kind)}"))
            continue
        name = unicodedata.normalize("NFC", text(content, name_field(kind)))  # as the API keeps it
        if name in known:
            first = known[name]
            there = first.document.place_of(f"{kind}[{first.position}]") if first.document else "another file"
            faults.append(Fault(place, f"{one_of(kind)} {name!r} stands in {there} too"))
            continue
        known[name] = Entry(content, document, position)
