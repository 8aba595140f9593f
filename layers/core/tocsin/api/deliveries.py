"""/deliveries and /mail-stops: what became of each notification, and sending it again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import unquote

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.api.answers import as_cursor, check_query, cursor_of, json_response, key_of, limit_of, request_of
from tocsin.deliveries.service import LISTED, DeliveryService
from tocsin.errors import Invalid, MalformedBody, NotFound, Violation, violations
from tocsin.fields import Moment, Name
from tocsin.http.request import Request
from tocsin.identity.principal import Scope, authorize
from tocsin.ids import IdError, parse_id
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.outcome import State
from tocsin.types import Json

MAX_REDRIVE = 500
"""Deliveries that one request sends again."""

_TOLD = re.compile(r"[0-9a-f]{16}")


class RedriveRequest(BaseModel):
    """What POST /deliveries/redrive takes. `since` and `until` are about when the deliveries' events happened.

    What was delivered is not among the states: it is not sent again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    transport: Name
    states: Annotated[tuple[Literal["failed", "discarded", "held", "retrying", "queued"], ...], Field(min_length=1)] = (
        "failed",
    )
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_REDRIVE)] = MAX_REDRIVE
    cursor: str | None = None


def add_routes(app: APIGatewayHttpResolver, service: DeliveryService, stops: Suppressions) -> None:
    """Add this subject's routes."""

    @app.get("/deliveries")
    def deliveries() -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.EVENTS_READ)
        check_query(request, "state", "transport", "since", "until", "limit", "cursor")
        listing = service.list(
            transport=request.query.get("transport"),
            states=_states(request),
            since=_moment(request.query.get("since"), "since"),
            until=_moment(request.query.get("until"), "until"),
            before=_after(request),
            limit=limit_of(request, 50),
        )
        items: list[Json] = [*listing.deliveries]
        return json_response(200, {"items": items, "cursor": as_cursor(listing.cursor)})

    @app.get("/deliveries/<delivery_id>")
    def delivery(delivery_id: str) -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.EVENTS_READ)
        check_query(request)
        return json_response(200, service.get(_checked(delivery_id)))

    @app.post("/deliveries/<delivery_id>/retry")
    def retry(delivery_id: str) -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.CONFIG_WRITE)
        check_query(request)
        return json_response(202, service.retry(_checked(delivery_id)))

    @app.post("/deliveries/redrive")
    def redrive() -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.CONFIG_WRITE)
        check_query(request)
        asked = _redrive_request(request)
        done = service.redrive(
            transport=asked.transport,
            states=[State(state) for state in asked.states],
            since=asked.since,
            until=asked.until,
            after=_decoded(asked.cursor),
            limit=asked.limit,
        )
        return json_response(202, {"queued": done.queued, "skipped": done.skipped, "cursor": as_cursor(done.cursor)})

    @app.get("/mail-stops")
    def mail_stops() -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.CONFIG_READ)
        check_query(request, "limit", "cursor")
        page = stops.page(after=cursor_of(request), limit=limit_of(request, 100))
        items: list[Json] = [stop.to_json() for stop in page.items]
        return json_response(200, {"items": items, "cursor": as_cursor(page.last)})

    @app.delete("/mail-stops/<address>")
    def lift(address: str) -> Response[str]:
        request = request_of(app)
        authorize(request, Scope.CONFIG_WRITE)
        check_query(request)
        if not stops.lift(unquote(address)):
            raise NotFound("mail to this address is not stopped")
        return json_response(200, {"address": unquote(address).strip().lower(), "lifted": True})


def _states(request: Request) -> tuple[State, ...]:
    given = request.query.get("state")
    if given is None:
        return ()
    known = {state.value: state for state in LISTED}
    words = given.split(",")
    if any(word not in known for word in words):
        raise Invalid([Violation("state", f"must be of {', '.join(known)}, separated by commas: {given[:60]!r}")])
    return tuple(known[word] for word in words)


def _moment(given: str | None, name: str) -> datetime | None:
    if given is None:
        return None
    try:
        # A "+" of an offset that was not encoded arrives as a blank.
        return _zoned(datetime.fromisoformat(given.strip().replace(" ", "+")))
    except ValueError:
        raise Invalid([Violation(name, f"must be a time like 2026-03-01T12:00:00Z: {given[:40]!r}")]) from None


def _zoned(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _checked(delivery_id: str) -> str:
    event_id, _, told = delivery_id.rpartition("-")
    try:
        checked = parse_id(event_id)
    except IdError:
        checked = ""
    if not checked or not _TOLD.fullmatch(told):
        raise Invalid([Violation("id", "must be a delivery's id: its event's, a hyphen, and 16 hexadecimal digits")])
    return f"{checked}-{told}"


def _after(request: Request) -> str | None:
    cursor = cursor_of(request)
    return None if cursor is None else _checked(cursor)


def _decoded(cursor: str | None) -> str | None:
    return None if cursor is None else _checked(key_of(cursor))


def _redrive_request(request: Request) -> RedriveRequest:
    request.content_type("application/json")
    try:
        return RedriveRequest.model_validate(orjson.loads(request.body))
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error.msg} at column {error.colno}") from None
    except ValidationError as error:
        raise Invalid(violations(error)) from None
