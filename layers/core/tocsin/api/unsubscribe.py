"""/unsubscribe, the link in e-mails: it changes its reader's preferences, and nothing else.

It needs no key: the token in it says that its holder was written to. GET only asks, since mail programs open links by
themselves; POST is what they send for one click (RFC 8058), and what the page's buttons send.
"""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.acknowledge import no_link
from tocsin.api.languages import Reader, Readers
from tocsin.api.pages import form, page
from tocsin.api.parameters import request_of
from tocsin.aws.logging import Code, note
from tocsin.config.resources.preferences import NotToBeMuted, PersonalPreferences
from tocsin.errors import Invalid, NotFound
from tocsin.identity.principal import Principal
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.email.unsubscribe import PATH, Subscription, UnsubscribeLinks
from tocsin.times import utc_now

_RULE = "rule"
"""What `only` says where the rule alone is to be muted."""

_ASKS_STOP, _NO_MORE = "Stop these e-mails?", "No more notifications will be sent to %(who)s."
_STOP, _STOPPED = "Stop them", "Stopped"
_ASKS_LESS, _CHANGES = "Hear less?", "This changes what %(who)s is told."
_OFF, _MUTE = "No more by %(transport)s", "Nothing of the rule %(rule)s"
_NOTHING_SENT = "Nothing is sent to %(who)s any more."
_IS_OFF = (
    "%(who)s is told nothing by %(transport)s any more, but of rules that can't be muted."
    " The preferences turn it on again."
)
_NOT_MUTED, _REFUSED = "Not muted", "The rule %(rule)s can't be muted: whoever configures rules has said so."
_MUTED, _IS_MUTED = "Muted", "%(who)s is told nothing of the rule %(rule)s any more. The preferences unmute it."
_NOT_CHANGED = "Not changed"
_FULL = "The preferences of %(who)s hold no more of these: some have to be taken out there first."
MESSAGES = frozenset(
    (
        *(_ASKS_STOP, _NO_MORE, _STOP, _STOPPED, _ASKS_LESS, _CHANGES, _OFF, _MUTE, _NOTHING_SENT, _IS_OFF),
        *(_NOT_MUTED, _REFUSED, _MUTED, _IS_MUTED, _NOT_CHANGED, _FULL),
    )
)
"""What the pages say, as in the catalogues."""

type Links = Callable[[], UnsubscribeLinks | None]


def add_routes(
    app: APIGatewayHttpResolver,
    links: Links,
    preferences: PersonalPreferences,
    stops: Suppressions,
    readers: Readers,
) -> None:
    """Add this subject's routes. `readers` finds in which language somebody reads the pages."""

    @app.get(PATH)
    def ask() -> Response[str]:
        asked, token = _asked(app, links(), preferences)
        if asked is None:
            return no_link(app, readers)
        reader = _reads(app, readers, asked)
        if isinstance(asked, str):
            return _page(reader, _ASKS_STOP, _NO_MORE, form(f"token={token}", reader.say(_STOP)), who=asked)
        off = form(f"token={token}", reader.say(_OFF, transport=asked.transport))
        mute = form(f"token={token}&only={_RULE}", reader.say(_MUTE, rule=asked.rule))
        return _page(reader, _ASKS_LESS, _CHANGES, off + mute, who=asked.username)

    @app.post(PATH)
    def unsubscribe() -> Response[str]:
        asked, _ = _asked(app, links(), preferences)
        if asked is None:
            return no_link(app, readers)
        reader = _reads(app, readers, asked)
        if isinstance(asked, str):
            if stops.stop(asked, SuppressionReason.UNSUBSCRIBED, "by the link in an e-mail", now=utc_now()):
                note(Code.MAIL_UNSUBSCRIBED, "somebody wants no more mail")
            return _page(reader, _STOPPED, _NO_MORE, who=asked)
        if request_of(app).query.get("only") == _RULE:
            return _muted(asked, preferences, reader)
        return _turned_off(asked, preferences, reader)


def _turned_off(asked: Subscription, preferences: PersonalPreferences, reader: Reader) -> Response[str]:
    try:
        preferences.turn_off(asked.username, asked.transport, _principal(asked))
    except NotFound:  # nobody of this name is told anything
        return _page(reader, _STOPPED, _NOTHING_SENT, who=asked.username)
    except Invalid:
        return _page(reader, _NOT_CHANGED, _FULL, who=asked.username)
    note(Code.TRANSPORT_TURNED_OFF, "by the link in an e-mail", user=asked.username)
    return _page(reader, _STOPPED, _IS_OFF, who=asked.username, transport=asked.transport)


def _muted(asked: Subscription, preferences: PersonalPreferences, reader: Reader) -> Response[str]:
    try:
        preferences.mute(asked.username, asked.rule, _principal(asked))
    except NotFound:
        return _page(reader, _STOPPED, _NOTHING_SENT, who=asked.username)
    except NotToBeMuted:
        return _page(reader, _NOT_MUTED, _REFUSED, rule=asked.rule)
    except Invalid:
        return _page(reader, _NOT_CHANGED, _FULL, who=asked.username)
    note(Code.RULE_MUTED, "by the link in an e-mail", user=asked.username, rule=asked.rule)
    return _page(reader, _MUTED, _IS_MUTED, who=asked.username, rule=asked.rule)


def _page(reader: Reader, title: str, text: str, more: str = "", **values: str) -> Response[str]:
    return page(reader.say(title), reader.say(text, **values), more, language=reader.catalogue.locale)


def _reads(app: APIGatewayHttpResolver, readers: Readers, asked: Subscription | str) -> Reader:
    """Who reads the page: the person whose link it is, or whoever has the address that it names."""
    return readers.of(request_of(app), "" if isinstance(asked, str) else asked.username)


def _principal(subscription: Subscription) -> Principal:
    """Who follows a link: as events of the change name them."""
    return Principal("unsubscribe-link", "the link in an e-mail", frozenset(), user=subscription.username)


def _asked(
    app: APIGatewayHttpResolver, links: UnsubscribeLinks | None, preferences: PersonalPreferences
) -> tuple[Subscription | str | None, str]:
    """What the link is for, None where it is none of ours; and its token.

    It is for the address alone where that is not the person's: they have another one now, or somebody else their name.
    """
    token = request_of(app).query.get("token", "")
    found = None if links is None else links.read(token)
    if isinstance(found, Subscription) and found.address:
        address = _spelled(preferences.address(found.username))
        return (found if address.casefold() == found.address.casefold() else found.address), token
    return found, token


def _spelled(address: str) -> str:
    """The address as mails are sent to it, its domain in ASCII; blank where none is."""
    from tocsin.notifications.email.address import NoAddress, mail_address  # noqa: PLC0415 - few follow a link

    try:
        return mail_address(address)
    except NoAddress:
        return ""
