"""People's preferences in the config table, read by username for the people that a rule notifies.

    pk                  sk         what
    preferences         username   the person's preferences, as the API accepts them
    preferences-marks   all        which of MARKS marks are set: a person's mark is a hash of the username

Most people set no preferences, and are notified a hundred at a time. So the marks are read first and cached, and the
preferences only of people whose mark is set. Two people may share a mark, which at worst costs a needless read. A mark
is set before its person's preferences are first written, and never cleared.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, Put, document, text, text_of
from tocsin.aws.errors import ConditionsFailed
from tocsin.aws.logging import Code, note
from tocsin.aws.table import Table
from tocsin.errors import Conflict
from tocsin.telling.preferences import NOTHING_SAID, Preferences, Wishes
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MARKS = 4096
"""12 KB where all are set, which takes two read units."""

_PARTITION = "preferences"
_MARKS_KEY = {"pk": text("preferences-marks"), "sk": text("all")}
_READING, _WRITING = "reading preferences", "writing preferences"
_TRIES = 5


class PreferencesStore:
    """People's preferences. Methods raise Unavailable when DynamoDB fails."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        hold: timedelta = timedelta(0),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Cache the marks, and what `wishes` reads, for `hold`; by default not at all."""
        self._table = Table(client, table)
        self._said: TTLCache[str, Preferences] = TTLCache(hold, clock=clock)
        self._marks: TTLCache[str, frozenset[int]] = TTLCache(hold, clock=clock)

    # ── of many, to tell them ────────────────────────────────────────────────

    def wishes(self, usernames: Sequence[str], defaults: Preferences) -> dict[str, Wishes]:
        """Return preferences in force by username, without people for whom neither they nor `defaults` set any."""
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
        """Read a person's preferences now; empty ones where they set none."""
        item = self._table.get(_READING, _key(username), consistent=True)
        return NOTHING_SAID if item is None else _said_in(item)

    def change(
        self,
        username: str,
        change: Callable[[Preferences], Preferences],
        beside: Callable[[Preferences, Preferences], Sequence[Put]] = lambda before, after: (),
    ) -> tuple[Preferences, Preferences]:
        """Replace a person's preferences with the result of `change`. Returns them before and after.

        The writes `beside`, which is given both, are done in one transaction with it. Errors of `change` are passed on.
        It is called again where somebody else wrote meanwhile; raises Conflict when that keeps happening.
        """
        for _ in range(_TRIES):
            item = self._table.get(_READING, _key(username), consistent=True)
            before = NOTHING_SAID if item is None else _said_in(item)
            after = change(before)
            if after == before:
                return before, after
            try:
                self._replace(username, item, after, beside(before, after))
            except ConditionsFailed:
                continue
            return before, after
        raise Conflict(f"the preferences of {username[:120]!r} are changed by somebody else, again and again")

    def _replace(self, username: str, was: Item | None, preferences: Preferences, beside: Sequence[Put]) -> None:
        marked = {":mark": {"NS": [str(_mark(username))]}}
        self._table.update("marking who has preferences", _MARKS_KEY, "ADD marks :mark", values=marked)
        condition = "attribute_not_exists(pk)" if was is None else "said = :was"
        values = None if was is None else {":was": was["said"]}
        item = _key(username) | {"said": document(preferences.to_json())}
        self._table.write_together(_WRITING, [Put(item, condition, values), *beside])

    def forget(self, usernames: Iterable[str]) -> None:
        """Delete these people's preferences. Nothing is written for those without any."""
        items = self._table.get_many(_READING, [_key(name) for name in dict.fromkeys(usernames)], consistent=True)
        there = [text_of(item, "sk") for item in items]
        if there:
            self._table.delete_many("forgetting preferences", [_key(name) for name in there])


def _key(username: str) -> dict[str, Any]:
    return {"pk": text(_PARTITION), "sk": text(username)}


def _mark(username: str) -> int:
    return zlib.crc32(username.encode()) % MARKS


def _said_in(item: Item) -> Preferences:
    """Parse an item. One that another version wrote and this one can't read counts as empty, so people are notified."""
    try:
        said = orjson.loads(text_of(item, "said", "{}"))
        return Preferences.stored(said) if said else NOTHING_SAID
    except ValueError:
        note(Code.PREFERENCES_UNREAD, "they hold for nobody", level=logging.ERROR, user=text_of(item, "sk"))
        return NOTHING_SAID
