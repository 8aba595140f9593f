"""What a search of the log says beside its events: filters without an index, events on which an expression failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tocsin_cli.text import brief, counted
from tocsin_cli.times import local
from tocsin_cli.types import JsonObject, mapping, objects, text, whole

_INSTEAD = {
    "time": "the events of all others are read too",
    "user_pk": "events are found by --user-pk",
    "client_ip": "events are found by --client-ip",
}


class Shortfalls:
    """Gathers what pages of GET /events say of themselves, and tells each thing once by `warn`."""

    def __init__(self, warn: Callable[[str], object]) -> None:
        self._warn = warn
        self._failed: Counter[str] = Counter()
        self._unindexed: dict[tuple[str, str], str] = {}
        self._told: set[object] = set()

    def hear(self, page: JsonObject) -> None:
        """Take in a page."""
        if failure := mapping(page.get("filter_failed")):
            self._failed[text(failure, "first")] += whole(failure.get("events"))
        for each in objects(page.get("unindexed")):
            self._unindexed.setdefault((text(each, "filter"), text(each, "instead")), text(each, "before"))

    def tell(self) -> None:
        """Warn of what was heard and not told yet."""
        for (name, instead), before in self._unindexed.items():
            if self._is_new((name, instead)):
                option, how = name.replace("_", "-"), _INSTEAD.get(instead, f"events are found by {instead}")
                self._warn(f"--{option} has no index before {local(before)}: {how}, which takes longer")
        for reason, events in self._failed.items():
            if self._is_new(reason):
                failed = f"the filter could not be evaluated for {counted(events, 'event')}, which are left out"
                self._warn(f"{failed}: {brief(reason)}" if reason else failed)

    def _is_new(self, what: object) -> bool:
        new = what not in self._told
        self._told.add(what)
        return new
