"""GET /events and what is asked of many events; GET /events/{id} and what became of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response, page_response
from tocsin.api.cursors import NAMES, Cursors
from tocsin.api.parameters import asked, capped_of, limit_of, whole_of
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.events.model import Event, EventAction
from tocsin.events.search.query import FILTERS, Search, parse_search
from tocsin.events.search.reader import EventPage, LogReader, Ranking, Stat, Tally, bucket_of
from tocsin.events.search.rollup_hours import HOUR
from tocsin.events.search.timeline import check_position
from tocsin.events.store import EventStore
from tocsin.http.request import Request
from tocsin.identity.principal import Scope
from tocsin.ids import IdError, parse_id
from tocsin.matching.story import StoryStore
from tocsin.times import DurationError, iso, parse_duration, utc_now
from tocsin.types import Json, JsonObject

MAX_HISTORY = timedelta(days=90)
"""How long a time is counted: of a longer one, what is nearest to its end, and the answer says that it is `capped`."""
MAX_STEPS = 6
MAX_TOP = 100

MAX_ACTIONS = 10_000
"""Actions of producers' own that are listed, the most frequent: who puts an id into an action has one an event."""
MAX_COUNTED = 4_000_000
"""Bytes of counts by action that volume answers with."""

_COUNT_BYTES = 16
"""Of an action's count beside its name: quotes, escaped, a colon, digits and a comma."""

_ORDERS = {"newest": True, "oldest": False}


def add_routes(app: APIGatewayHttpResolver, events: EventStore, stories: StoryStore, log: LogReader) -> None:
    """Add this subject's routes."""
    _add_search(app, log)
    _add_counts(app, log)
    _add_figures(app, log)
    _add_single(app, events, stories)


def _add_search(app: APIGatewayHttpResolver, log: LogReader) -> None:
    @app.get("/events")
    def many() -> Response[str]:
        request = _asked(app, "order", "limit", "cursor")
        search, newest_first = parse_search(request.query), _order_of(request)
        cursors = _cursors_of(search, newest_first)
        page = log.page(
            search,
            now=utc_now(),
            newest_first=newest_first,
            limit=limit_of(request, 50),
            position=cursors.read(request.query.get("cursor")),
        )
        return json_response(
            200,
            {
                "items": list(page.events),
                "cursor": cursors.write(page.position),
                "scanned_until": _iso(page.scanned_until),
                "scanned": page.budget.spent_items,
                "filter_failed": _filter_failed(page),
                "unindexed": [
                    {"filter": each.filter, "before": iso(each.before), "instead": each.instead}
                    for each in page.unindexed
                ],
            },
        )


def _add_counts(app: APIGatewayHttpResolver, log: LogReader) -> None:
    @app.get("/events/actions")
    def actions() -> Response[str]:
        request = _asked(app, "history_days", filters=False)
        start, now, capped = _history(request, default=30)
        return json_response(200, {"since": iso(start), "capped": capped, **_actions(log.actions(start, now))})

    @app.get("/events/volume")
    def volume() -> Response[str]:
        request = _asked(app, "history_days", "interval")
        width = _interval_of(request)
        search = parse_search(request.query)
        now = utc_now()
        start, end, capped = _range_of(request, search, now, default=7, width=width)
        tally = log.tally(search, start, end, now=now)
        buckets, left_out = _buckets(tally, start, end, width)
        return json_response(
            200,
            {
                "since": iso(start),
                "until": iso(end),
                "capped": capped,
                "interval_seconds": int(width.total_seconds()),
                "total": tally.total,
                "complete_from": _iso(tally.complete_from),
                "filter_failed": _filter_failed(tally),
                "buckets": buckets,
                "left_out": left_out,
            },
        )


def _add_figures(app: APIGatewayHttpResolver, log: LogReader) -> None:
    @app.get("/events/top_per_user")
    def top_per_user() -> Response[str]:
        request = _asked(app, "history_days", "top")
        query = dict(request.query)
        if "action" not in query and "actions" not in query:
            query["action"] = EventAction.AUTHORIZE_APPLICATION
        search = parse_search(query)
        now = utc_now()
        start, end, capped = _range_of(request, search, now, default=30)
        ranking = log.top(search, start, end, now=now, most=whole_of(request, "top", 15, MAX_TOP))
        items: list[Json] = [
            {"application": use.application, "events": use.events, "unique_users": use.unique_users}
            for use in ranking.uses
        ]
        return json_response(
            200,
            {
                "since": iso(start),
                "until": iso(end),
                "capped": capped,
                "complete_from": _iso(ranking.complete_from),
                "filter_failed": _filter_failed(ranking),
                "items": items,
            },
        )

    @app.get("/events/stats")
    def stats() -> Response[str]:
        request = _asked(app, "steps")
        if "since" in request.query:
            raise Invalid([Violation("since", "is not taken here: each step begins so long before until")])
        steps = _steps_of(request)
        search = parse_search(request.query)
        now = utc_now()
        end = min(search.until or now, now)
        found = log.stats(search, [_to_millisecond(end - length) for _, length, _ in steps], end, now=now)
        items: list[Json] = [
            {
                "step": step,
                "since": iso(end - length),
                "capped": capped,
                "events": stat.events,
                "complete_from": _iso(stat.complete_from),
                "unique_users": stat.unique_users,
                "users_complete_from": _iso(stat.users_complete_from),
                "filter_failed": _filter_failed(stat),
            }
            for (step, length, capped), stat in zip(steps, found, strict=True)
        ]
        return json_response(200, {"until": iso(end), "items": items})


def _add_single(app: APIGatewayHttpResolver, events: EventStore, stories: StoryStore) -> None:
    @app.get("/events/<event_id>")
    def one_event(event_id: str) -> Response[str]:
        _asked(app, filters=False)
        event = _found(events, event_id)
        return json_response(200, event.to_json() | {"summary": event.summary})

    @app.get("/events/<event_id>/deliveries")
    def story(event_id: str) -> Response[str]:
        request = _asked(app, "limit", "cursor", filters=False)
        event = _found(events, event_id)
        after = NAMES.read(request.query.get("cursor"))

        def page(limit: int) -> JsonObject:
            found = stories.story(event.id, after=after, limit=limit, now=utc_now())
            entries: dict[str, list[Json]] = {"rule": [], "delivery": [], "policy": []}
            for item in found.items:
                entries[str(item.pop("kind"))].append(item)
            return {
                "event_id": event.id,
                "rules": entries["rule"],
                "deliveries": entries["delivery"],
                "policies": entries["policy"],
                "cursor": NAMES.write(found.last),
            }

        return page_response(page, limit_of(request, 200))


def _filter_failed(found: EventPage | Tally | Stat | Ranking) -> Json:
    """On how many events the query's `filter` failed, and why on the first; None where it failed on none."""
    return {"events": found.failed, "first": found.failure} if found.failed else None


def _asked(app: APIGatewayHttpResolver, *parameters: str, filters: bool = True) -> Request:
    """The request, by somebody who may read events, with no parameters but these."""
    return asked(app, Scope.EVENTS_READ, query=(*parameters, *(FILTERS if filters else ())))[0]


def _found(events: EventStore, event_id: str) -> Event:
    try:
        event = events.get(parse_id(event_id))
    except IdError as error:
        raise Invalid([Violation("id", str(error))]) from None
    if event is None:
        raise NotFound(f"there is no event {event_id}, or it has expired")
    return event


def _order_of(request: Request) -> bool:
    """Whether the newest come first: the query's `order`, newest or oldest."""
    given = request.query.get("order", "newest")
    if given not in _ORDERS:
        raise Invalid([Violation("order", f"must be newest or oldest: {given[:20]!r}")])
    return _ORDERS[given]


def _cursors_of(search: Search, newest_first: bool) -> Cursors:
    """The cursors of a search in one order."""
    order = "newest" if newest_first else "oldest"
    return Cursors(
        of=f"{order} {search.digest}",
        other="is of another search; send it with the same filters and order",
        check=check_position,
    )


def _history(request: Request, default: int) -> tuple[datetime, datetime, bool]:
    now = utc_now()
    days, capped = capped_of(request, "history_days", default, MAX_HISTORY.days)
    return _to_millisecond(now - timedelta(days=days)), now, capped


def _range_of(
    request: Request, search: Search, now: datetime, *, default: int, width: timedelta | None = None
) -> tuple[datetime, datetime, bool]:
    """The time that is asked about: since and until, else `history_days` up to now, from a bucket's start on.

    And whether more was asked for than MAX_HISTORY.
    """
    if "history_days" in request.query and search.since is not None:
        raise Invalid([Violation("history_days", "can't stand beside since; give one of the two")])
    end = min(search.until or now, now)
    days, capped = capped_of(request, "history_days", default, MAX_HISTORY.days)
    start = search.since
    if start is not None and end - start > MAX_HISTORY:
        start, days, capped = None, MAX_HISTORY.days, True
    if start is None:
        start = _to_millisecond(end - timedelta(days=days))
        if width is not None:
            start = bucket_of(start, width)
    return start, max(start, end), capped


def _actions(counts: Counter[str]) -> JsonObject:
    """All known actions, then producers' own by name, with their counts; and how many there was no room for."""
    own = Counter({action: count for action, count in counts.items() if action not in set(EventAction)})
    shown = sorted(action for action, _ in own.most_common(MAX_ACTIONS))
    items: list[Json] = [{"action": each, "known": True, "events": counts[each]} for each in sorted(EventAction)]
    items += [{"action": each, "known": False, "events": own[each]} for each in shown]
    return {"items": items, "left_out": len(own) - len(shown)}


def _buckets(tally: Tally, start: datetime, end: datetime, width: timedelta) -> tuple[list[Json], int]:
    """Each bucket from that of `start` on, empty ones too, so that a chart needs no more than this.

    And how many actions have no count of their own in it: there are more than an answer has room for.
    """
    by_bucket: dict[datetime, Counter[str]] = {}
    for hour, by_action in tally.by_hour.items():
        by_bucket.setdefault(bucket_of(hour, width), Counter()).update(by_action)
    told, left_out = _most_frequent(by_bucket.values())
    shown: list[Json] = []
    at = bucket_of(start, width)
    while at < end:
        by_action = by_bucket.get(at, Counter())
        actions: JsonObject = {action: by_action[action] for action in sorted(by_action) if action in told}
        complete = tally.complete_from is None or tally.complete_from <= max(at, start)
        shown.append({"start": iso(at), "events": by_action.total(), "actions": actions, "complete": complete})
        at += width
    return shown, left_out


def _most_frequent(counts: Iterable[Counter[str]]) -> tuple[frozenset[str], int]:
    """The actions whose counts an answer has room for, the most frequent first; and how many it has none for."""
    total: Counter[str] = Counter()
    entries: Counter[str] = Counter()
    for by_action in counts:
        total.update(by_action)
        entries.update(by_action.keys())
    room = MAX_COUNTED
    told: list[str] = []
    for action, _ in total.most_common():
        room -= entries[action] * (len(action) + _COUNT_BYTES)
        if room < 0:
            break
        told.append(action)
    return frozenset(told), len(total) - len(told)


def _interval_of(request: Request) -> timedelta:
    """The width of a bucket: the query's `interval` in whole hours, six where there is none."""
    given = request.query.get("interval", "hours=6")
    try:
        width = parse_duration(given)
    except DurationError as error:
        raise Invalid([Violation("interval", str(error))]) from None
    if width % HOUR or width > MAX_HISTORY:
        raise Invalid([Violation("interval", f"must be whole hours, at most {MAX_HISTORY.days} days: {given[:40]!r}")])
    return width


def _steps_of(request: Request) -> list[tuple[str, timedelta, bool]]:
    """The query's `steps`, durations between commas: one of 24 hours where there is none.

    Each with its length, and whether that was more than MAX_HISTORY, which it is then.
    """
    given = [step.strip() for step in request.query.get("steps", "hours=24").split(",")]
    if len(given) > MAX_STEPS:
        raise Invalid([Violation("steps", f"at most {MAX_STEPS} are counted at a time; given: {len(given)}")])
    steps = []
    for step in given:
        try:
            length = parse_duration(step)
        except DurationError as error:
            raise Invalid([Violation("steps", str(error))]) from None
        steps.append((step, min(length, MAX_HISTORY), length > MAX_HISTORY))
    return steps


def _to_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
