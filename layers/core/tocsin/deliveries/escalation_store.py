"""Matters that rules with `escalate` tell of, in the deliveries table: which step comes next, and who acknowledged.

    pk                      sk          what
    matter#<rule>#<about>   escalation  what a rule tells of one thing; `about` is made by `matching.ending.about_of`

    index     partition              order    holds
    by-due    escalation-<shard>     due_at   matters of which a step is to come

    attribute                        what
    event_id, began                  the event that began the matter, and when; absent where only its end was seen
    counted_from                     from when its steps count, where a silence held one of them: later than `began`
    last_event, open_until           the latest event of the matter, and until when another one belongs to it
    follows                          the latest event of the matter before, or its end; blank where none is known
    step, steps                      the index of the next step, and how many there were when it began
    due_shard, due_at                when the next step is due; absent once no step is to come
    acknowledged_by, _via, _at       who acknowledged it, by what, and when
    acknowledged_user, _event        their username, where it is known, and the id of the event that says so
    ended                            the latest event that ended it, by the rule's `resolve`
    trace                            the trace header of what began it; absent outside of a trace

An acknowledgement and an end remove `due_at`, so no step that is due then can be claimed. Ids of events sort by time:
an event that is not later than the matter's latest, or than its end, has been counted or is too late, and changes
nothing. So every event may be matched again. An end is noted also where nothing has begun: the stream's shards are not
read in step, and a beginning that is matched after its end begins nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import (
    Item,
    is_gone,
    number,
    number_of,
    text,
    text_of,
    timestamp,
    timestamp_of,
    until,
)
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.aws.tracing import trace_header
from tocsin.deliveries.matters import Acknowledgement, ClaimedMatter, DueMatter, Matter
from tocsin.errors import NotFound, Unavailable
from tocsin.ids import new_id
from tocsin.times import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ESCALATION_SHARDS = 4
"""Partitions of the index by-due that hold matters."""

_ACKNOWLEDGED = tuple(f"acknowledged_{name}" for name in ("by", "via", "at", "user", "event"))
_NO_STEP = ("due_shard", "due_at")
_OF_BEFORE = (*_ACKNOWLEDGED, "ended", "counted_from")
"""What a matter that begins anew does not take along."""

ENDED_FOR = timedelta(days=2)
"""How long an end of which no beginning is known is kept."""
ENDED_FOR_AT_LEAST = timedelta(days=1)
"""What must be left of that when another end is noted there: an event is matched half a day late at most."""

_TRIES = 5
_BEGINNING, _STEPPING, _ENDING = "noting what may escalate", "escalating", "ending what may escalate"


class EscalationStore:
    """Begins, acknowledges, steps and ends matters. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    # ── by those who tell ────────────────────────────────────────────────────

    def begin(
        self,
        rule: str,
        about: str,
        event_id: str,
        *,
        steps: int,
        due: datetime,
        now: datetime,
        keep: timedelta,
        goes_on: timedelta | None = None,
    ) -> None:
        """Note that `event_id` begins a matter, the first of whose `steps` is due at `due`, or belongs to it.

        Another event belongs to the matter while no more than `goes_on` is between two of them, and nothing has ended
        it; then the next one begins it anew. None says that no other event does. The item is kept for `keep`.
        """
        key = _key(rule, about)
        opened = {"last_event": text(event_id), "open_until": timestamp(now + (goes_on or timedelta(0)))}
        expires = {"expires_at": until(now + keep)}
        fresh = {
            "rule": text(rule),
            "about": text(about),
            "event_id": text(event_id),
            "began": text(iso(now)),
            "step": number(0),
            "steps": number(steps),
            "due_shard": text(_shard(key)),
            "due_at": timestamp(due),
            **opened,
            **expires,
        }
        if (trace := trace_header()) is not None:
            fresh["trace"] = text(trace)
        found: Item | None = None if goes_on is None else self._join(key, opened | expires, now)
        for _ in range(_TRIES):
            if found and not _is_over(found, event_id, now):
                return
            try:
                follows = text(max(text_of(found or {}, name) for name in ("last_event", "ended")))
                self._set(_BEGINNING, key, fresh | {"follows": follows}, remove=_OF_BEFORE, **_unchanged(found))
            except ConditionFailed as refused:
                found = refused.item
            else:
                return
        raise Unavailable("what may escalate is changing too fast to note that it began")

    def _join(self, key: Item, changes: Item, now: datetime) -> Item:
        """Have an event belong to a matter that is open. The item as it is then; empty where there is none."""
        try:
            return self._set(
                _BEGINNING,
                key,
                changes,
                condition="attribute_not_exists(ended) AND open_until > :now AND last_event < :last_event",
                values={":now": timestamp(now)},
            )
        except ConditionFailed as refused:
            return refused.item

    def end(self, rule: str, about: str, event_id: str, *, now: datetime) -> bool:
        """End a matter whose events are all before `event_id`, and its steps. Whether it is ended by that event.

        Where no matter is known the end is noted by itself. The answer is the same whenever the same event asks, unless
        a later one has ended the matter, or begun it anew.
        """
        key, kept = _key(rule, about), until(now + ENDED_FOR)
        try:
            noted = self._set(
                _ENDING,
                key,
                {"ended": text(event_id)},
                once={"expires_at": kept},
                remove=_NO_STEP,
                condition="(attribute_not_exists(last_event) OR last_event < :ended)"
                " AND (attribute_not_exists(ended) OR ended <= :ended)",
            )
        except ConditionFailed:
            return False
        if is_gone(noted, now + ENDED_FOR_AT_LEAST):  # the item is of an earlier end, and would go with that
            with suppress(ConditionFailed):
                self._set(
                    _ENDING, key, {"expires_at": kept}, condition="ended = :ended", values={":ended": text(event_id)}
                )
        return True

    # ── by those who are told ────────────────────────────────────────────────

    def acknowledge(
        self, rule: str, about: str, *, by: str, via: str, now: datetime, user: str = ""
    ) -> Acknowledgement:
        """Acknowledge a matter, so that no further step is told. An earlier acknowledgement stays, and is returned.

        Raises NotFound where there is no such matter, or it has expired.
        """
        made = Acknowledgement(by, via, datetime.fromisoformat(iso(now)), user, new_id(now), first=True)
        said = {
            "acknowledged_by": text(by),
            "acknowledged_via": text(via),
            "acknowledged_at": text(iso(now)),
            "acknowledged_user": text(user),
            "acknowledged_event": text(made.event),
        }
        try:
            self._set(
                "acknowledging",
                _key(rule, about),
                said,
                remove=_NO_STEP,
                condition="attribute_exists(event_id) AND attribute_not_exists(acknowledged_by) AND expires_at > :now",
                values={":now": until(now)},
            )
        except ConditionFailed as refused:
            earlier = _acknowledgement(refused.item)
            if earlier is None or is_gone(refused.item, now):
                raise NotFound("there is nothing to acknowledge: it was not told of, or has expired") from refused
            return earlier
        return made

    def get(self, rule: str, about: str, *, now: datetime) -> Matter | None:
        """Return a matter; None where there is none, or it has expired."""
        # By a query: the matcher's role has no GetItem here.
        found = self._table.query(
            "reading what may escalate", "pk = :pk", {":pk": _key(rule, about)["pk"]}, consistent=True
        )
        return next((_matter(item) for item in found if _is_there(item, now)), None)

    def get_many(self, names: Iterable[tuple[str, str]], *, now: datetime) -> dict[tuple[str, str], Matter]:
        """Return those matters of `names`, (rule, about) each, that are there."""
        keys = [_key(rule, about) for rule, about in dict.fromkeys(names)]
        found = self._table.get_many("reading what may escalate", keys)
        return {_names(item): _matter(item) for item in found if _is_there(item, now)}

    def hold(self, matter: Matter, step: int, due: datetime, *, counted_from: datetime, keep: timedelta) -> bool:
        """Have the step of index `step` be due at `due`, and those after it counted from `counted_from`.

        Return whether it is so: not where the matter was acknowledged, ended or begun anew since, or an earlier step is
        to come. The item is kept for `keep` beyond `due`.
        """
        key = _key(matter.rule, matter.about)
        try:
            self._set(
                "holding a step",
                key,
                {
                    "step": number(step),
                    "due_shard": text(_shard(key)),
                    "due_at": timestamp(due),
                    "counted_from": timestamp(counted_from),
                    "expires_at": until(due + keep),
                },
                condition="event_id = :event AND attribute_not_exists(acknowledged_by) AND attribute_not_exists(ended)"
                " AND #step >= :step",
                values={":event": text(matter.event_id)},
            )
        except ConditionFailed:
            return False
        return True

    def stop(self, matter: Matter, *, now: datetime) -> bool:
        """Have no step be told any more of a matter to which no event belongs from `now` on. Return whether it is so.

        Not where another event belongs to it since, or it was acknowledged, ended or begun anew.
        """
        try:
            self._set(
                "giving up what escalates",
                _key(matter.rule, matter.about),
                {"step": number(matter.steps)},
                remove=_NO_STEP,
                condition="event_id = :event AND attribute_not_exists(acknowledged_by) AND attribute_not_exists(ended)"
                " AND open_until <= :now",
                values={":event": text(matter.event_id), ":now": timestamp(now)},
            )
        except ConditionFailed:
            return False
        return True

    # ── by the schedule ──────────────────────────────────────────────────────

    def due(self, shard: int, *, now: datetime, limit: int) -> list[DueMatter]:
        """Matters of a shard of which a step is due, the longest due first."""
        found = self._table.query(
            "reading what escalates",
            "due_shard = :shard AND due_at <= :now",
            {":shard": text(f"escalation-{shard}"), ":now": timestamp(now)},
            index="by-due",
            limit=limit,
        )
        return [DueMatter(*_names(item), str(item["due_at"]["N"])) for item in found]

    def claim(self, due: DueMatter, *, now: datetime, lease: timedelta) -> ClaimedMatter | None:
        """Take a matter for `lease`, longer than a function runs; None where no step of it is due any more."""
        ends = timestamp(now + lease)
        try:
            item = self._set(
                _STEPPING,
                _key(due.rule, due.about),
                {"due_at": ends},
                condition="due_at = :seen",
                values={":seen": {"N": due.due_at}},
            )
        except ConditionFailed:
            return None
        return ClaimedMatter(_matter(item), ends["N"])

    def advance(self, claimed: ClaimedMatter, step: int, due: datetime | None) -> None:
        """Say that `step` is the next one, due at `due`; None where none is to come.

        A matter that somebody acknowledged or ended meanwhile, or that another run has claimed, stays as it is.
        """
        with suppress(ConditionFailed):
            self._set(
                _STEPPING,
                _key(claimed.matter.rule, claimed.matter.about),
                {"step": number(step)} | ({} if due is None else {"due_at": timestamp(due)}),
                remove=() if due is not None else _NO_STEP,
                condition="due_at = :lease",
                values={":lease": {"N": claimed.lease}},
            )

    def _set(
        self,
        what: str,
        key: Item,
        changes: Item,
        *,
        condition: str,
        values: Item | None = None,
        once: Item | None = None,
        remove: tuple[str, ...] = (),
    ) -> Item:
        """Set `changes`, and those of `once` that are not set yet; remove `remove`. Return the item after that.

        ConditionFailed, with the item that was found.
        """
        first = once or {}
        assigned = [f"#{name} = :{name}" for name in changes]
        assigned += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        expression = f"SET {', '.join(assigned)}"
        if remove:
            expression += f" REMOVE {', '.join(f'#{name}' for name in remove)}"
        return self._table.update(
            what,
            key,
            expression,
            names={f"#{name}": name for name in (*changes, *first, *remove)},
            values={f":{name}": value for name, value in {**changes, **first}.items()} | dict(values or {}),
            condition=condition,
            returning="ALL_NEW",
            made=changes,
        )


def _is_over(item: Item, event_id: str, now: datetime) -> bool:
    """Whether a matter is over, so that `event_id` begins it anew."""
    if event_id <= text_of(item, "last_event"):
        return False
    if "ended" in item:
        return event_id > text_of(item, "ended")
    open_until = timestamp_of(item, "open_until")
    return open_until is not None and open_until <= now


def _is_there(item: Item, now: datetime) -> bool:
    """Whether an item is a matter that has begun, and has not expired."""
    return "event_id" in item and not is_gone(item, now)


def _unchanged(found: Item | None) -> dict[str, Any]:
    """The condition that a matter is as it was found, with its values."""
    if not found:
        return {"condition": "attribute_not_exists(event_id) AND attribute_not_exists(ended)"}
    ended = "ended = :was" if "ended" in found else "attribute_not_exists(ended)"
    begun = "last_event = :found" if "last_event" in found else "attribute_not_exists(last_event)"
    was = {":found": found.get("last_event"), ":was": found.get("ended")}
    return {"condition": f"{begun} AND {ended}", "values": {name: value for name, value in was.items() if value}}


def _key(rule: str, about: str) -> dict[str, Any]:
    return {"pk": text(f"matter#{rule}#{about}"), "sk": text("escalation")}


def _shard(key: Item) -> str:
    return f"escalation-{zlib.crc32(text_of(key, 'pk').encode()) % ESCALATION_SHARDS}"


def _names(item: Item) -> tuple[str, str]:
    """The rule and the key of a matter; the latter has no `#`."""
    rule, _, about = text_of(item, "pk").removeprefix("matter#").rpartition("#")
    return rule, about


def _acknowledgement(item: Item) -> Acknowledgement | None:
    if "acknowledged_by" not in item:
        return None
    at = datetime.fromisoformat(text_of(item, "acknowledged_at"))
    by, via, user, event = (text_of(item, f"acknowledged_{name}") for name in ("by", "via", "user", "event"))
    return Acknowledgement(by, via, at, user, event)


def _matter(item: Item) -> Matter:
    rule, about = _names(item)
    began = datetime.fromisoformat(text_of(item, "began"))
    return Matter(
        rule,
        about,
        text_of(item, "event_id"),
        began,
        timestamp_of(item, "counted_from") or began,
        timestamp_of(item, "open_until") or began,
        number_of(item, "step"),
        number_of(item, "steps"),
        _acknowledgement(item),
        text_of(item, "ended") or None,
        text_of(item, "trace") or None,
        text_of(item, "follows") if "follows" in item else None,
    )
