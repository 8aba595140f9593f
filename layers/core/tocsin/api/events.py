"""GET /events/{id} and GET /events/{id}/deliveries: an event, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import as_cursor, check_query, cursor_of, json_response, limit_of, request_of
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.events import Event
from tocsin.ids import IdError, parse_id
from tocsin.jsontypes import Json
from tocsin.store.events import EventStore
from tocsin.store.ledger import Ledger
from tocsin.web import Scope


def add_routes(app: APIGatewayHttpResolver, events: EventStore, ledger: Ledger) -> None:
    """Add this subject's routes."""

    @app.get("/events/<event_id>")
    def one_event(event_id: str) -> Response[str]:
        request = request_of(app)
        request.principal(Scope.EVENTS_READ)
        check_query(request)
        event = _found(events, event_id)
        return json_response(200, event.to_json() | {"summary": event.summary})

    @app.get("/events/<event_id>/deliveries")
    def story(event_id: str) -> Response[str]:
        request = request_of(app)
        request.principal(Scope.EVENTS_READ)
        check_query(request, "limit", "cursor")
        event = _found(events, event_id)
        page = ledger.story(event.id, after=cursor_of(request), limit=limit_of(request, 200), now=datetime.now(UTC))
        rules: list[Json] = [item for item in page.items if item.pop("kind") == "rule"]
        deliveries: list[Json] = [item for item in page.items if "id" in item]
        return json_response(
            200,
            {"event_id": event.id, "rules": rules, "deliveries": deliveries, "cursor": as_cursor(page.last)},
        )


def _found(events: EventStore, event_id: str) -> Event:
    try:
        event = events.get(parse_id(event_id))
    except IdError as error:
        raise Invalid([Violation("id", str(error))]) from None
    if event is None:
        raise NotFound(f"there is no event {event_id}, or it has expired")
    return event
