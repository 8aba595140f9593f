"""/transports/{name}/test, …/breaker: whether a transport works; and /unsubscribe, the link in its e-mails."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.parameters import asked, request_of, username_of
from tocsin.api.paths import name_of
from tocsin.aws.logging import Code, note
from tocsin.deliveries.service import DeliveryService
from tocsin.errors import NotFound
from tocsin.identity.principal import Scope
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.email.unsubscribe import PATH, UnsubscribeLinks
from tocsin.notifications.outcome import State
from tocsin.times import utc_now

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Notifications</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 32rem;
margin: 4rem auto; padding: 0 1rem }} button {{ font: inherit; padding: .5rem 1rem }}</style></head>
<body>{content}</body></html>
"""
_ASKS = (
    "<h1>Stop these e-mails?</h1><p>No more notifications will be sent to {address}.</p>"
    '<form method="post" action="?token={token}"><button>Stop them</button></form>'
)
_STOPPED = "<h1>Stopped</h1><p>No more notifications will be sent to {address}.</p>"


def add_routes(
    app: APIGatewayHttpResolver,
    service: DeliveryService,
    stops: Suppressions,
    links: Callable[[], UnsubscribeLinks | None],
) -> None:
    """Add this subject's routes."""

    @app.post("/transports/<name>/test")
    def test(name: str) -> Response[str]:
        request, principal = asked(app, Scope.CONFIG_WRITE, query=("user",))
        delivery = service.test(name_of(name), username_of(request) or principal.user)
        return json_response(200 if State(str(delivery["state"])).final else 202, delivery)

    @app.get("/transports/<name>/breaker")
    def breaker(name: str) -> Response[str]:
        asked(app, Scope.EVENTS_READ)
        return json_response(200, service.breaker(name_of(name)).to_json())

    @app.post("/transports/<name>/breaker/reset")
    def reset(name: str) -> Response[str]:
        asked(app, Scope.CONFIG_WRITE)
        return json_response(200, service.reset(name_of(name)).to_json())

    # These two need no key: the token in the link says that its holder was written to. GET only asks, since mail
    # programs open links by themselves; POST is what they send for one click (RFC 8058).
    @app.get(PATH)
    def ask() -> Response[str]:
        address, token = _address(app, links())
        return _page(_ASKS.format(address=escape(address), token=escape(token)))

    @app.post(PATH)
    def unsubscribe() -> Response[str]:
        address, _ = _address(app, links())
        if stops.stop(address, SuppressionReason.UNSUBSCRIBED, "by the link in an e-mail", now=utc_now()):
            note(Code.MAIL_UNSUBSCRIBED, "somebody wants no more mail")
        return _page(_STOPPED.format(address=escape(address)))


def _address(app: APIGatewayHttpResolver, links: UnsubscribeLinks | None) -> tuple[str, str]:
    token = request_of(app).query.get("token", "")
    address = None if links is None else links.address_of(token)
    if address is None:
        raise NotFound("this link is not one of ours; it may have been cut on its way")
    return address, token


def _page(content: str) -> Response[str]:
    return Response(
        status_code=200,
        content_type="text/html; charset=utf-8",
        headers={
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        },
        body=_PAGE.format(content=content),
    )
