"""Tocsin's HTTP API, as far as the local stack calls it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote

import requests

from local.audit_records import Json, JsonObject, text

_TIMEOUT_S = 300
"""For what hangs: the stack's own limits come first, and a busy machine makes them long."""


class UnexpectedAnswerError(RuntimeError):
    """Tocsin answered something other than what was asked for. The message holds status and body."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a delivery."""

    ended_at: float  # seconds since 1970
    reason: str  # a stable word
    detail: str
    status: int | None  # HTTP's, where there was one

    @classmethod
    def of(cls, shown: JsonObject) -> Self:
        """Reads what the API shows."""
        duration_ms, status = shown.get("duration_ms"), shown.get("status")
        began_at = datetime.fromisoformat(text(shown, "at")).timestamp()
        return cls(
            ended_at=began_at + (duration_ms / 1000 if isinstance(duration_ms, int | float) else 0),
            reason=text(shown, "reason"),
            detail=text(shown, "detail"),
            status=status if isinstance(status, int) else None,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of an event's story."""

    id: str
    rule: str
    transport: str
    mode: str
    user: str  # empty where it is for nobody in particular
    state: str
    attempts: tuple[Attempt, ...]

    @classmethod
    def of(cls, shown: JsonObject) -> Self:
        """Reads what the API shows."""
        return cls(
            id=text(shown, "id"),
            rule=text(shown, "rule"),
            transport=text(shown, "transport"),
            mode=text(shown, "mode"),
            user=text(shown, "user"),
            state=text(shown, "state"),
            attempts=tuple(Attempt.of(attempt) for attempt in _objects(shown.get("attempts"))),
        )

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in {"delivered", "joined", "failed", "discarded", "dropped"}


@dataclass(frozen=True, slots=True)
class Story:
    """What became of an event."""

    event_id: str
    rules: tuple[str, ...]
    deliveries: tuple[Delivery, ...]


class TocsinApi:
    """The API at `url`, asked with one key."""

    def __init__(self, url: str, key: str) -> None:
        """`url` has no slash at its end; `key` is an API key's secret."""
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> requests.Response:
        """Any request, whatever the answer."""
        return self.session.request(
            method, self.url + path, json=json, data=data, headers=headers, params=params, timeout=_TIMEOUT_S
        )

    def put_blueprint(self, yaml: str) -> JsonObject:
        """Makes the document the whole configuration; gives what the API says of it (new keys' secrets)."""
        headers = {"Content-Type": "application/yaml"}
        return _object(self.ask("PUT", "/blueprint", data=yaml.encode(), headers=headers))

    def post_event(self, event: JsonObject) -> JsonObject:
        """Posts one event; gives {id, created, expires}."""
        return _object(self.ask("POST", "/events", json=event))

    def post_events(self, events: list[JsonObject]) -> list[JsonObject]:
        """Posts a batch; gives a result for each event, in order."""
        return _objects(_object(self.ask("POST", "/events", json=events)).get("results"))

    def story(self, event_id: str) -> Story:
        """The rules that an event matched and its deliveries, of all pages."""
        pages = self._pages(f"/events/{quote(event_id)}/deliveries", {})
        return Story(
            event_id=event_id,
            rules=tuple(text(rule, "rule") for page in pages for rule in _objects(page.get("rules"))),
            deliveries=tuple(Delivery.of(shown) for page in pages for shown in _objects(page.get("deliveries"))),
        )

    def notifications(self, user: str) -> list[JsonObject]:
        """A person's inbox, all pages, newest first."""
        pages = self._pages("/notifications", {"user": user})
        return [item for page in pages for item in _objects(page.get("items"))]

    def _pages(self, path: str, parameters: dict[str, str]) -> list[JsonObject]:
        pages = [_object(self.ask("GET", path, params=parameters))]
        while cursor := text(pages[-1], "cursor"):
            pages.append(_object(self.ask("GET", path, params={**parameters, "cursor": cursor})))
        return pages


def _object(answer: requests.Response) -> JsonObject:
    """The JSON object of a good answer."""
    if answer.ok:
        content = answer.json()
        if isinstance(content, dict):
            return content
    request = answer.request
    raise UnexpectedAnswerError(f"{request.method} {request.path_url}: {answer.status_code} {answer.text[:2000]}")


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
