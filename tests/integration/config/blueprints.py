"""Blueprints put and read over HTTP, and what is stored of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import Stack
from tests.integration.handler_calls import Answer, Client, everything
from tocsin.config.model import Configuration
from tocsin.config.secret_store import SecretStore
from tocsin.config.store import ConfigurationStore
from tocsin.identity.store import PeopleStore
from tocsin.notifications.transport import TransportSecrets

YAML = "application/yaml"
SLACK_URL = "https://hooks.slack.com/services/T000/B000/verysecretpath"
HOOK = {"name": "hook", "mode": "webhook", "url": "https://example.com/hook"}
CHAT = {"name": "chat", "mode": "webhook_slack", "url": SLACK_URL}


def put(client: Client, document: Any, **options: Any) -> Answer:
    return client.ask("PUT", "/blueprint", document, **options)


def get(client: Client) -> dict[str, Any]:
    shown: dict[str, Any] = client.ask("GET", "/blueprint").body
    return shown


def current(stack: Stack) -> Configuration:
    return ConfigurationStore(stack.dynamodb, "config").current(fresh=True)[1]


def secrets_of(stack: Stack, name: str) -> TransportSecrets:
    return SecretStore(stack.dynamodb, "config").of(current(stack).transports_by_name[name])


def members(stack: Stack, name: str) -> list[str]:
    return sorted(PeopleStore(stack.dynamodb, "config").all_members(current(stack).groups_by_name[name]))


def authorized(stack: Stack, bearer: str) -> dict[str, Any]:
    event = {"headers": {"authorization": f"Bearer {bearer}"}, "requestContext": {"http": {"sourceIp": "203.0.113.7"}}}
    context: dict[str, Any] = stack.call("authorizer", event)["context"]
    return context


@contextmanager
def nothing_written(stack: Stack) -> Iterator[None]:
    before = everything(stack)
    yield
    assert everything(stack) == before


def group(*usernames: str) -> dict[str, Any]:
    users = [{"username": username} for username in ("alice", "bob", "carol")]
    return {"users": users, "groups": [{"name": "oncall", "members": list(usernames)}]}
