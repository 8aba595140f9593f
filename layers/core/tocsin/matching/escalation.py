"""Escalation: what a rule tells of begins a matter, whose steps tell further people while nobody acknowledges it.

The schedule finds the steps that are due (`deliveries.due_steps`); the matcher tells their people, as it tells the
rule's own. A step passes preferences and quiet hours. A silence of the event that began the matter holds the step until
the silence is over. Throttles and the event's age were looked at when the rule fired; no step waits for a group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.aws.logging import Code, note
from tocsin.aws.metrics import Metric, measured
from tocsin.config.model import Configuration
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Matter
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.events.model import Event
from tocsin.matching.ending import Endings, about_of
from tocsin.matching.message import Cursor, MatchMessage
from tocsin.matching.recipients import Recipients
from tocsin.matching.story import StoryStore
from tocsin.matching.telling import Put, Telling
from tocsin.notifications.remarks import escalated, in_short
from tocsin.notifications.seen_store import SeenStore
from tocsin.rules.model import EscalationStep, NotificationRule, Silence
from tocsin.telling.decision import Silencing, silenced_by
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import CENTURY, iso, parse_duration
from tocsin.types import JsonObject

LOOKS_AGAIN = timedelta(minutes=10)
"""How long a step is held before the silences are looked at again: one may be ended early, or made longer."""

MOST_LOOKED_AT = 100
"""People whose inboxes a step with `unless: seen` looks at: the first ones."""


class Outcome(StrEnum):
    """What became of a step that was due."""

    TOLD = "told"
    ACKNOWLEDGED = "acknowledged"
    SEEN = "seen"
    ENDED = "ended"
    GONE = "gone"
    """The matter expired, or began anew with another event."""
    SILENCED = "silenced"
    """A silence holds it: it is told afterwards, unless the matter is over by then."""


class Escalations:
    """Begins and ends matters, and tells the people of their steps. Methods raise Unavailable."""

    def __init__(
        self,
        matters: EscalationStore,
        seen: SeenStore,
        recipients: Recipients,
        endings: Endings,
        preferences: PreferencesStore,
        waiting: WaitingStore,
        stories: StoryStore,
        put: Put,
        clock: Callable[[], datetime],
    ) -> None:
        self._matters = matters
        self._seen = seen
        self._recipients = recipients
        self._endings = endings
        self._preferences = preferences
        self._waiting = waiting
        self._stories = stories
        self._put = put
        self._clock = clock

    def begin(self, event: Event, rule: NotificationRule, keep: timedelta) -> None:
        """Note that a rule tells of `event`, so that its steps are due. Costs no call where the rule has none.

        The item is kept for `keep` beyond its last step.
        """
        about = about_of(rule, event) if rule.escalate else None
        if about is None:
            return
        now, first, last = self._clock(), rule.escalate[0].delay, rule.escalate[-1].delay
        goes_on = _goes_on(rule)
        self._matters.begin(
            rule.name,
            about,
            event.id,
            steps=len(rule.escalate),
            due=now + first,
            now=now,
            keep=keep + (goes_on or last),
            goes_on=goes_on,
        )

    def end(self, event: Event, rule: NotificationRule) -> None:
        """Have no step be told any more of what `event` ends."""
        about = about_of(rule, event) if rule.escalate else None
        if about is not None:
            self._matters.end(rule.name, about, event.id, now=self._clock())

    def tell(
        self,
        event: Event,
        rule: NotificationRule,
        work: MatchMessage,
        configuration: Configuration,
        silence: Silence | None,
    ) -> MatchMessage | None:
        """Notify the next people of a step. Return the message for those after them; None at the end.

        Notifies nobody where the matter was acknowledged or ended, or `silence` holds, also between two pages of
        people, and where the rule has fewer steps now.
        """
        number, about, cursor = work.step, work.about, work.cursor or Cursor()
        if number is None or about is None or number > len(rule.escalate):
            return None
        step, keep = rule.escalate[number - 1], configuration.settings.stories_kept
        matter = self._matters.get(rule.name, about, now=self._clock())
        outcome, why = self._stopped(matter, event, rule, step, cursor)
        is_news = True
        if outcome is Outcome.TOLD and matter is not None and silence is not None:
            outcome = Outcome.SILENCED
            why, is_news = self._silenced(matter, event, rule, number, silence, keep)
        if outcome is not Outcome.TOLD:
            if outcome is Outcome.SEEN:
                is_news = self._note(event, rule, number, None, {"reason": f"not told: {why}"}, None, keep)
            if is_news:
                note(Code.ESCALATION_STOPPED, why, event_id=event.id, rule=rule.name, step=number, cause=outcome.value)
                measured(Metric.ESCALATIONS, outcome=outcome)
            return None
        remark = escalated(number, step.delay, unless_seen=step.unless == "seen")
        told = of_step(rule, step)
        telling = Telling(
            event,
            told,
            configuration,
            self._preferences,
            self._put,
            once_told=cursor.once_told,
            used=cursor.used,
            remark=remark,
            clock=self._clock,
            about=about,
            step=number,
        )
        begun = cursor.page
        for page in self._recipients.pages(event, told, cursor, configuration.groups_by_name):
            telling.people(page.users)
            cursor = replace(page.next, once_told=telling.once_told, used=tuple(sorted(telling.used)))
        if cursor.at_end:
            telling.finish()
        self._endings.begin(event, rule, telling, begun, step=number)
        telling.note_kept(self._waiting, keep=keep)
        facts: JsonObject = {"transports": [transport.name for transport in telling.transports], "reason": remark}
        self._note(event, rule, number, begun, facts, telling, keep)
        if begun == 0:
            measured(Metric.ESCALATIONS, outcome=Outcome.TOLD)
        note(
            Code.RULE_ESCALATED,
            remark,
            event_id=event.id,
            rule=rule.name,
            step=number,
            deliveries=dict(telling.told),
            kept_back=dict(telling.kept) or None,
            goes_on=None if cursor.at_end else True,
        )
        return None if cursor.at_end else replace(work, cursor=cursor, reason="the step's group has more members")

    def _stopped(
        self, matter: Matter | None, event: Event, rule: NotificationRule, step: EscalationStep, cursor: Cursor
    ) -> tuple[Outcome, str]:
        """Return what keeps a step from being told, and a sentence that says so; TOLD where nothing does."""
        if matter is None or matter.event_id != event.id:
            return Outcome.GONE, "what the rule told of has expired, or began anew"
        if matter.acknowledgement is not None:
            return Outcome.ACKNOWLEDGED, f"{matter.acknowledgement.by} acknowledged it"
        if matter.ended is not None:
            return Outcome.ENDED, f"event {matter.ended} ended it"
        if step.unless == "seen" and cursor.page == 0:
            person = self._seen.first(self._stories.told_by_inbox(event.id, rule.name, most=MOST_LOOKED_AT))
            if person is not None:
                return Outcome.SEEN, f"{person} has seen it within {in_short(step.delay)}"
        return Outcome.TOLD, ""

    def _silenced(
        self,
        matter: Matter,
        event: Event,
        rule: NotificationRule,
        number: int,
        silence: Silence,
        keep: timedelta,
    ) -> tuple[str, bool]:
        """Hold a step while a silence does, and those after it as much longer. Return why, and whether it is news.

        Not for longer than the matter goes on: then no step of it is told any more. One that nothing but an
        acknowledgement ends goes on until it is older than the rule's `max_age`.
        """
        now, step = self._clock(), rule.escalate[number - 1]
        goes_on = _goes_on(rule)
        lasts = step.delay + min(parse_duration(rule.max_age), CENTURY)
        over = matter.open_until if goes_on is not None else matter.began + lasts
        said = silenced_by(Silencing(silence.name, silence.ends, silence.comment))
        if over <= now and self._matters.stop(matter, now=now):
            why = f"{said}, and it was over before that"
            return why, self._note(event, rule, number, None, {"reason": f"not told: {why}"}, None, keep)
        due = min(silence.ends, now + LOOKS_AGAIN, over if over > now else silence.ends)
        kept = keep + (goes_on or rule.escalate[-1].delay)
        self._matters.hold(matter, number - 1, due, counted_from=due - step.delay, keep=kept)
        return said, self._note(event, rule, number, None, {"reason": f"held: {said}"}, None, keep, held=True)

    def _note(
        self,
        event: Event,
        rule: NotificationRule,
        number: int,
        page: int | None,
        facts: JsonObject,
        telling: Telling | None,
        keep: timedelta,
        *,
        held: bool = False,
    ) -> bool:
        """Add a page of a step's people to the event's story; no `page` and no `telling` where nobody is notified.

        `held` says that the step is to come yet. Return whether the story had nothing of it.
        """
        step, now = rule.escalate[number - 1], self._clock()
        return self._stories.note_step(
            event.id,
            rule.name,
            {
                "step": number,
                "at": iso(now),
                "after": step.after,
                "unless": step.unless,
                "destination_group": step.destination_group,
                **facts,
            },
            page=page,
            told={} if telling is None else telling.told,
            kept={} if telling is None else telling.kept,
            now=now,
            keep=keep,
            held=held,
        )


def of_step(rule: NotificationRule, step: EscalationStep) -> NotificationRule:
    """Return the rule as a step tells it: to the step's group, by its transports, each event by itself."""
    return replace(
        rule,
        destination_group=step.destination_group,
        destination_event_user=False,
        group=None,
        transports=step.transports or rule.transports,
    )


def _goes_on(rule: NotificationRule) -> timedelta | None:
    """Return how far apart two events of one matter may be; None where each event is a matter of its own.

    At least as far as the last step is from the beginning: events that keep coming must not put the steps off.
    """
    last = rule.escalate[-1].delay
    if rule.resolve is not None:
        return max(parse_duration(rule.resolve.within), last)
    return None if rule.group is None else max(parse_duration(rule.group.interval), last)
