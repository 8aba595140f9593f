"""What people say of how to be told, in the config table: read by name, with the people that a rule tells.

    pk                  sk         what
    preferences         username   what the person said, as the API takes it
    preferences-marks   all        which of MARKS marks are set: one for each person who ever said something

Most people say nothing, and are told a hundred at a time. So the marks are read first, once in a while: nothing is read
of people whose mark is not set. Two people may have the same mark, which costs a read in vain and nothing else. A mark
is set before what it is for is written, and stays.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, document, document_of, text, text_of
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.logging import Code, note
from tocsin.aws.table import Table
from tocsin.errors import Conflict
from tocsin.telling.preferences import NOTHING_SAID, Preferences, Wishes
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MARKS = 4096
"""12 KB where all are set, so two reads of DynamoDB's."""

_PARTITION = "preferences"
_MARKS_KEY = {"pk": text("preferences-marks"), "sk": text("all")}
_READING, _WRITING = "reading preferences", "writing preferences"
_TRIES = 5


class PreferencesStore:
    """People's preferences. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        hold: timedelta = timedelta(0),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """What is read of many, and the marks, are held in memory for `hold`; by default not at all."""
        self._table = Table(client, table)
        self._said: TTLCache[str, Preferences] = TTLCache(hold, clock=clock)
        self._marks: TTLCache[str, frozenset[int]] = TTLCache(hold, clock=clock)

    # ── of many, to tell them ────────────────────────────────────────────────

    def wishes(self, usernames: Sequence[str], defaults: Preferences) -> dict[str, Wishes]:
        """What holds for people, by name; nothing of those for whom nothing is said, by themselves or by `defaults`."""
        said = self._of(usernames)
        return {
            name: Wishes.of(name, preferences, defaults)
            for name, preferences in said.items()
            if preferences is not NOTHING_SAID or defaults != NOTHING_SAID
        }

    def _of(self, usernames: Sequence[str]) -> dict[str, Preferences]:
        known = self._said.get_many(usernames)
        unknown = [name for name in dict.fromkeys(usernames) if name not in known]
        if not unknown:
            return known
        marks = self._marks.get_or_read("all", self._read_marks)
        asked = [name for name in unknown if _mark(name) in marks]
        items = self._table.get_many(_READING, [_key(name) for name in asked]) if asked else ()
        found = {text_of(item, "sk"): _said_in(item) for item in items}
        return known | {name: self._said.put(name, found.get(name, NOTHING_SAID)) for name in unknown}

    def _read_marks(self) -> frozenset[int]:
        # By BatchGetItem, as all that is read here: a role has one permission for it.
        for item in self._table.get_many("reading who has preferences", [_MARKS_KEY]):
            return frozenset(map(int, item.get("marks", {}).get("NS", ())))
        return frozenset()

    # ── of one, to show and change them ──────────────────────────────────────

    def said(self, username: str) -> Preferences:
        """What a person said, as of now; nothing where they said nothing."""
        item = self._table.get(_READING, _key(username), consistent=True)
        return NOTHING_SAID if item is None else _said_in(item)

    def change(self, username: str, change: Callable[[Preferences], Preferences]) -> tuple[Preferences, Preferences]:
        """Replace what a person said by what `change` makes of it; what it was and what it is.

        Whatever `change` raises is raised; it is called again where somebody else was faster. Conflict where somebody
        is so again and again.
        """
        for _ in range(_TRIES):
            item = self._table.get(_READING, _key(username), consistent=True)
            before = NOTHING_SAID if item is None else _said_in(item)
            after = change(before)
            if after == before:
                return before, after
            try:
                self._replace(username, item, after)
            except ConditionFailed:
                continue
            return before, after
        raise Conflict(f"the preferences of {username[:120]!r} are changed by somebody else, again and again")

    def _replace(self, username: str, was: Item | None, preferences: Preferences) -> None:
        marked = {":mark": {"NS": [str(_mark(username))]}}
        self._table.update("marking who has preferences", _MARKS_KEY, "ADD marks :mark", values=marked)
        condition = "attribute_not_exists(pk)" if was is None else "said = :was"
        values = None if was is None else {":was": was["said"]}
        item = _key(username) | {"said": document(preferences.to_json())}
        self._table.put(_WRITING, item, condition=condition, values=values)

    def forget(self, usernames: Iterable[str]) -> None:
        """Forget what these people said; nothing is written for those who said nothing."""
        items = self._table.get_many(_READING, [_key(name) for name in dict.fromkeys(usernames)], consistent=True)
        there = [text_of(item, "sk") for item in items]
        if there:
            self._table.delete_many("forgetting preferences", [_key(name) for name in there])


def _key(username: str) -> dict[str, Any]:
    return {"pk": text(_PARTITION), "sk": text(username)}


def _mark(username: str) -> int:
    return zlib.crc32(username.encode()) % MARKS


def _said_in(item: Item) -> Preferences:
    """What an item holds. One that can't be read, as another version wrote it, says nothing: people are told then."""
    try:
        said = document_of(item, "said")
        return Preferences.model_validate(said) if said else NOTHING_SAID
    except (ValueError, orjson.JSONDecodeError):
        note(Code.PREFERENCES_UNREAD, "they hold for nobody", level=logging.ERROR, user=text_of(item, "sk"))
        return NOTHING_SAID
