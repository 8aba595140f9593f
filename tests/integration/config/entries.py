"""An entry of each kind of the configuration, and another of the same name to replace it."""

from typing import Any

from tests.integration.conftest import Stack

POLICY = {"kind": "event_matcher", "action": "login_failed"}
RULE = {"transports": ["hook"], "destination_group": "oncall", "bindings": [{"policy": "failed"}]}
ENTRIES: dict[str, dict[str, Any]] = {
    "/users/alice": {"email": "alice@example.com"},
    "/groups/oncall": {"children": []},
    "/mappings/brief": {"expression": "{'text': notification.body}"},
    "/transports/hook": {"mode": "webhook", "url": "http://127.0.0.1:9/hook", "body_mapping": "brief"},
    "/policies/failed": POLICY,
    "/rules/failed-logins": RULE,
    "/keys/shop": {"scopes": ["events:write"]},
    "/silences/deploy": {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "/users/alice": {"email": "other@example.com"},
    "/groups/oncall": {"children": ["admins"]},
    "/mappings/brief": {"expression": "{'text': event.action}"},
    "/transports/hook": {"mode": "webhook", "url": "http://127.0.0.1:9/other"},
    "/policies/failed": {"kind": "event_matcher", "action": "login"},
    "/rules/failed-logins": RULE | {"severity": "alert"},
    "/keys/shop": {"scopes": ["events:read"]},
    "/silences/deploy": {"matcher": {"app": "shop"}, "ends": "2998-01-01T00:00:00Z"},
}


def changes(stack: Stack, kind: str) -> list[dict[str, Any]]:
    return [event for event in stack.events() if event["context"].get("model", {}).get("model_name") == kind]
