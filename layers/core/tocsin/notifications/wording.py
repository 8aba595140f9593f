"""What a notification says, in one language: the same for e-mail, chat and inbox, which only lay it out.

Who did what, on what, from where, when, and what to do next; then what the event holds beside that, each value under
a label; what is of use only to who looks into it stands last. Nothing is said twice. Last of all, why one is told, and
how to hear less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from tocsin.events.model import UNDETERMINED_IP
from tocsin.events.summary import Said, capitalized, message_of, person_of, said_of, sentence_of
from tocsin.notifications.actions import advice_of, title_of
from tocsin.notifications.context import COLOURS, RenderingContext, web_link
from tocsin.notifications.labels import is_technical, label_of
from tocsin.notifications.model import Severity
from tocsin.notifications.text import cut, one_line, plain
from tocsin.notifications.translations import Catalogue
from tocsin.times import UnknownZone, iso, zone_of
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.notifications.digest import Digest
    from tocsin.notifications.model import Notification

SEVERITY_LABELS = {Severity.NOTICE: "Notice", Severity.WARNING: "Warning", Severity.ALERT: "Alert"}

_BY_IN, _BY, _IN = "By %(who)s in %(app)s", "By %(who)s", "In %(app)s"
_FROM = "%(sentence)s from %(origin)s"
_OF_GROUP = "You are told since you are in “%(group)s” and rule “%(rule)s” fired."
_ABOUT_YOU = "You are told since it is about you and rule “%(rule)s” fired."
_BY_RULE = "You are told since rule “%(rule)s” fired."
_CHANNEL_FOR_GROUP = "For %(user)s, who is in “%(group)s”: rule “%(rule)s” fired."
_CHANNEL_FOR_USER = "For %(user)s: rule “%(rule)s” fired."
_CHANNEL_OF_GROUP = "For “%(group)s”: rule “%(rule)s” fired."
_CHANNEL = "Rule “%(rule)s” fired."
NEXT = "What to do next"
"""The label of what to do next."""

_FOLLOW = "Follow the runbook."
_DETAILS, _RUNBOOK, _EVENT, _STORY = "Show details", "Runbook", "Open the event", "Who was told"
_MORE_HELD = "and %(count)s more held back"
_HELD_BACK = re.compile("and ([0-9,]+) more held back")
"""What the matcher remarks."""
_EVENTS = "Open the events"
_TOGETHER = "Your preferences have these told together."
_BY_GROUP = "Rule “%(rule)s” has these told together."
_PREFERENCES = "Set preferences"
_OVER = "Over: %(what)s"
_MUTE, _QUIET = "Mute this rule", "Set quiet hours"

MESSAGES = frozenset(
    (
        *SEVERITY_LABELS.values(),
        *(_BY_IN, _BY, _IN, _FROM, _OF_GROUP, _ABOUT_YOU, _BY_RULE),
        *(_CHANNEL_FOR_GROUP, _CHANNEL_FOR_USER, _CHANNEL_OF_GROUP, _CHANNEL),
        *(_DETAILS, _RUNBOOK, _EVENT, _STORY, _MUTE, _QUIET),
        *(NEXT, _FOLLOW, _MORE_HELD, _EVENTS, _TOGETHER, _BY_GROUP, _PREFERENCES, _OVER),
        *("Person", "E-mail", "From", "Network", "Event ID", "Action", "Transport", "Request", "Application"),
        *("yes", "no"),
    )
)
"""What is said here, as catalogues have it."""

_SAID_ELSEWHERE = frozenset({"message", "hyperlink", "hyperlink_label", "geo", "asn", "http_request"})
_LEAST_TELLING = 3
"""Characters of a value that is not shown again where it was said: shorter ones mean something else each time."""
MAX_LINE = 200
"""Code units of one notification's words among several."""
MAX_LISTED = 10
"""Values of a list that are shown."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of the event, and what it is called."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where one may go on."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a notification says. Texts may hold what outsiders typed: each medium makes them harmless, and cuts them.

    `links` lead on, the most important first; `settings` to where one hears less. `app` is blank where `text` names it.
    """

    locale: str
    title: str | None
    text: str
    severity: str
    colour: str
    time: str
    app: str
    facts: tuple[Fact, ...]
    technical: tuple[Fact, ...]
    advice: str | None
    why: str
    links: tuple[Link, ...]
    settings: tuple[Link, ...]


def words_of(context: RenderingContext, catalogue: Catalogue, *, channel: bool = False) -> Words:
    """What `context` says in the language of `catalogue`, to its person; or to a `channel`, in UTC."""
    if context.digest is not None:
        return _of_digest(context, context.digest, catalogue, channel=channel)
    event, gettext = context.event, catalogue.gettext
    title = one_line(context.title) if context.title else title_of(context.action or "", gettext)
    text, said = _text(context, catalogue)
    facts = [*_facts(context, catalogue, text, said)]
    technical = [fact for fact, is_for_experts in facts if is_for_experts]
    zone = "UTC" if channel or context.user is None else context.user.time_zone
    return Words(
        locale=catalogue.locale,
        title=gettext(_OVER) % {"what": title or context.rule} if context.over else title,
        text=text,
        severity=gettext(SEVERITY_LABELS[context.severity]),
        colour=COLOURS[context.severity],
        time=clock(event.created, zone),
        app="" if said is not None and said.app else one_line(event.app),
        facts=tuple(fact for fact, is_for_experts in facts if not is_for_experts),
        technical=(*_about_itself(context, catalogue), *technical),
        advice=_advice(context, catalogue),
        why=_why(context, catalogue, channel=channel),
        links=tuple(_links(context, catalogue)),
        settings=() if channel and context.transport.send_once else tuple(_settings(context, catalogue)),
    )


def _of_digest(context: RenderingContext, digest: Digest, catalogue: Catalogue, *, channel: bool) -> Words:
    """What is said of several notifications that a rule, or a person's preferences, have told together."""
    gettext, console = catalogue.gettext, context.console
    zone = "" if channel or context.user is None else context.user.time_zone
    settings = Link(gettext(_PREFERENCES), f"{console}#/preferences")
    events = f"{console}#/events?since={quote(iso(digest.since), safe='')}"
    return Words(
        locale=catalogue.locale,
        title=gettext(_OVER) % {"what": digest.title(gettext)} if digest.over else digest.title(gettext),
        text=digest.text(gettext, [_line(context, each, catalogue, zone) for each in digest.first]),
        severity=gettext(SEVERITY_LABELS[context.severity]),
        colour=COLOURS[context.severity],
        time=clock(digest.since, zone),
        app="",
        facts=tuple(Fact(label, value) for label, value in digest.facts(gettext)),
        technical=(),
        advice=None,
        why=gettext(_BY_GROUP) % {"rule": context.rule} if digest.cause == "group" else gettext(_TOGETHER),
        links=(Link(gettext(_EVENTS), events),) if console else (),
        settings=() if not console or (channel and context.transport.send_once) else (settings,),
    )


def _line(context: RenderingContext, told: Notification, catalogue: Catalogue, zone: str) -> str:
    """One of several notifications: when, how severe, what, and by which rule."""
    one = replace(context, event=told.event, notification=told, rule=told.rule, digest=None, own=None, title=None)
    severity = catalogue.gettext(SEVERITY_LABELS[told.severity])
    return f"{clock(told.event.created, zone)[:16]} {severity}: {in_one_line(one, catalogue)} ({told.rule})"


def in_one_line(context: RenderingContext, catalogue: Catalogue, *, titled: bool = True) -> str:
    """What happened, in at most MAX_LINE code units; with the title, unless that is said already."""
    text, said = _text(context, catalogue)
    if titled and (said is None or said.app):  # a known action's sentence says what its title says
        text = " · ".join(part for part in (title_of(context.action or "", catalogue.gettext), text) if part)
    return cut(one_line(text), MAX_LINE)


def clock(moment: datetime, zone: str) -> str:
    """`moment` as clocks of `zone` show it, with the zone's name: 2026-03-01 13:00:00 CET."""
    try:
        there = moment.astimezone(zone_of(zone or "UTC"))
    except UnknownZone:  # one that a newer tz database had
        there = moment.astimezone(UTC)
    return f"{there:%Y-%m-%d %H:%M:%S} {there.tzname()}"


# ── the sentence ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _InText:
    """What the sentence says already."""

    keys: frozenset[str]
    person: bool
    origin: bool
    app: bool = False


def _text(context: RenderingContext, catalogue: Catalogue) -> tuple[str, _InText | None]:
    """The sentence, and what it says; None for a text that the rule, a mapping or the producer gave."""
    event, notification = context.event, context.notification
    if notification.body != notification.standard_body:
        return notification.body, None
    message = message_of(event.context)
    said = None
    if message is None:
        text, said = _sentence(context, catalogue)
    else:
        text = message
    return f"{text} ({_remark(notification.remark, catalogue)})" if notification.remark else text, said


def _remark(remark: str, catalogue: Catalogue) -> str:
    """A remark in the catalogue's language: how many more a throttle held back."""
    found = _HELD_BACK.fullmatch(remark)
    return catalogue.gettext(_MORE_HELD) % {"count": found[1]} if found else remark


def _sentence(context: RenderingContext, catalogue: Catalogue) -> tuple[str, _InText]:
    event = context.event
    origin = _origin(context)
    known: Said | None = sentence_of(event.action, event.user, origin, event.context, catalogue.gettext)
    if known is not None:
        text = known.text if known.opens_with_name else capitalized(known.text)
        return text, _InText(known.keys, known.who, known.origin)
    who, app = context.event_user, one_line(event.app)
    form = _BY_IN if who and app else _BY if who else _IN if app else context.action or "-"
    text = catalogue.gettext(form) % {"who": one_line(who or ""), "app": app} if form in MESSAGES else form
    if origin:
        text = catalogue.gettext(_FROM) % {"sentence": text, "origin": origin}
    return text, _InText(frozenset(), person=who is not None, origin=origin is not None, app=True)


def _origin(context: RenderingContext) -> str | None:
    """The client's address, with the place where it is known: `203.0.113.7 (Berlin, DE)`."""
    event = context.event
    if event.client_ip is None or event.client_ip == UNDETERMINED_IP:
        return None
    geo = event.context.get("geo")
    parts = [said_of(geo.get(name)) for name in ("city", "country")] if isinstance(geo, dict) else []
    place = ", ".join(part for part in parts if part)
    return f"{event.client_ip} ({place})" if place else event.client_ip


# ── the facts ────────────────────────────────────────────────────────────────


def _facts(
    context: RenderingContext, catalogue: Catalogue, text: str, said: _InText | None
) -> Iterator[tuple[Fact, bool]]:
    """What the text does not say, and whether it is technical."""
    event, gettext = context.event, catalogue.gettext
    named = said is not None and said.person
    person = _person(event.user, named=named)
    if person:
        yield Fact(gettext("E-mail" if named else "Person"), person), False
    origin = _origin(context)
    if origin and not (said is not None and said.origin):
        yield Fact(gettext("From"), origin), False
    asn = event.context.get("asn")
    network = said_of(asn.get("as_org")) if isinstance(asn, dict) else None
    if network:
        yield Fact(gettext("Network"), network), False
    known = {one_line(value).lower() for value in _told(context, text) if len(value) >= _LEAST_TELLING}
    for key, value in event.context.items():
        if key in _SAID_ELSEWHERE or (said is not None and key in said.keys):
            continue
        shown = _shown(value, catalogue)
        if shown and one_line(shown).lower() not in known:
            yield Fact(label_of(key, gettext), shown), is_technical(key, shown)
    request = event.context.get("http_request")
    if isinstance(request, dict):
        yield from ((fact, True) for fact in _request(request, catalogue))


def _told(context: RenderingContext, text: str) -> Iterator[str]:
    """Values that are not to be said again."""
    event = context.event
    yield text
    yield from (each for each in (event.username, event.user_email, event.client_ip, event.app) if each)
    if context.user is not None:
        yield from (context.user.username, context.user.email)


def _person(user: JsonObject, *, named: bool) -> str | None:
    """What an event's user is called, with the address; only what is not said where it is `named`."""
    name, email = person_of(user), said_of(user.get("email"))
    also = email if email != name else None
    if named or name is None:
        return also
    return f"{name} ({also})" if also else name


def _shown(value: Json, catalogue: Catalogue) -> str | None:
    """A value as people read it; None for what is no short text, number, name or list of them."""
    match value:
        case bool():
            return catalogue.gettext("yes" if value else "no")
        case str():
            return plain(value).strip()
        case list():
            each = [said_of(item) for item in value[: MAX_LISTED + 1]]
            words = [word for word in each if word]
            if not words or len(words) < len(each):
                return None
            return ", ".join(words[:MAX_LISTED]) + (", …" if len(words) > MAX_LISTED else "")
        case dict():
            kind, name = said_of(value.get("model_name")), said_of(value)
            return f"{kind} {name}" if kind and name else name
    return said_of(value)


def _request(request: JsonObject, catalogue: Catalogue) -> Iterator[Fact]:
    method, path = said_of(request.get("method")), said_of(request.get("path"))
    if path:
        yield Fact(catalogue.gettext("Request"), f"{method} {path}" if method else path)
    for key in ("user_agent", "request_id"):
        value = said_of(request.get(key))
        if value:
            yield Fact(label_of(key, catalogue.gettext), value)


def _about_itself(context: RenderingContext, catalogue: Catalogue) -> Iterator[Fact]:
    """What leads from the notification back to where it is from."""
    if context.action:
        yield Fact(catalogue.gettext("Action"), context.action)
    yield Fact(catalogue.gettext("Event ID"), context.event.id)
    if context.user is not None and context.user.superuser:
        yield Fact(catalogue.gettext("Transport"), context.transport.name)


def _advice(context: RenderingContext, catalogue: Catalogue) -> str | None:
    """What to do next; None where a rule says in its body what is to be said."""
    own = context.own
    if own is not None and own.runbook:
        return catalogue.gettext(_FOLLOW)
    return None if own is not None and own.body else advice_of(context.event.action, catalogue.gettext)


# ── why, and where to go on ──────────────────────────────────────────────────


def _why(context: RenderingContext, catalogue: Catalogue, *, channel: bool) -> str:
    own = context.own
    user, group = context.user, own.group if own else None
    if not channel:
        form = _ABOUT_YOU if _is_about(context) else _OF_GROUP if group else _BY_RULE
    elif context.transport.send_once or user is None:
        form = _CHANNEL_OF_GROUP if group else _CHANNEL
    else:
        form = _CHANNEL_FOR_GROUP if group and not _is_about(context) else _CHANNEL_FOR_USER
    name = user.username if user else ""
    return catalogue.gettext(form) % {"group": group, "rule": context.rule, "user": name}


def _is_about(context: RenderingContext) -> bool:
    """Whether one is told as the event's own user."""
    own, user, event = context.own, context.user, context.event
    if own is None or user is None or not own.event_user:
        return False
    return user.username == event.username or (user.pk is not None and str(user.pk) == str(event.user.get("pk")))


def _links(context: RenderingContext, catalogue: Catalogue) -> Iterator[Link]:
    gettext, own = catalogue.gettext, context.own
    runbook = web_link(own.runbook) if own else None
    if runbook is not None:
        yield Link(gettext(_RUNBOOK), runbook)
    if context.link is not None:
        yield Link(one_line(context.notification.hyperlink_label or "") or gettext(_DETAILS), context.link)
    if context.console and own is not None:  # a test's event, of no rule, is stored nowhere
        page = f"{context.console}#/events?event={context.event.id}"
        yield Link(gettext(_EVENT), page)
        yield Link(gettext(_STORY), f"{page}&show=story")


def _settings(context: RenderingContext, catalogue: Catalogue) -> Iterator[Link]:
    """Where a person hears less."""
    if not context.console or context.user is None or context.own is None:
        return
    page = f"{context.console}#/preferences"
    if context.own.can_be_muted:
        yield Link(catalogue.gettext(_MUTE), f"{page}?rule={quote(context.rule, safe='')}")
    yield Link(catalogue.gettext(_QUIET), f"{page}?show=quiet-hours")
