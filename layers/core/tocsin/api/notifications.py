"""GET /notifications: a person's inbox."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tocsin.api.answers import as_cursor, check_query, cursor_of, json_response, limit_of, request_of
from tocsin.errors import Invalid, Violation
from tocsin.identity.principal import Principal, Scope, authorize
from tocsin.notifications.inbox_store import InboxStore
from tocsin.times import utc_now


def add_routes(app: APIGatewayHttpResolver, inboxes: InboxStore) -> None:
    """Add this subject's routes."""

    @app.get("/notifications")
    def inbox() -> Response[str]:
        request = request_of(app)
        principal = authorize(request, Scope.NOTIFICATIONS)
        check_query(request, "user", "limit", "cursor")
        username = _whose(principal, request.query.get("user"))
        now = utc_now()
        page = inboxes.page(username, after=cursor_of(request), limit=limit_of(request, 50), now=now)
        return json_response(
            200,
            {
                "user": username,
                "items": list(page.items),
                "unread": inboxes.unread(username, now=now),
                "cursor": as_cursor(page.last),
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
