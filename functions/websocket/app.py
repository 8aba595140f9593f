"""WebSockets. Triggers: the WebSocket API's routes $connect, $disconnect and $default; a schedule, each minute, by
which connections end whose authorisation has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.connections import Connections
from tocsin.aws.environment import Environment
from tocsin.aws.logging import Code, logged, note
from tocsin.aws.secrets import secret_text
from tocsin.errors import TocsinError
from tocsin.identity.store import PeopleStore
from tocsin.live.authority import Authority
from tocsin.live.service import LiveService
from tocsin.live.store import LiveStore
from tocsin.live.wiring import pusher_of
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
admin_secret = environment.text("ADMIN_KEY_SECRET")
service = LiveService(
    store=LiveStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    authority=Authority(
        PeopleStore(clients.dynamodb(), environment.text("CONFIG_TABLE")),
        lambda: secret_text(clients.secretsmanager(), admin_secret, what="reading the admin key"),
    ),
    connections=Connections(clients.connections(environment.text("LIVE_ENDPOINT"))),
    pusher=pusher_of(environment),
)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{statusCode} for a route: another than 200 refuses a connection. {ended} for the schedule."""
    if "requestContext" not in event:
        return {"ended": service.end_unauthorised()}
    about = event["requestContext"]
    try:
        match about["eventType"]:
            case "CONNECT":
                query = event.get("queryStringParameters") or {}
                service.connect(about["connectionId"], query.get("ticket", ""))
            case "DISCONNECT":
                service.disconnect(about["connectionId"])
            case _:
                service.message(about["connectionId"], event.get("body") or "")
    except TocsinError as error:
        note(Code.SOCKET_REFUSED, error.detail, connection_id=about["connectionId"], status=error.status)
        return {"statusCode": error.status}
    return {"statusCode": 200}
