"""Acknowledging what a rule that escalates told of, which ends its steps.

Who acknowledges first is noted in the matter, by one conditional write. The rest follows from what stands there: the
event that says so, what the story says, and what the inboxes show. Whoever acknowledges again has it made up for where
a function died in between, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tocsin.aws.logging import Code, note
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Acknowledgement, Matter
from tocsin.errors import NotFound
from tocsin.events.model import Cause, Event, EventAction
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents, caused_by
from tocsin.matching.ending import about_of
from tocsin.matching.story import StoryStore
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

MOST_TOLD = 200
"""Deliveries of an event among which those are looked for whose open inboxes are told who acknowledged."""
_AT_ONCE = 8

type Tell = Callable[[str, JsonObject], None]
"""Sends a message to all that show a person's inbox; it never fails."""


@dataclass(frozen=True, slots=True)
class Acknowledger:
    """Who acknowledges, by what: `inbox`, `link`, `channel` or `api`.

    `user` is their username, blank for a channel, which many read, and for a key that stands for nobody.
    """

    by: str
    via: str
    user: str = ""


class Acknowledgements:
    """Acknowledges, and says who did. Methods raise Unavailable."""

    def __init__(
        self,
        matters: EscalationStore,
        configuration: ConfigurationStore,
        events: EventStore,
        stories: StoryStore,
        tell: Tell,
        clock: Callable[[], datetime],
    ) -> None:
        self._matters = matters
        self._configuration = configuration
        self._events = events
        self._system_events = SystemEvents(events)
        self._stories = stories
        self._tell = tell
        self._clock = clock

    def matter(self, rule: str, about: str, event_id: str) -> Matter | None:
        """Return what `rule` told of by the event; None where it is not there any more, or began anew since."""
        found = self._matters.get(rule, about, now=self._clock())
        return found if found is not None and found.tells_of(event_id) else None

    def acknowledge(self, rule: str, about: str, event_id: str, who: Acknowledger) -> Acknowledgement:
        """Acknowledge what `rule` told of by the event; an earlier acknowledgement stays, and is returned.

        Raises NotFound where nothing of it waits for that: it has expired, or has begun anew since.
        """
        now = self._clock()
        matter = self.matter(rule, about, event_id)
        if matter is None:
            raise NotFound(f"rule {rule} told of nothing by this event that could be acknowledged, or it has expired")
        done = self._matters.acknowledge(rule, about, by=who.by, via=who.via, user=who.user, now=now)
        self._report(matter, done)
        for each in {matter.event_id, event_id}:
            self._stories.note_acknowledged(each, rule, shown(done) | {"event_id": done.event})
        if done.first:
            note(
                Code.NOTIFICATION_ACKNOWLEDGED,
                "somebody acknowledged what a rule told of",
                event_id=matter.event_id,
                rule=rule,
                user=done.user or None,
                via=done.via,
            )
            self._tell_inboxes(matter, done)
        return done

    def of_event(self, event: Event, rule: str, who: Acknowledger) -> Acknowledgement:
        """Acknowledge what the rule named `rule` told of `event`. Raises NotFound as `acknowledge` does."""
        _, known = self._configuration.having(lambda configuration: configuration.rules_by_name.get(rule))
        about = None if known is None else about_of(known, event)
        if about is None:
            raise NotFound(f"there is no rule {rule} that escalates")
        return self.acknowledge(rule, about, event.id, who)

    def shown_with(self, notifications: list[JsonObject]) -> list[JsonObject]:
        """Notifications with `can_acknowledge`, and `acknowledged`: {by, via, at}, null until somebody has."""
        names = [(str(each["rule"]), str(each["about"])) for each in notifications if each.get("about")]
        matters = self._matters.get_many(names, now=self._clock())
        return [each | _state(each, matters) for each in notifications]

    def _report(self, matter: Matter, done: Acknowledgement) -> None:
        event = self._events.get(matter.event_id)
        cause = Cause(matter.rule, None, 1) if event is None else caused_by(event, rule=matter.rule, transport=None)
        said: dict[str, object] = {"rule": matter.rule, "event_id": matter.event_id, "via": done.via}
        if not done.user:
            said["name"] = done.by
        self._system_events.report(
            EventAction.NOTIFICATION_ACKNOWLEDGED,
            said,
            cause=cause,
            settings=self._configuration.version().settings,
            user={"username": done.user} if done.user else {},
            now=done.at,
            id_=done.event,
        )

    def _tell_inboxes(self, matter: Matter, done: Acknowledgement) -> None:
        told = self._stories.told_by_inbox(matter.event_id, matter.rule, most=MOST_TOLD)
        usernames = sorted({done.user, *(username for username, _ in told)} - {""})
        message: JsonObject = {
            "message_type": "notification.acknowledged",
            "data": {"rule": matter.rule, "about": matter.about, "acknowledged": shown(done)},
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda username: self._tell(username, message), usernames))


def shown(done: Acknowledgement) -> JsonObject:
    """{by, via, at} of an acknowledgement, as the API shows it."""
    return {"by": done.by, "via": done.via, "at": iso(done.at)}


def told_by(notification: JsonObject) -> str:
    """Return the id of the latest event that a notification tells: what is acknowledged by it is the matter of that."""
    digest = notification.get("digest")
    latest = digest.get("latest") if isinstance(digest, dict) else None
    return str(latest or notification["event_id"])


def _state(notification: JsonObject, matters: dict[tuple[str, str], Matter]) -> JsonObject:
    matter = matters.get((str(notification["rule"]), str(notification.get("about"))))
    if matter is None or not matter.tells_of(told_by(notification)):
        return {"can_acknowledge": False, "acknowledged": None}
    done = matter.acknowledgement
    acknowledged: Json = None if done is None else shown(done)
    return {"can_acknowledge": matter.is_open, "acknowledged": acknowledged}
