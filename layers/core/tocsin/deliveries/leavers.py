"""Who left after what they were to be told happened: what is sent again, or late, is for them no more.

A message names its person as the directory had them when the event was matched. Days may lie between that and an
attempt: a breaker held it, its queue's dead letters were moved back, somebody sends it again by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from tocsin.deliveries.model import DeliveryMessage
from tocsin.identity.directory import User
from tocsin.ids import id_time
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import TransportMode
from tocsin.records import dataclass
from tocsin.types import JsonObject


@dataclass(frozen=True, slots=True)
class Leavers:
    """Finds who left, by username. Both raise Unavailable."""

    people: Callable[[Sequence[str]], Mapping[str, User]]
    """Those who are in the directory now."""
    deleted: Callable[[Iterable[str]], Mapping[str, datetime]]
    """When the last person of each name was deleted. Who has the name since then is another."""

    def of(self, messages: Iterable[tuple[DeliveryMessage, JsonObject | None]]) -> dict[str, Outcome]:
        """Return why the messages whose person left are not sent, by their delivery's id.

        Each comes with what it tells as a digest, if it is one. What is for a channel is sent, whoever it names.
        """
        asked = [(*each, name) for each in messages if (name := _person_of(each[0])) is not None]
        names = sorted({name for *_, name in asked})
        known = self.people(names) if names else {}
        deleted = self.deleted(sorted(known)) if known else {}
        found: dict[str, Outcome] = {}
        for message, digest, name in asked:
            reason = _why(known.get(name), deleted.get(name), _happened(message, digest))
            if reason is not None:
                found[message.delivery_id] = Outcome(State.DISCARDED, *reason)
        return found


def _person_of(message: DeliveryMessage) -> str | None:
    if message.user is None or (message.once and not TransportMode(message.mode).is_personal):
        return None
    return message.user.username


def _happened(message: DeliveryMessage, digest: JsonObject | None) -> datetime:
    """When it happened; the latest of a digest, which tells only what is from before its person left, or from after."""
    latest = "" if digest is None else str(digest.get("latest") or "")
    return id_time(latest or message.event_id)


def _why(known: User | None, deleted: datetime | None, happened: datetime) -> tuple[str, str] | None:
    """The reason, and the sentence that says it."""
    if known is None:
        return "person_deleted", "its person is not in the directory any more"
    if deleted is not None and happened <= deleted:
        return "person_deleted", "its person was deleted after the event happened"
    return None if known.active else ("person_inactive", "its person is not active any more")
