"""An event with a user to evaluate expressions on, and the errors of those that fail."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tocsin.expressions import Bindings, Expression, ExpressionError
from tocsin.types import Json, JsonObject

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVENT: JsonObject = {
    "id": "0195",
    "action": "login_failed",
    "app": "authentication",
    "context": {
        "attempts": 6,
        "ratio": 0.5,
        "roles": ["admin", "auditor"],
        "items": [{"name": "a", "count": 1}, {"name": "b", "count": 2}],
        "nothing": None,
        "message": "denied",
    },
    "user": {"username": "alice", "pk": 7, "email": "alice@example.org"},
    "client_ip": "10.0.0.1",
    "created": "2026-03-01T11:59:00Z",
    "brand": {},
    "expires": None,
}
USER: JsonObject = {"username": "alice", "name": "Alice", "groups": ["ops", "admins"], "attributes": {"tier": 1}}


def evaluation_error(source: str, values: Bindings | Mapping[str, Json | datetime]) -> ExpressionError:
    expression = Expression.compile(source)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(values)
    return caught.value
