"""Probes of WebSockets: the websocket function, and what others send to connections.

Their connections are none: API Gateway says that they are gone, which only whoever may send to them is told, and then
they are forgotten.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.stack.permissions import Permission
from tests.stack.probes.deliveries import deliver
from tests.stack.probes.events import match, record_of
from tests.stack.probes.over_http import ask, request
from tests.stack.probes.stage import Payload, Probe, Stage, done, new_event, new_message
from tocsin.identity.api_keys import ADMIN_KEY_ID
from tocsin.identity.principal import Scope
from tocsin.live.model import CONNECTION_LIVES, OPENS_WITHIN, Authorisation, Connection
from tocsin.live.store import LiveStore
from tocsin.notifications.transport import TransportMode


def store(stage: Stage) -> LiveStore:
    return LiveStore(stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table)


def by_admin(user: str | None = None, key_id: str = ADMIN_KEY_ID) -> Authorisation:
    return Authorisation(key_id, frozenset(Scope), user)


def connected(stage: Stage, authorisation: Authorisation) -> Connection:
    """A connection that was open, that is in the table, and that API Gateway does not know any more."""
    opened = datetime.now(UTC) - OPENS_WITHIN
    connection = Connection(f"probe-{uuid4()}", authorisation, opened + CONNECTION_LIVES)
    store(stage).add(connection)
    return connection


def is_there(stage: Stage, pk: str, connection: Connection) -> bool:
    key: Any = {"pk": {"S": pk}, "sk": {"S": connection.id}}
    found = stage.stack.aws.dynamodb.get_item(TableName=stage.stack.deployed.deliveries_table, Key=key)
    return "Item" in found


def from_socket(stage: Stage, kind: str, connection: str, **more: Any) -> int:
    payload: Payload = {"requestContext": {"eventType": kind, "connectionId": connection}, **more}
    return int(stage.invoke("websocket", payload)["statusCode"])


def connect(stage: Stage, authorisation: Authorisation) -> None:
    ticket = str(uuid4())
    store(stage).put_ticket(ticket, authorisation, now=datetime.now(UTC))
    answer = from_socket(stage, "CONNECT", f"probe-{uuid4()}", queryStringParameters={"ticket": ticket})
    done(answer == 200, answer)


def open_with_admin(stage: Stage, _permission: Permission) -> None:
    connect(stage, by_admin())


def open_with_key(stage: Stage, _permission: Permission) -> None:
    key_id = stage.keys["reader"].split("_")[1]
    connect(stage, Authorisation(key_id, frozenset({Scope.EVENTS_READ})))


def marked_admin(stage: Stage) -> Authorisation:
    """What a connection with the admin key is stored with."""
    secret = hashlib.sha256(stage.stack.deployed.admin_key.encode()).hexdigest()
    return Authorisation(ADMIN_KEY_ID, frozenset(Scope), None, None, secret)


def follow(stage: Stage, _permission: Permission) -> None:
    """Has a tail put, which the answer to a connection that is gone has forgotten again."""
    connection = connected(stage, marked_admin(stage))
    tail = {"action": "events.tail", "filters": {"app": "probe"}}
    answer = from_socket(stage, "MESSAGE", connection.id, body=json.dumps(tail))
    done(answer == 200, answer)


def answer_gone(stage: Stage, _permission: Permission) -> None:
    connection = connected(stage, marked_admin(stage))
    store(stage).put_tail(connection, {}, now=datetime.now(UTC))
    from_socket(stage, "MESSAGE", connection.id, body=json.dumps({"action": "ping"}))
    done(not is_there(stage, "tail", connection), "the connection is not known to be gone")


def end(stage: Stage, _permission: Permission) -> None:
    connection = connected(stage, by_admin(key_id="0" * 16))
    stage.invoke("websocket", {"source": "aws.events"})
    done(not is_there(stage, "live", connection), "the connection was not ended")


def tell_person(stage: Stage, permission: Permission) -> None:
    user = new_message(TransportMode.LOCAL).user
    assert user is not None
    connection = connected(stage, by_admin(user.username))
    deliver(stage, permission)
    done(not is_there(stage, f"live#{user.username}", connection), "the connection is not known to be gone")


def tell_marks(stage: Stage, _permission: Permission) -> None:
    connection = connected(stage, by_admin("probe"))
    ask(stage, "api", request("DELETE", "/notifications", query={"user": "probe"}))
    done(not is_there(stage, "live#probe", connection), "the connection is not known to be gone")


def feed(stage: Stage, _permission: Permission) -> None:
    connection = connected(stage, by_admin())
    store(stage).put_tail(connection, {}, now=datetime.now(UTC))
    stage.chill("matcher")  # it looks for who follows every few seconds
    match(stage, record_of(new_event(app="probe")))
    done(not is_there(stage, "tail", connection), "the connection is not known to be gone")


PROBES: dict[tuple[str, str, str], Probe] = {
    ("websocket", "ForgetConnection", "dynamodb:DeleteItem"): open_with_admin,
    ("websocket", "StoreConnection", "dynamodb:BatchWriteItem"): open_with_admin,
    ("websocket", "ReadConnection", "dynamodb:GetItem"): follow,
    ("websocket", "FindConnections", "dynamodb:Query"): follow,
    ("websocket", "StoreTail", "dynamodb:PutItem"): follow,
    ("websocket", "ReadKeyAndPerson", "dynamodb:GetItem"): open_with_key,
    ("websocket", "ReadAdminKey", "secretsmanager:GetSecretValue"): open_with_admin,
    ("websocket", "Push", "execute-api:ManageConnections"): answer_gone,
    ("websocket", "EndConnection", "execute-api:ManageConnections"): end,
    ("inbox", "FindConnections", "dynamodb:Query"): tell_person,
    ("inbox", "FindConnections", "dynamodb:DeleteItem"): tell_person,
    ("inbox", "Push", "execute-api:ManageConnections"): tell_person,
    ("matcher", "FeedTails", "dynamodb:Query"): feed,
    ("matcher", "FeedTails", "dynamodb:UpdateItem"): feed,
    ("matcher", "FeedTails", "dynamodb:DeleteItem"): feed,
    ("matcher", "Push", "execute-api:ManageConnections"): feed,
    ("api", "Push", "execute-api:ManageConnections"): tell_marks,
}
