"""Acknowledging what a rule that escalates told of: by the link in a message, and by an event's id.

The link needs no key: its token says what its holder was told of. GET only asks, since mail programs and chat services
open links by themselves; POST, which the page's button sends, acknowledges.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.pages import form, page
from tocsin.api.parameters import asked, request_of
from tocsin.deliveries.matters import Acknowledgement
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.events.store import EventStore
from tocsin.identity.principal import Principal, Scope
from tocsin.ids import IdError, parse_id
from tocsin.matching.acknowledging import Acknowledgements, Acknowledger, shown
from tocsin.notifications.acknowledge_links import PATH, AcknowledgeLinks, Acknowledging
from tocsin.notifications.text import cut, one_line
from tocsin.times import utc_now
from tocsin.types import JsonObject

MAX_NAME = 80
"""Characters of the name that somebody in a channel gives."""
MAX_TOLD = 300
"""Code units of what happened, as the page says it."""
_MAX_BODY = 4_000
_NAME = f'<label>Your name <input name="name" maxlength="{MAX_NAME}" autocomplete="name" required></label>'

type Links = Callable[[], AcknowledgeLinks | None]


def add_routes(
    app: APIGatewayHttpResolver, links: Links, acknowledgements: Acknowledgements, events: EventStore
) -> None:
    """Add this subject's routes."""
    _add_link(app, links, acknowledgements, events)

    @app.post("/events/<event_id>/acknowledge")
    def acknowledge_event(event_id: str) -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("rule",))
        rule = request.query.get("rule")
        if not rule:
            raise Invalid([Violation("rule", "is required: the rule that told of the event")])
        try:
            event = events.get(parse_id(event_id))
        except IdError as error:
            raise Invalid([Violation("event_id", str(error))]) from None
        if event is None:
            raise NotFound(f"there is no event {event_id}, or it has expired")
        return json_response(200, answer_of(acknowledgements.of_event(event, rule, acknowledger(principal, "api"))))


def _add_link(
    app: APIGatewayHttpResolver, links: Links, acknowledgements: Acknowledgements, events: EventStore
) -> None:
    @app.get(PATH)
    def ask() -> Response[str]:
        link, token = _followed(app, links())
        matter = acknowledgements.matter(link.rule, link.about, link.event_id)
        if matter is None:
            return _nothing_left(link)
        if matter.acknowledgement is not None:
            return _done(link, matter.acknowledgement)
        if matter.ended is not None:
            return page("It is over", f"What rule {link.rule} told of has ended. Nobody else is told of it.")
        event = events.get(matter.event_id)
        told = f"Rule {link.rule} told of this" + (f": {cut(one_line(event.summary), MAX_TOLD)}" if event else "")
        whose = f" It will say that {link.username} acknowledged it." if link.username else ""
        ask_who = "" if link.username else _NAME
        return page(
            "Acknowledge?",
            f"{told}. If you acknowledge it, nobody else is told.{whose}",
            form(f"token={token}", "Acknowledge", ask_who),
        )

    @app.post(PATH)
    def acknowledge() -> Response[str]:
        link, _ = _followed(app, links())
        try:
            done = acknowledgements.acknowledge(link.rule, link.about, link.event_id, _holder(app, link))
        except NotFound:
            return _nothing_left(link)
        return _done(link, done)


def acknowledger(principal: Principal, via: str) -> Acknowledger:
    """Who acknowledges with a key or a token."""
    who = principal.user or principal.person or ""
    return Acknowledger(who or f"key {principal.key_name}", via, who)


def answer_of(done: Acknowledgement) -> JsonObject:
    """What the API answers: {by, via, at, first}."""
    return shown(done) | {"first": done.first}


def _followed(app: APIGatewayHttpResolver, links: AcknowledgeLinks | None) -> tuple[Acknowledging, str]:
    token = request_of(app).query.get("token", "")
    link = None if links is None else links.read(token, utc_now())
    if link is None:
        raise NotFound("this link is not one of ours, or is too old; it may have been cut on its way")
    return link, token


def _holder(app: APIGatewayHttpResolver, link: Acknowledging) -> Acknowledger:
    """Who holds a link: its person, or whoever says their name in a channel."""
    if link.username:
        return Acknowledger(link.username, "link", link.username)
    given = parse_qs(request_of(app).body[:_MAX_BODY].decode("utf-8", "replace"), max_num_fields=10).get("name", [""])
    name = cut(one_line(given[0]), MAX_NAME) or "somebody"
    return Acknowledger(f"{name} (by {link.transport})", "channel")


def _done(link: Acknowledging, done: Acknowledgement) -> Response[str]:
    text = f"{done.by} acknowledged what rule {link.rule} told of, on {done.at:%Y-%m-%d at %H:%M:%S} UTC."
    return page("Acknowledged", f"{text} Nobody else is told of it.")


def _nothing_left(link: Acknowledging) -> Response[str]:
    text = f"What rule {link.rule} told of has expired, or it has told of it anew since, with a link of its own."
    return page("Nothing to acknowledge", text)
