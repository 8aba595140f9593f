"""Acknowledging what a rule that escalates told of: by the link in a message, and by an event's id.

The link needs no key: its token says what its holder was told of. GET only asks, since mail programs and chat services
open links by themselves; POST, which the page's button sends, acknowledges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from html import escape
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.languages import Reader, Readers
from tocsin.api.pages import form, page
from tocsin.api.parameters import asked, request_of
from tocsin.deliveries.matters import Acknowledgement
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.events.model import Event
from tocsin.events.store import EventStore
from tocsin.events.summary import message_of, sentence_of
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope
from tocsin.ids import IdError, parse_id
from tocsin.matching.acknowledging import Acknowledgements, Acknowledger, shown
from tocsin.notifications.acknowledge_links import ACKNOWLEDGE, PATH, AcknowledgeLinks, Acknowledging
from tocsin.notifications.text import cut, one_line
from tocsin.notifications.wording import clock
from tocsin.times import utc_now
from tocsin.types import JsonObject

MAX_NAME = 80
"""Characters of the name that somebody in a channel gives."""
MAX_TOLD = 300
"""Code units of what happened, as the page says it."""
_MAX_BODY = 4_000
"""Bytes of a form that are looked at, and so its fields: of more fields than a limit `parse_qs` would raise."""

_ASKS = "Acknowledge?"
_TOLD, _TOLD_THIS = "Rule %(rule)s told of this.", "Rule %(rule)s told of this: %(what)s."
_IF = "If you acknowledge it, nobody else is told."
_WILL_SAY = "It will say that %(who)s acknowledged it."
_YOUR_NAME = "Your name"
_OVER, _HAS_ENDED = "It is over", "What rule %(rule)s told of has ended. Nobody else is told of it."
_DONE = "Acknowledged"
_BY = "%(who)s acknowledged what rule %(rule)s told of, at %(time)s. Nobody else is told of it."
_NOTHING = "Nothing to acknowledge"
_GONE = "What rule %(rule)s told of has expired, or it has told of it anew since, with a link of its own."
_NO_LINK = "This link does not work"
_NOT_OURS = "It is not one of ours, or is too old; it may have been cut on its way."
_LEFT = "It was for %(who)s, who is not there any more, or not active."
_ANOTHER = "It was for somebody else: the name %(who)s has passed on since it was sent."
MESSAGES = frozenset(
    (
        *(_ASKS, _TOLD, _TOLD_THIS, _IF, _WILL_SAY, _YOUR_NAME, _OVER, _HAS_ENDED),
        *(_DONE, _BY, _NOTHING, _GONE, _NO_LINK, _NOT_OURS, _LEFT, _ANOTHER),
    )
)
"""What the pages say, as in the catalogues."""

type Links = Callable[[], AcknowledgeLinks | None]
type Deleted = Callable[[Iterable[str]], Mapping[str, datetime]]


def add_routes(
    app: APIGatewayHttpResolver,
    links: Links,
    acknowledgements: Acknowledgements,
    events: EventStore,
    readers: Readers,
    deleted: Deleted,
) -> None:
    """Add this subject's routes.

    `readers` finds in which language somebody reads the pages; `deleted` when the last person of a name was deleted.
    """
    _add_link(app, links, acknowledgements, events, readers, deleted)

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
    app: APIGatewayHttpResolver,
    links: Links,
    acknowledgements: Acknowledgements,
    events: EventStore,
    readers: Readers,
    deleted: Deleted,
) -> None:
    @app.get(PATH)
    def ask() -> Response[str]:
        link, token = _followed(app, links())
        if link is None:
            return no_link(app, readers)
        pages = _Pages(app, readers, link)
        if (why := pages.why_it_fails(deleted)) is not None:
            return pages.fails(why)
        matter = acknowledgements.matter(link.rule, link.about, link.event_id)
        if matter is None:
            return pages.nothing_left()
        if matter.acknowledgement is not None:
            return pages.done(matter.acknowledgement)
        if matter.ended is not None:
            return pages.over()
        return pages.asks(token, events.get(matter.event_id))

    @app.post(PATH)
    def acknowledge() -> Response[str]:
        link, _ = _followed(app, links())
        if link is None:
            return no_link(app, readers)
        pages = _Pages(app, readers, link)
        if (why := pages.why_it_fails(deleted)) is not None:
            return pages.fails(why)
        try:
            done = acknowledgements.acknowledge(link.rule, link.about, link.event_id, _holder(app, link))
        except NotFound:
            return pages.nothing_left()
        return pages.done(done)


def acknowledger(principal: Principal, via: str) -> Acknowledger:
    """Who acknowledges with a key or a token."""
    who = principal.user or principal.person or ""
    return Acknowledger(who or f"key {principal.key_name}", via, who)


def answer_of(done: Acknowledgement) -> JsonObject:
    """What the API answers: {by, via, at, first}."""
    return shown(done) | {"first": done.first}


def _followed(app: APIGatewayHttpResolver, links: AcknowledgeLinks | None) -> tuple[Acknowledging | None, str]:
    token = request_of(app).query.get("token", "")
    return None if links is None else links.read(token, utc_now()), token


def no_link(app: APIGatewayHttpResolver, readers: Readers) -> Response[str]:
    """A page for people; NotFound for whoever does not ask for one."""
    request = request_of(app)
    if not _wants_page(request):
        raise NotFound("this link is not one of ours, or is too old; it may have been cut on its way")
    reader = readers.of(request)
    return page(reader.say(_NO_LINK), reader.say(_NOT_OURS), status=404, language=reader.catalogue.locale)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _holder(app: APIGatewayHttpResolver, link: Acknowledging) -> Acknowledger:
    """Who holds a link: its person, or whoever says their name in a channel."""
    if link.username:
        return Acknowledger(link.username, "link", link.username)
    given = parse_qs(request_of(app).body[:_MAX_BODY].decode("utf-8", "replace")).get("name", [""])
    name = cut(one_line(given[0]), MAX_NAME) or "somebody"
    return Acknowledger(f"{name} (by {link.transport})", "channel")


class _Pages:
    """The pages of one link, in its reader's language."""

    def __init__(self, app: APIGatewayHttpResolver, readers: Readers, link: Acknowledging) -> None:
        self._request = request_of(app)
        self._link = link
        self._reader = readers.of(self._request, link.username)

    def why_it_fails(self, deleted: Deleted) -> str | None:
        """Return why the link does not hold any more; None where it does.

        It is the link of the person whom its message was for, and not of who has their name since. A person who can't
        be read now counts as the same, unless somebody of the name was deleted. Raises Unavailable.
        """
        link, reader = self._link, self._reader
        if not link.username:
            return None
        if reader.has_left:
            return _LEFT
        if link.pk and reader.pk is not None and reader.pk != link.pk:
            return _ANOTHER
        ended = deleted([link.username]).get(link.username)
        return _ANOTHER if ended is not None and link.made <= ended else None

    def fails(self, why: str) -> Response[str]:
        """Say why the link does not hold: a page for people; NotFound for whoever does not ask for one."""
        if not _wants_page(self._request):
            raise NotFound(f"this link does not work. {why % {'who': self._link.username}}")
        said = self._reader.say(why, who=self._link.username)
        return page(self._reader.say(_NO_LINK), said, status=404, language=self._reader.catalogue.locale)

    def asks(self, token: str, event: Event | None) -> Response[str]:
        """Ask whether the reader acknowledges it, and who they are, where a channel has the link."""
        say, link = self._reader.say, self._link
        what = None if event is None else cut(one_line(_sentence(event, self._reader)), MAX_TOLD)
        said = [say(_TOLD, rule=link.rule) if what is None else say(_TOLD_THIS, rule=link.rule, what=what), say(_IF)]
        name = f'<input name="name" maxlength="{MAX_NAME}" autocomplete="name" required>'
        if link.username:
            said.append(say(_WILL_SAY, who=link.username))
        asks_who = "" if link.username else f"<label>{escape(say(_YOUR_NAME))} {name}</label>"
        return self._page(_ASKS, " ".join(said), form(f"token={token}", say(ACKNOWLEDGE), asks_who))

    def done(self, done: Acknowledgement) -> Response[str]:
        """Say who acknowledged it, and when."""
        at = clock(done.at, self._reader.time_zone)
        return self._page(_DONE, self._reader.say(_BY, who=done.by, rule=self._link.rule, time=at))

    def over(self) -> Response[str]:
        """Say that it has ended."""
        return self._page(_OVER, self._reader.say(_HAS_ENDED, rule=self._link.rule))

    def nothing_left(self) -> Response[str]:
        """Say that it has expired, or began anew."""
        return self._page(_NOTHING, self._reader.say(_GONE, rule=self._link.rule))

    def _page(self, title: str, text: str, more: str = "") -> Response[str]:
        return page(self._reader.say(title), text, more, language=self._reader.catalogue.locale)


def _sentence(event: Event, reader: Reader) -> str:
    if message_of(event.context) is not None:
        return event.summary
    said = sentence_of(event.action, event.user, event.client_ip, event.context, reader.catalogue.gettext)
    return event.summary if said is None else said.text
