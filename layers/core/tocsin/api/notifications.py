"""GET /notifications: a person's inbox."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import json_response
from tocsin.api.cursors import NAMES
from tocsin.api.parameters import asked, limit_of
from tocsin.errors import Invalid, Violation
from tocsin.identity.principal import Principal, Scope
from tocsin.notifications.inbox_store import InboxStore
from tocsin.times import utc_now


def add_routes(app: APIGatewayHttpResolver, inboxes: InboxStore) -> None:
    """Add this subject's routes."""

    @app.get("/notifications")
    def inbox() -> Response[str]:
        request, principal = asked(app, Scope.NOTIFICATIONS, query=("user", "limit", "cursor"))
        username = _whose(principal, request.query.get("user"))
        now = utc_now()
        after = NAMES.read(request.query.get("cursor"))
        page = inboxes.page(username, after=after, limit=limit_of(request, 50), now=now)
        return json_response(
            200,
            {
                "user": username,
                "items": list(page.items),
                "unread": inboxes.unread(username, now=now),
                "cursor": NAMES.write(page.last),
            },
        )


def _whose(principal: Principal, asked: str | None) -> str:
    """Whose inbox: the key's person's; another's only for a key that may read all events."""
    if asked is not None and asked != principal.user:
        principal.require(Scope.EVENTS_READ)
        return asked
    if principal.user is None:
        raise Invalid([Violation("user", "this key stands for nobody; say whose inbox")])
    return principal.user
