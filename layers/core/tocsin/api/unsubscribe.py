"""/unsubscribe, the link in e-mails: it changes its reader's preferences, and nothing else.

It needs no key: the token in it says that its holder was written to. GET only asks, since mail programs open links by
themselves; POST is what they send for one click (RFC 8058), and what the page's buttons send.
"""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.pages import form, page
from tocsin.api.parameters import request_of
from tocsin.aws.logging import Code, note
from tocsin.config.resources.preferences import PersonalPreferences
from tocsin.errors import Invalid, NotFound
from tocsin.identity.principal import Principal
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.email.unsubscribe import PATH, Subscription, UnsubscribeLinks
from tocsin.times import utc_now

_RULE = "rule"
"""What `only` says where the rule alone is to be muted."""

type Links = Callable[[], UnsubscribeLinks | None]


def add_routes(
    app: APIGatewayHttpResolver, links: Links, preferences: PersonalPreferences, stops: Suppressions
) -> None:
    """Add this subject's routes."""

    @app.get(PATH)
    def ask() -> Response[str]:
        subscription, token = _asked(app, links())
        if isinstance(subscription, str):
            button = form(f"token={token}", "Stop them")
            return page("Stop these e-mails?", f"No more notifications will be sent to {subscription}.", button)
        off = form(f"token={token}", f"No more by {subscription.transport}")
        mute = form(f"token={token}&only={_RULE}", f"Nothing of the rule {subscription.rule}")
        return page("Hear less?", f"This changes what {subscription.username} is told.", off + mute)

    @app.post(PATH)
    def unsubscribe() -> Response[str]:
        subscription, _ = _asked(app, links())
        if isinstance(subscription, str):
            if stops.stop(subscription, SuppressionReason.UNSUBSCRIBED, "by the link in an e-mail", now=utc_now()):
                note(Code.MAIL_UNSUBSCRIBED, "somebody wants no more mail")
            return page("Stopped", f"No more notifications will be sent to {subscription}.")
        if request_of(app).query.get("only") == _RULE:
            return _muted(subscription, preferences)
        return _turned_off(subscription, preferences)


def _turned_off(subscription: Subscription, preferences: PersonalPreferences) -> Response[str]:
    try:
        preferences.turn_off(subscription.username, subscription.transport, _reader(subscription))
    except NotFound:  # nobody of this name is told anything
        return page("Stopped", f"Nothing is sent to {subscription.username} any more.")
    note(Code.TRANSPORT_TURNED_OFF, "by the link in an e-mail", user=subscription.username)
    return page(
        "Stopped",
        f"{subscription.username} is told nothing by {subscription.transport} any more, but of rules that can't be"
        " muted. The preferences turn it on again.",
    )


def _muted(subscription: Subscription, preferences: PersonalPreferences) -> Response[str]:
    try:
        preferences.mute(subscription.username, subscription.rule, _reader(subscription))
    except NotFound:
        return page("Stopped", f"Nothing is sent to {subscription.username} any more.")
    except Invalid:
        return page("Not muted", f"The rule {subscription.rule} can't be muted: whoever configures rules has said so.")
    note(Code.RULE_MUTED, "by the link in an e-mail", user=subscription.username, rule=subscription.rule)
    return page(
        "Muted",
        f"{subscription.username} is told nothing of the rule {subscription.rule} any more. The preferences unmute it.",
    )


def _reader(subscription: Subscription) -> Principal:
    """Who follows a link: as events of the change name them."""
    return Principal("unsubscribe-link", "the link in an e-mail", frozenset(), user=subscription.username)


def _asked(app: APIGatewayHttpResolver, links: UnsubscribeLinks | None) -> tuple[Subscription | str, str]:
    token = request_of(app).query.get("token", "")
    told = None if links is None else links.read(token)
    if told is None:
        raise NotFound("this link is not one of ours; it may have been cut on its way")
    return told, token
