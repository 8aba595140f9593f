"""The translations of all that people are told: gettext catalogues (`locale/<locale>.po`), as translators write them.

The `.po` files are the only copy. Each is read when the first person is told in its language, so that there is no
compiled `.mo` that could be older than its source, and no build step to forget. A language is added by adding its
file. A message that has no translation, or one marked fuzzy, is shown in English. Plural forms and contexts
are refused rather than ignored: no message needs them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tocsin.records import dataclass, field

DEFAULT_LOCALE = "en"
"""The language of the messages themselves: it needs no catalogue."""

_FOLDER = Path(__file__).parent / "locale"
_LINE = re.compile(r'(?:(msgid|msgstr)\s+)?("(?:[^"\\]|\\[nrt"\\])*")')


class CatalogueError(ValueError):
    """A catalogue can't be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The messages of one language, English → translation."""

    locale: str
    messages: Mapping[str, str] = field(default_factory=dict)

    def gettext(self, message: str) -> str:
        """The translation of `message`; itself where there is none."""
        return self.messages.get(message) or message


ENGLISH = Catalogue(DEFAULT_LOCALE)


class Catalogues:
    """All languages that there are."""

    def __init__(self, catalogues: Mapping[str, Callable[[], Catalogue]]) -> None:
        """`catalogues` are what reads each language's, by its name."""
        self._read: dict[str, Callable[[], Catalogue]] = {DEFAULT_LOCALE: lambda: ENGLISH} | dict(catalogues)
        self._known: dict[str, Catalogue] = {}

    @classmethod
    def packaged(cls) -> Catalogues:
        """Those that come with Tocsin. One that is damaged raises CatalogueError when it is first asked for."""
        return cls({path.stem: partial(_read, path) for path in sorted(_FOLDER.glob("*.po"))})

    @property
    def locales(self) -> frozenset[str]:
        """The languages, as their catalogues are named (`de`, `pt-br`)."""
        return frozenset(self._read)

    def has(self, locale: str) -> bool:
        """Whether there is a catalogue for a locale, or for its language."""
        return bool(self._name_of(locale))

    def best(self, locale: str) -> Catalogue:
        """The catalogue for a person's locale: `de-AT` and `de_DE.UTF-8` get `de`; unknown ones English."""
        name = self._name_of(locale) or DEFAULT_LOCALE
        if name not in self._known:
            self._known[name] = self._read[name]()
        return self._known[name]

    def _name_of(self, locale: str) -> str:
        """The name of the catalogue that is nearest to `locale`; blank where there is none."""
        tag = re.split("[.@]", locale, maxsplit=1)[0].replace("_", "-").strip().lower()
        while tag and tag not in self._read:
            tag = tag.rpartition("-")[0]
        return tag


def _read(path: Path) -> Catalogue:
    return Catalogue(path.stem, read_catalogue(path.read_text("utf-8")))


def read_catalogue(source: str) -> dict[str, str]:
    """The entries of a `.po` file, message → translation, without its header, fuzzy and empty entries.

    Raises CatalogueError for a line that is neither comment, msgid, msgstr nor their continuation, and for a
    message that stands there twice.
    """
    reader = _Reader()
    for number, line in enumerate(source.splitlines(), start=1):
        reader.take(number, line.strip())
    reader.finish()
    return {message: said for message, said in reader.entries.items() if message and said}


class _Reader:
    """Collects entries line by line: comments, msgid, msgstr, each with lines that go on."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._part = ""
        self._fuzzy = False

    def take(self, number: int, line: str) -> None:
        if not line or line.startswith("#"):
            if "msgstr" in self._parts:
                self.finish()
            self._fuzzy |= line.startswith("#,") and "fuzzy" in line
            return
        found = _LINE.fullmatch(line)
        if found is None:
            raise CatalogueError(f"line {number} is neither msgid, msgstr, text nor comment")
        keyword, text = found.groups()
        if keyword == "msgid":
            self.finish()
        started = list(self._parts)
        if started != {"msgid": [], "msgstr": ["msgid"]}.get(keyword, started or [""]):
            raise CatalogueError(f"line {number} belongs to no message")
        if keyword == "msgstr" and self._parts["msgid"] in self.entries:
            raise CatalogueError(f"line {number} translates a message again")
        self._part = keyword or self._part
        self._parts[self._part] = self._parts.get(self._part, "") + json.loads(text)

    def finish(self) -> None:
        """The entry so far is whole."""
        if "msgstr" not in self._parts:
            return
        if not self._fuzzy:
            self.entries[self._parts["msgid"]] = self._parts["msgstr"]
        self._parts, self._part, self._fuzzy = {}, "", False
