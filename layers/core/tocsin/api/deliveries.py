"""/deliveries and /mail-stops: what became of each notification, and sending it again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response, page_response
from tocsin.api.cursors import NAMES, Cursors
from tocsin.api.parameters import asked, limit_of, object_of, span_of, text_of, words_of
from tocsin.api.paths import name_of
from tocsin.deliveries.service import LISTED, DeliveryService
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.http.request import Request
from tocsin.identity.principal import Scope
from tocsin.ids import parse_id
from tocsin.models import Model, accepted
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.outcome import State
from tocsin.records import dataclass
from tocsin.types import JsonObject, Page
from tocsin.words import page_with

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import Field

    from tocsin.fields import Moment, Name


MAX_REDRIVE = 500
"""Deliveries that one request sends again."""

_MAX_NAME = 100
_MAX_ADDRESS = 320
_READABLE = ("rule", "transport", "mode", "user", "state", "attempts")
"""The fields of a delivery that a search looks at."""
_TOLD = re.compile(r"[0-9a-f]{16}")


type Redriven = Literal["failed", "discarded", "held", "waiting", "retrying", "queued"]


@dataclass(frozen=True, kw_only=True)
class RedriveRequest(Model):
    """What POST /deliveries/redrive takes. `since` and `until` are about when the deliveries' events happened.

    What was delivered, or told in a digest, is not among the states: it is not sent again. Nor is what its person
    does not want.
    """

    transport: Name
    states: Annotated[tuple[Redriven, ...], Field(min_length=1)] = ("failed",)
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_REDRIVE)] = MAX_REDRIVE
    cursor: str | None = None


def add_routes(app: APIGatewayHttpResolver, service: DeliveryService, stops: Suppressions) -> None:
    """Add this subject's routes."""
    _add_deliveries(app, service)
    _add_mail_stops(app, stops)


def _add_deliveries(app: APIGatewayHttpResolver, service: DeliveryService) -> None:
    @app.get("/deliveries")
    def deliveries() -> Response[str]:
        query = ("state", "transport", "since", "until", "search", "limit", "cursor")
        request, _ = asked(app, Scope.EVENTS_READ, query=query)
        transport, states = _transport(request), _states(request)
        since, until = span_of(request)

        def read(before: str | None, limit: int) -> Page[JsonObject]:
            return service.list(
                transport=transport, states=states, since=since, until=until, before=before, limit=limit
            )

        def page(limit: int) -> JsonObject:
            found = page_with(
                words_of(request),
                read,
                key=lambda entry: str(entry["id"]),
                fields=_READABLE,
                after=_CURSORS.read(request.query.get("cursor")),
                limit=limit,
            )
            return {"items": [*found.items], "cursor": _CURSORS.write(found.last)}

        return page_response(page, limit_of(request, 50))

    @app.get("/deliveries/<delivery_id>")
    def delivery(delivery_id: str) -> Response[str]:
        asked(app, Scope.EVENTS_READ)
        return json_response(200, service.get(_checked(delivery_id)))

    @app.post("/deliveries/<delivery_id>/retry")
    def retry(delivery_id: str) -> Response[str]:
        asked(app, Scope.CONFIG_WRITE)
        return json_response(202, service.retry(_checked(delivery_id)))

    @app.post("/deliveries/redrive")
    def redrive() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_WRITE)
        wanted = _redrive_request(request)
        done = service.redrive(
            transport=wanted.transport,
            states=[State(state) for state in wanted.states],
            since=wanted.since,
            until=wanted.until,
            after=_CURSORS.read(wanted.cursor),
            limit=wanted.limit,
        )
        counts: JsonObject = {"queued": done.queued, "skipped": done.skipped, "gone": done.gone}
        return json_response(202, counts | {"cursor": _CURSORS.write(done.cursor)})


def _add_mail_stops(app: APIGatewayHttpResolver, stops: Suppressions) -> None:
    @app.get("/mail-stops")
    def mail_stops() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_READ, query=("search", "limit", "cursor"))

        def read(after: str | None, limit: int) -> Page[JsonObject]:
            found = stops.page(after=after, limit=limit)
            return Page(tuple(stop.to_json() for stop in found.items), found.last)

        def page(limit: int) -> JsonObject:
            found = page_with(
                words_of(request),
                read,
                key=lambda entry: str(entry["address"]),
                after=NAMES.read(request.query.get("cursor")),
                limit=limit,
            )
            return {"items": [*found.items], "cursor": NAMES.write(found.last)}

        return page_response(page, limit_of(request, 100))

    @app.delete("/mail-stops/<address>")
    def lift(address: str) -> Response[str]:
        asked(app, Scope.CONFIG_WRITE)
        return lifted(name_of(address))

    # A path can't hold every address: HTTP APIs take an encoded `?` for its end.
    @app.delete("/mail-stops")
    def lift_asked() -> Response[str]:
        request, _ = asked(app, Scope.CONFIG_WRITE, query=("address",))
        address = request.query.get("address")
        if not address:
            raise Invalid([Violation("address", "is required: the address that mail goes to again")])
        return lifted(name_of(quote(address, errors="replace")))

    def lifted(address: str) -> Response[str]:
        if len(address) > _MAX_ADDRESS or not stops.lift(address):
            raise NotFound("mail to this address is not stopped")
        return json_response(200, {"address": address.strip().lower(), "lifted": True})


def _transport(request: Request) -> str | None:
    given = text_of(request, "transport")
    if given is not None and len(given) > _MAX_NAME:
        raise Invalid([Violation("transport", f"has {len(given)} characters; a name has at most {_MAX_NAME}")])
    return given


def _states(request: Request) -> tuple[State, ...]:
    given = request.query.get("state")
    if given is None:
        return ()
    known = {state.value: state for state in LISTED}
    words = [word.strip() for word in given.split(",")]
    if any(word not in known for word in words):
        raise Invalid([Violation("state", f"must be of {', '.join(known)}, separated by commas: {given[:60]!r}")])
    return tuple(known[word] for word in words)


def _delivery_id(text: str) -> str:
    """The delivery id in canonical form. ValueError for a text that is none."""
    event_id, _, told = text.lower().rpartition("-")
    if not _TOLD.fullmatch(told):
        raise ValueError("must end with 16 hexadecimal digits")
    return f"{parse_id(event_id)}-{told}"


def _checked(delivery_id: str) -> str:
    try:
        return _delivery_id(delivery_id)
    except ValueError:
        what = "must be a delivery's id: its event's, a hyphen, and 16 hexadecimal digits"
        raise Invalid([Violation("id", what)]) from None


_CURSORS = Cursors(check=_delivery_id)


def _redrive_request(request: Request) -> RedriveRequest:
    return accepted(RedriveRequest, object_of(request))
