"""What a webhook transport sends, made again from what the API tells: for a laptop that no stack can reach.

The deliveries of a transport are polled; each new one is made into the message that its receiver gets: the same body,
id and headers, signed with a secret of this machine. Two things the API does not tell, and they differ: a body or
headers that a mapping makes (CEL, evaluated by Tocsin alone), and what a throttle held back before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tocsin_cli import version
from tocsin_cli.api import Api, path_of
from tocsin_cli.errors import NotFound, Refused, Unavailable, UsageError
from tocsin_cli.listening.message import Message
from tocsin_cli.listening.signature import sign
from tocsin_cli.tail import LATE
from tocsin_cli.times import iso, parse_iso
from tocsin_cli.types import JsonObject, mapping, objects, text

_MOST = 500
"""Deliveries a look: what is more within LATE is passed over."""


class Replay:
    """Messages of one transport as their deliveries come. Raises NotFound, UsageError."""

    def __init__(
        self,
        api: Api,
        transport: str,
        secret: str,
        *,
        since: datetime | None = None,
        pause: float = 2.0,
        sleep: Callable[[float], object] = time.sleep,
        trouble: Callable[[str], object] = lambda _reason: None,
    ) -> None:
        self._api = api
        self._transport = transport
        self._secret = secret
        self._since = since
        self._pause = pause
        self._sleep = sleep
        self._trouble = trouble
        self._seen: dict[str, datetime] = {}
        self._emails: dict[str, str | None] = {}

    def check(self) -> list[str]:
        """What of the transport's messages can't be made here. UsageError where it sends no webhooks."""
        found = self._api.get(path_of("transports", self._transport)).object
        if found.get("mode") != "webhook":
            raise UsageError(
                f"transport {self._transport!r} is {text(found, 'mode')}; only webhooks can be listened to"
            )
        secret = ", ".join(mapping(found.get("headers")))
        kept_back = [f"the headers {secret} of {self._transport} are secrets: here they are not sent"] if secret else []
        return kept_back + [
            f"the {what} of {self._transport} comes of the mapping {text(found, field)!r}, which only Tocsin evaluates:"
            " here it is the usual one"
            for field, what in (("body_mapping", "body"), ("headers_mapping", "headers"))
            if found.get(field)
        ]

    def messages(self) -> Iterator[Message]:
        """Each delivery's message once, for ever."""
        while True:
            try:
                for delivery in self._new():
                    message = self._message(delivery)
                    self._seen[text(delivery, "id")] = parse_iso(text(delivery, "created")) or datetime.now(UTC)
                    yield message
            except Unavailable as error:
                self._trouble(str(error))
            self._sleep(self._pause)

    def _new(self) -> list[JsonObject]:
        """Deliveries of which no message was made yet, oldest first."""
        now = self._api.get("/health").date or datetime.now(UTC)
        if self._since is None:
            self._since = now
        start = max(self._since, now - LATE)
        query = {"transport": self._transport, "since": iso(start)}
        found = [
            each for each in self._api.items("/deliveries", query, limit=_MOST) if text(each, "id") not in self._seen
        ]
        self._seen = {delivery: at for delivery, at in self._seen.items() if at >= now - 2 * LATE}
        return found[::-1]

    def _message(self, delivery: JsonObject) -> Message:
        event_id = text(delivery, "event_id")
        try:
            event = self._api.get(path_of("events", event_id)).object
        except NotFound:  # a test's event is stored nowhere
            event = {"id": event_id, "summary": f"This is a test of the transport {self._transport}."}
        user = text(delivery, "user") or None
        about = mapping(event.get("user"))
        content: JsonObject = {
            "body": text(event, "summary"),
            "severity": self._severity(event_id, text(delivery, "rule")),
            "user_email": None if user is None else self._email(user),
            "user_username": user,
            "event_user_email": text(about, "email") or None,
            "event_user_username": text(about, "username") or None,
        }
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        now = int(time.time())
        delivery_id = text(delivery, "id")
        headers = {
            "content-type": "application/json",
            "user-agent": f"tocsin-cli/{version()}",
            "webhook-id": delivery_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secret, delivery_id, now, body),
        }
        said = f"rule {text(delivery, 'rule')}, {text(delivery, 'state')} by {self._transport}"
        return Message("POST", "/", headers, body, about=said)

    def _severity(self, event_id: str, rule: str) -> str:
        try:
            pages = self._api.pages(path_of("events", event_id, "deliveries"))
            rules = [each for page in pages for each in objects(page.object.get("rules"))]
        except NotFound:
            rules = []
        return next((text(each, "severity") for each in rules if each.get("rule") == rule), "") or "notice"

    def _email(self, username: str) -> str | None:
        """A person's address; None where the key may not know it."""
        if username not in self._emails:
            try:
                self._emails[username] = text(self._api.get(path_of("users", username)).object, "email") or None
            except (NotFound, Refused):
                self._emails[username] = None
        return self._emails[username]
