"""The content of a notification in one language: the same for e-mail, chat and inbox, which differ only in layout.

First the sentence (who did what, on what, from where), when, and what to do next; then the event's other values, each
with a label, technical ones last. No value is shown twice. At the end, why the person is notified, and how to get
fewer notifications.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from tocsin.events.model import UNDETERMINED_IP
from tocsin.events.summary import Said, capitalized, message_of, person_of, said_of, sentence_of
from tocsin.notifications.acknowledge_links import ACKNOWLEDGE
from tocsin.notifications.actions import advice_of, title_of
from tocsin.notifications.context import COLOURS, RenderingContext, web_link
from tocsin.notifications.labels import is_technical, label_of
from tocsin.notifications.model import Severity
from tocsin.notifications.remarks import translated
from tocsin.notifications.text import cut_line, one_line, plain
from tocsin.notifications.translations import Catalogue
from tocsin.records import dataclass
from tocsin.times import UnknownZone, in_zone, iso, zone_of
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
_EVENTS = "Open the events"
_TOGETHER = "Your preferences have these told together."
_BY_GROUP = "Rule “%(rule)s” has these told together."
_PREFERENCES = "Set preferences"
_OVER, _ESCALATED = "Over: %(what)s", "Escalated: %(what)s"
_MUTE, _QUIET = "Mute this rule", "Set quiet hours"

MESSAGES = frozenset(
    (
        *SEVERITY_LABELS.values(),
        *(_BY_IN, _BY, _IN, _FROM, _OF_GROUP, _ABOUT_YOU, _BY_RULE),
        *(_CHANNEL_FOR_GROUP, _CHANNEL_FOR_USER, _CHANNEL_OF_GROUP, _CHANNEL),
        *(_DETAILS, _RUNBOOK, _EVENT, _STORY, _MUTE, _QUIET),
        *(ACKNOWLEDGE, NEXT, _FOLLOW, _EVENTS, _TOGETHER, _BY_GROUP, _PREFERENCES, _OVER, _ESCALATED),
        *("Person", "E-mail", "From", "Network", "Event ID", "Action", "Transport", "Request", "Application"),
        *("yes", "no"),
    )
)
"""The messages of this module, as in the catalogues."""

_SAID_ELSEWHERE = frozenset({"message", "hyperlink", "hyperlink_label", "geo", "asn", "http_request"})
_LEAST_TELLING = 3
"""Least characters of a value that is left out where the text has it already. Shorter ones may be there by chance."""
MAX_LINE = 200
"""Most UTF-16 code units of one notification in a digest's list."""
MAX_LISTED = 10
"""Most values of a list that are shown."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of the event and its label."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link to further information."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Words:
    """The content of a notification. Texts may come from outside: each medium escapes and cuts them.

    `links` lead to further information, the most important first; `settings` lead to where the person can reduce
    notifications. `acknowledge` is the link by which it is acknowledged, None where it can't be: it stands before all
    others, and never in place of the one that leads to details. `app` is blank where `text` contains it.
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
    acknowledge: Link | None = None


def words_of(context: RenderingContext, catalogue: Catalogue, *, channel: bool = False) -> Words:
    """Word `context` in the language of `catalogue`, for its person, or for a `channel` with times in UTC."""
    if context.digest is not None:
        return _of_digest(context, context.digest, catalogue, channel=channel)
    event, gettext = context.event, catalogue.gettext
    title = one_line(context.title) if context.title else title_of(context.action or "", gettext)
    form = _OVER if context.over else _ESCALATED if context.step else None
    text, said = _text(context, catalogue)
    facts = [*_facts(context, catalogue, text, said)]
    technical = [fact for fact, is_for_experts in facts if is_for_experts]
    zone = "UTC" if channel or context.user is None else context.user.time_zone
    return Words(
        locale=catalogue.locale,
        title=gettext(form) % {"what": title or context.rule} if form else title,
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
        acknowledge=Link(gettext(ACKNOWLEDGE), context.acknowledge) if context.acknowledge else None,
    )


def _of_digest(context: RenderingContext, digest: Digest, catalogue: Catalogue, *, channel: bool) -> Words:
    """Word several notifications that a rule's grouping or a person's digest combined."""
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
        acknowledge=Link(gettext(ACKNOWLEDGE), context.acknowledge) if context.acknowledge else None,
    )


def _line(context: RenderingContext, told: Notification, catalogue: Catalogue, zone: str) -> str:
    """Word one of several notifications in a line: time, severity, text and rule."""
    one = replace(context, event=told.event, notification=told, rule=told.rule, digest=None, own=None, title=None)
    severity = catalogue.gettext(SEVERITY_LABELS[told.severity])
    return f"{clock(told.event.created, zone)[:16]} {severity}: {in_one_line(one, catalogue)} ({told.rule})"


def in_one_line(context: RenderingContext, catalogue: Catalogue, *, titled: bool = True) -> str:
    """Say what happened in at most MAX_LINE code units, with the title unless the sentence says the same.

    A remark behind it is kept: it says whether somebody took it.
    """
    text, said = _text(context, catalogue)
    if titled and (said is None or said.app):  # a known action's sentence says what its title says
        text = " · ".join(part for part in (title_of(context.action or "", catalogue.gettext), text) if part)
    return cut_line(text, MAX_LINE, _behind(context.notification.remark, catalogue))


def clock(moment: datetime, zone: str) -> str:
    """Format `moment` in `zone`, with the zone's abbreviation: `2026-03-01 13:00:00 CET`."""
    try:
        there = in_zone(moment, zone_of(zone or "UTC"))
    except UnknownZone:  # one that a newer tz database had
        there = in_zone(moment, UTC)
    return f"{there:%Y-%m-%d %H:%M:%S} {there.tzname()}"


# ── the sentence ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _InText:
    """The values that the sentence already contains."""

    keys: frozenset[str]
    person: bool
    origin: bool
    app: bool = False


def _text(context: RenderingContext, catalogue: Catalogue) -> tuple[str, _InText | None]:
    """Return the sentence and the values in it; None for a text that the rule, a mapping or the producer gave."""
    event, notification = context.event, context.notification
    remark = notification.remark
    behind = _behind(remark, catalogue)
    if notification.body != notification.standard_body:
        given = f" ({remark})"
        has_it = bool(remark) and notification.body.endswith(given)
        return notification.body.removesuffix(given) + behind if has_it else notification.body, None
    message = message_of(event.context)
    said = None
    if message is None:
        text, said = _sentence(context, catalogue)
    else:
        text = message
    return text + behind, said


def _behind(remark: str | None, catalogue: Catalogue) -> str:
    return f" ({translated(remark, catalogue)})" if remark else ""


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
    """Return the client's address, with its location where that is known: `203.0.113.7 (Berlin, DE)`."""
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
    """Yield the facts that the text does not contain, each with whether it is technical."""
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
    """Yield the values not to be shown again."""
    event = context.event
    yield text
    yield from (each for each in (event.username, event.user_email, event.client_ip, event.app) if each)
    if context.user is not None:
        yield from (context.user.username, context.user.email)


def _person(user: JsonObject, *, named: bool) -> str | None:
    """Return the user's name and e-mail address; where the sentence has `named` the user, only what it left out."""
    name, email = person_of(user), said_of(user.get("email"))
    also = email if email != name else None
    if named or name is None:
        return also
    return f"{name} ({also})" if also else name


def _shown(value: Json, catalogue: Catalogue) -> str | None:
    """Format a value for people; None for anything but short texts, numbers, names and lists of these."""
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
    """Yield the facts about the notification itself, from which its origin can be found."""
    if context.action:
        yield Fact(catalogue.gettext("Action"), context.action)
    yield Fact(catalogue.gettext("Event ID"), context.event.id)
    if context.user is not None and context.user.superuser:
        yield Fact(catalogue.gettext("Transport"), context.transport.name)


def _advice(context: RenderingContext, catalogue: Catalogue) -> str | None:
    """Return what to do next; None where the rule's own body replaces the standard text."""
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
    """Whether the person is notified as the event's own user."""
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
    """Yield the links with which a person can reduce notifications."""
    if not context.console or context.user is None or context.own is None:
        return
    page = f"{context.console}#/preferences"
    if context.own.can_be_muted:
        yield Link(catalogue.gettext(_MUTE), f"{page}?rule={quote(context.rule, safe='')}")
    yield Link(catalogue.gettext(_QUIET), f"{page}?show=quiet-hours")
