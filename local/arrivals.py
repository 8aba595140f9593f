"""What has arrived, at the places where it really arrives: the sinks, the outbox, the inboxes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from local.api import TocsinApi
from local.audit_records import JsonObject, text
from local.emulator import Emulator, Mail
from local.samples import ONCE
from local.sinks import Received, Sinks


@dataclass(frozen=True, slots=True)
class Transport:
    """What has to be known of a configured transport to recognize what it sends."""

    name: str
    mode: str
    path: str = ""  # of its URL, for those that post
    send_once: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """People and transports of a blueprint."""

    username_of: dict[str, str]  # by e-mail address, of active people
    transports: tuple[Transport, ...]

    @classmethod
    def of(cls, blueprint: str, sink_url: str) -> Directory:
        """Reads a blueprint's YAML, of which the URLs point to the sinks."""
        document = yaml.safe_load(blueprint)
        people = [user for user in document.get("users", []) if user.get("active", True)]
        return cls(
            username_of={user["email"]: user["username"] for user in people},
            transports=tuple(
                Transport(
                    name=transport["name"],
                    mode=transport["mode"],
                    path=transport.get("url", "").removeprefix(sink_url),
                    send_once=transport.get("send_once", False),
                )
                for transport in document.get("transports", [])
            ),
        )

    def transport(self, mode: str, path: str = "") -> Transport:
        """The transport that sends so and there; the mode's own name where none is configured."""
        known = (item for item in self.transports if item.mode == mode and item.path == path)
        return next(known, Transport(path.rsplit("/", 1)[-1] or {"local": "inbox"}.get(mode, mode), mode))


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that arrived. What it can't tell is empty."""

    transport: str
    recipient: str  # a username, or ONCE
    text: str  # all of it, to look for a sample's mark in
    at: float  # in seconds since 1970
    event_id: str = ""
    rule: str = ""
    delivery_id: str = ""


class Places:
    """Looks at all the places, and tells what is new there."""

    def __init__(self, sinks: Sinks, emulator: Emulator, api: TocsinApi, directory: Directory) -> None:
        """Everything that arrived before the first look counts as new then."""
        self._sinks = sinks
        self._emulator = emulator
        self._api = api
        self._directory = directory
        self._requests_seen = 0
        self._mails_seen = 0
        self._items_seen: set[str] = set()

    def look(self, inboxes: Iterable[str]) -> list[Arrival]:
        """What arrived since the last look; an inbox costs a call, so only those people's are looked into."""
        requests = self._sinks.received(after=self._requests_seen)
        self._requests_seen += len(requests)
        mails = self._emulator.mail()[self._mails_seen :]
        self._mails_seen += len(mails)
        arrivals = [arrival for request in requests if (arrival := self._posted(request))]
        arrivals += [self._mailed(mail, recipient) for mail in mails for recipient in mail.to]
        for user in inboxes:
            arrivals += self._shown(user)
        return sorted(arrivals, key=lambda arrival: arrival.at)

    def _posted(self, request: Received) -> Arrival | None:
        """A webhook's or a Slack post's arrival; None where it was turned away, or is nothing of ours."""
        if request.status not in range(200, 300):
            return None
        try:
            body = json.loads(request.body)
        except ValueError:
            return None
        slack = request.path.startswith("/slack/")
        transport = self._directory.transport("webhook_slack" if slack else "webhook", request.path)
        user = _slack_user(body) if slack else text(body, "user_username")
        delivery_id = request.headers.get("webhook-id", "")
        return Arrival(
            transport=transport.name,
            recipient=ONCE if transport.send_once else user,
            text=request.body,
            at=request.at,
            # A delivery's id is its event's id and 16 hex digits more.
            event_id=delivery_id.rpartition("-")[0],
            delivery_id=delivery_id,
        )

    def _mailed(self, mail: Mail, to: str) -> Arrival:
        address = to.rpartition("<")[2].rstrip(">")
        return Arrival(
            transport=self._directory.transport("email").name,
            recipient=self._directory.username_of.get(address, address),
            text=f"{mail.subject}\n{mail.text}",
            at=mail.at,
        )

    def _shown(self, user: str) -> list[Arrival]:
        items = [item for item in self._api.notifications(user) if text(item, "id") not in self._items_seen]
        self._items_seen.update(text(item, "id") for item in items)
        now = time.time()
        return [
            Arrival(
                transport=self._directory.transport("local").name,
                recipient=user,
                text=text(item, "body"),
                at=now,
                event_id=text(item, "event_id"),
                rule=text(item, "rule"),
            )
            for item in items
        ]


def _slack_user(body: JsonObject) -> str:
    """Whom a chat message is for; empty for a channel's."""
    found = re.search(r'"For ([^“",:]+)(?:, who is in |:)', json.dumps(body, ensure_ascii=False))
    return found[1] if found else ""
