"""/notifications: a person's inbox, read, marked and cleared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.acknowledge import acknowledger, answer_of
from tocsin.api.answers import json_response, page_response
from tocsin.api.cursors import Cursors
from tocsin.api.parameters import (
    asked,
    flag_of,
    limit_of,
    moment_of,
    number_of,
    object_of,
    request_of,
    text_of,
    username_of,
    words_of,
)
from tocsin.errors import Conflict, Invalid, NotFound, Violation
from tocsin.events.store import EventStore
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope, authenticate
from tocsin.ids import IdError, parse_id
from tocsin.matching.acknowledging import Acknowledgements, told_by
from tocsin.models import Model, accepted
from tocsin.notifications.inbox_store import InboxFilter, InboxStore
from tocsin.notifications.model import InboxBounds, Severity, event_links
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject, Page
from tocsin.words import page_with

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import Field


MAX_IDS = 100
"""Notifications that one request marks by their ids."""
MAX_ARRIVAL = 10**12 - 1

_READABLE = ("body", "action", "app", "rule", "severity", "hyperlink", "hyperlink_label")
"""The fields of a notification that a search looks at."""


def _check_arrival(position: str) -> None:
    if not (position.isascii() and position.isdigit() and len(position) <= len(str(MAX_ARRIVAL))):
        raise ValueError("is no arrival")


_CURSOR = Cursors(of="inbox", other="is of another list; send it to the one that it came from", check=_check_arrival)


@dataclass(frozen=True, kw_only=True)
class MarkUnseen(Model):
    """What POST /notifications/unseen takes."""

    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_IDS)]


@dataclass(frozen=True, kw_only=True)
class MarkSeen(Model):
    """What POST /notifications/seen takes: `ids`, or `through`, an arrival up to which all are marked."""

    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_IDS)] | None = None
    through: Annotated[int, Field(ge=0, le=MAX_ARRIVAL)] | None = None

    def __post_init__(self) -> None:
        if (self.ids is None) == (self.through is None):
            raise ValueError("needs exactly one of `ids` and `through`")


def add_routes(
    app: APIGatewayHttpResolver,
    inboxes: InboxStore,
    events: EventStore,
    bounds: Callable[[], InboxBounds],
    tell: Callable[[str, JsonObject], None],
    acknowledgements: Acknowledgements,
) -> None:
    """Add this subject's routes.

    `bounds` says what an inbox holds; `tell` sends a message to all that show a person's inbox.
    """
    _add_reading(app, inboxes, events, bounds, acknowledgements)
    _add_marking(app, inboxes, tell)
    _add_acknowledging(app, inboxes, bounds, acknowledgements)


def _add_reading(
    app: APIGatewayHttpResolver,
    inboxes: InboxStore,
    events: EventStore,
    bounds: Callable[[], InboxBounds],
    acknowledgements: Acknowledgements,
) -> None:
    @app.get("/notifications")
    def inbox() -> Response[str]:
        request, username = _asked(app, "unseen", "severity", "since", "rule", "after", "search", "limit", "cursor")
        wanted, words = _filter_of(request), words_of(request)
        now, held, head = utc_now(), bounds(), inboxes.head(username)
        unread = inboxes.count(username, head, limit=held.limit, now=now, seen_kept=held.seen_kept).unread

        def read(before: str | None, most: int) -> Page[JsonObject]:
            return inboxes.page(
                username,
                head,
                limit=held.limit,
                asked=wanted,
                before=None if before is None else int(before),
                most=most,
                now=now,
                seen_kept=held.seen_kept,
            )

        def page(most: int) -> JsonObject:
            found = page_with(
                words,
                read,
                key=lambda entry: str(entry["arrival"]),
                fields=_READABLE,
                after=_CURSOR.read(request.query.get("cursor")),
                limit=most,
            )
            items = _with_events(acknowledgements.shown_with([*found.items]), events)
            return {"user": username, "items": items, "unread": unread, "cursor": _CURSOR.write(found.last)}

        return page_response(page, limit_of(request, 50))

    @app.get("/notifications/unread")
    def unread() -> Response[str]:
        _, username = _asked(app)
        held, head = bounds(), inboxes.head(username)
        count = inboxes.count(username, head, limit=held.limit, now=utc_now(), seen_kept=held.seen_kept)
        return json_response(
            200,
            {
                "user": username,
                "unread": count.unread,
                "total": count.total,
                "limit": held.limit,
                "dropped": head.dropped(held.limit),
                "arrivals": head.arrivals,
            },
        )

    @app.get("/notifications/<notification_id>")
    def one(notification_id: str) -> Response[str]:
        _, username = _asked(app)
        found = _one_of(inboxes, username, notification_id, bounds())
        return json_response(200, _with_events(acknowledgements.shown_with([found]), events)[0])


def _add_marking(app: APIGatewayHttpResolver, inboxes: InboxStore, tell: Callable[[str, JsonObject], None]) -> None:
    def marked(username: str, mark: JsonObject) -> Response[str]:
        tell(username, {"message_type": "notification.seen", "data": mark})
        return json_response(200, {"user": username, **mark})

    def cleared(username: str, gone: JsonObject) -> Response[str]:
        tell(username, {"message_type": "notification.cleared", "data": gone})
        return json_response(200, {"user": username, **gone})

    @app.post("/notifications/seen")
    def seen() -> Response[str]:
        request, username = _asked(app, changes=True)
        mark = _body(MarkSeen, request)
        if mark.ids is None:
            return marked(username, {"seen": True, "through": inboxes.see_through(username, mark.through)})
        return marked(username, _marked(username, mark.ids, seen=True))

    @app.post("/notifications/unseen")
    def unseen() -> Response[str]:
        request, username = _asked(app, changes=True)
        return marked(username, _marked(username, _body(MarkUnseen, request).ids, seen=False))

    def _marked(username: str, given: tuple[str, ...], *, seen: bool) -> JsonObject:
        ids = _ids_of(given)
        return {"seen": seen, "ids": [*inboxes.mark(username, inboxes.head(username), ids, seen=seen)]}

    @app.delete("/notifications/<notification_id>")
    def delete(notification_id: str) -> Response[str]:
        _, username = _asked(app, changes=True)
        id_ = _id_of(notification_id)
        if not inboxes.delete(username, id_):
            raise _missing(id_)
        return cleared(username, {"ids": [id_]})

    @app.delete("/notifications")
    def clear() -> Response[str]:
        request, username = _asked(app, "through", changes=True)
        through = number_of(request, "through", MAX_ARRIVAL)
        return cleared(username, {"through": inboxes.clear_through(username, through)})


def _add_acknowledging(
    app: APIGatewayHttpResolver,
    inboxes: InboxStore,
    bounds: Callable[[], InboxBounds],
    acknowledgements: Acknowledgements,
) -> None:
    @app.post("/notifications/<notification_id>/acknowledge")
    def acknowledge(notification_id: str) -> Response[str]:
        _, username = _asked(app, changes=True)
        found = _one_of(inboxes, username, notification_id, bounds())
        about = found.get("about")
        if about is None:
            raise Conflict("this notification can't be acknowledged: its rule does not escalate")
        who = acknowledger(authenticate(request_of(app)), "inbox")
        done = acknowledgements.acknowledge(str(found["rule"]), str(about), told_by(found), who)
        return json_response(200, answer_of(done))


def _one_of(inboxes: InboxStore, username: str, notification_id: str, held: InboxBounds) -> JsonObject:
    id_, head = _id_of(notification_id), inboxes.head(username)
    found = inboxes.get(username, head, id_, limit=held.limit, now=utc_now(), seen_kept=held.seen_kept)
    if found is None:
        raise _missing(id_)
    return found


def _asked(app: APIGatewayHttpResolver, *parameters: str, changes: bool = False) -> tuple[Request, str]:
    """The request, and whose inbox it is about: the key's person's, or the one that `user` names.

    Another's is read only by a key that may read all events, and changed only by one that may configure.
    """
    request, principal = asked(app, Scope.NOTIFICATIONS, query=("user", *parameters))
    return request, _whose(principal, username_of(request), Scope.CONFIG_WRITE if changes else Scope.EVENTS_READ)


def _whose(principal: Principal, asked: str | None, needed: Scope) -> str:
    if asked is not None and asked != principal.user:
        principal.require(needed)
        return asked
    if principal.user is None:
        raise Invalid([Violation("user", "this key stands for nobody; say whose inbox")])
    return principal.user


def _filter_of(request: Request) -> InboxFilter:
    given = request.query.get("severity")
    severities = frozenset[Severity]()
    if given is not None:
        try:
            severities = frozenset(Severity(word.strip()) for word in given.split(","))
        except ValueError:
            known = ", ".join(Severity)
            raise Invalid([Violation("severity", f"must be of {known}, between commas: {given[:60]!r}")]) from None
    return InboxFilter(
        unseen=flag_of(request, "unseen"),
        severities=severities,
        since=moment_of(request, "since"),
        rule=text_of(request, "rule"),
        after=number_of(request, "after", MAX_ARRIVAL) or 0,
    )


def _body[Shape](model: type[Shape], request: Request) -> Shape:
    return accepted(model, object_of(request))


def _id_of(text: str) -> str:
    try:
        return parse_id(text)
    except IdError as error:
        raise Invalid([Violation("notification_id", str(error))]) from None


def _ids_of(given: tuple[str, ...]) -> list[str]:
    ids, wrong = [], []
    for position, text in enumerate(given):
        try:
            ids.append(parse_id(text))
        except IdError as error:
            wrong.append(Violation(f"ids[{position}]", str(error)))
    if wrong:
        raise Invalid(wrong)
    return ids


def _missing(notification_id: str) -> NotFound:
    return NotFound(f"there is no notification {notification_id} in this inbox")


def _with_events(items: list[JsonObject] | tuple[JsonObject, ...], events: EventStore) -> list[Json]:
    """Notifications with where their events are, null for those that are gone."""
    there = events.which_exist(str(item["event_id"]) for item in items)
    shown: list[Json] = []
    for item in items:
        event_id = str(item["event_id"])
        shown.append(item | {"event": event_links(event_id) if event_id in there else None})
    return shown
