"""Changes of the configuration as events: who changed what, from what to what, secrets masked.

An event is stored in one transaction with the change that it tells of, so that neither is there without the other;
those of a blueprint, whose changes are too many for that, as `tocsin.config.blueprint.run_events` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from tocsin.aws.dynamodb import Put
from tocsin.aws.retry import retry
from tocsin.config.settings import Settings
from tocsin.errors import Unavailable
from tocsin.events.model import Event, EventAction
from tocsin.events.store import EventStore
from tocsin.events.system import APP, event_of_now, submission_of
from tocsin.identity.principal import Principal
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

REPLACED: JsonObject = {"from": "the stored one", "to": "a new one"}
"""Shown in differences for a changed secret, since its mask is the same before and after."""

_ACTIONS = {
    "create": (EventAction.MODEL_CREATED, "created"),
    "update": (EventAction.MODEL_UPDATED, "changed"),
    "delete": (EventAction.MODEL_DELETED, "deleted"),
}
_MODELS = {
    "settings": "settings",
    "users": "user",
    "groups": "group",
    "mappings": "mapping",
    "transports": "transport",
    "policies": "policy",
    "rules": "rule",
    "silences": "silence",
    "keys": "key",
    "preferences": "preferences",
}
_SECRETS = frozenset({"secret", "client_key", "bot_token"})
_EXPRESSIONS = frozenset({"expression", "query"})
_WITH_EXPRESSIONS = frozenset({"matcher", "resolve"})
_URLS = frozenset({"url", "icon_url"})
_MASK = "*" * 20
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes events of what one request changes. `settings` are those that hold with the change."""

    by: Principal
    settings: Settings

    def events(self, changes: Sequence[JsonObject], *, shown_once: bool = False) -> list[Event]:
        """Return one event for each of `changes` (as `blueprint.diff` returns them), which happens now.

        With `shown_once` a further event says that the caller was shown a secret of the changed entry.
        """
        events = []
        for change in changes:
            events.append(self._event(*_said(change, self.by)))
            if shown_once:
                message = f"{self.by.key_name} was shown the new secret of {_named(change)}"
                seen: JsonObject = {"message": message, "model": _model(change), **_by(self.by)}
                events.append(self._event(EventAction.SECRET_VIEW, seen))
        return events

    def rotated(self, kind: str, name: str, facts: JsonObject) -> Event:
        """Return the event that a secret is replaced, and the new one shown."""
        change: JsonObject = {"kind": kind, "name": name, "change": "update"}
        message = f"{self.by.key_name} rotated the secret of {_named(change)}"
        about: JsonObject = {"message": message, "model": _model(change), **_by(self.by), **facts}
        return self._event(EventAction.SECRET_ROTATE, about)

    def others(self) -> Event:
        """Return the event of further changes of the same request, to be completed by `counting`."""
        model: JsonObject = {
            "app": APP,
            "model_name": "configuration",
            "pk": "configuration",
            "name": "configuration",
        }
        return self._event(EventAction.MODEL_UPDATED, {"message": "", "model": model, **_by(self.by)})

    def _event(self, action: EventAction, context: JsonObject) -> Event:
        who = self.by.user or self.by.person
        user: JsonObject = {} if who is None else {"username": who}
        return event_of_now(action, context, settings=self.settings, user=user)


class ChangeEvents:
    """Stores events of changes."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def writing(self, events: Sequence[Event]) -> list[Put]:
        """Return the writes that store `events`, to be done together with the change that they tell of."""
        return [self._events.writing(submission_of(event)) for event in events]

    def store(self, event: Event) -> None:
        """Store an event that tells of what holds already. Once stored, it is not stored again. Raises Unavailable."""
        retry(partial(self._store, event), tries=_TRIES)

    def _store(self, event: Event) -> None:
        (result,) = self._events.add([submission_of(event)])
        if isinstance(result, Unavailable):
            raise result  # else it is stored by now; with a Conflict it was before, while the settings were others


def counting(event: Event, counts: Mapping[str, int]) -> Event:
    """Return an event of `Teller.others` that says how many changes there are: {"users created": 30, …}."""
    total, shown = sum(counts.values()), dict[str, Json](sorted(counts.items()))
    message = f"{event.context['by']} made {total} more changes with the same request"
    return replace(event, context=event.context | {"message": message, "changes": shown})


def counted_as(change: JsonObject) -> str:
    """Return as what `counting` counts a change: users created."""
    return f"{change['kind']} {_ACTIONS[str(change['change'])][1]}"


def _said(change: JsonObject, by: Principal) -> tuple[EventAction, JsonObject]:
    action, verb = _ACTIONS[str(change["change"])]
    fields = change.get("fields")
    context: JsonObject = {
        "message": f"{by.key_name} {verb} {_named(change)}",
        "model": _model(change),
        **_by(by),
    }
    if isinstance(fields, dict):
        # The masks of the old and the new secret are the same, so the event says that it was replaced.
        if fields and all(name in _SECRETS or change == REPLACED for name, change in fields.items()):
            action = EventAction.SECRET_ROTATE
            context["message"] = f"{by.key_name} replaced the secret of {_named(change)}"
        context["diff"] = {name: _told(name, value) for name, value in fields.items()}
    return action, context


def _told(field: str, change: Json) -> Json:
    """Return how a field changed, without possible credentials: readers of events may lack the scope to configure.

    Mappings of headers may have credentials in their expressions, URLs of chat services have them in their paths.
    """
    if field in _SECRETS:
        return _MASK
    if change == REPLACED:
        return change
    if field in _EXPRESSIONS:
        return "changed"
    if field in _URLS and isinstance(change, dict):
        return {side: _host_of(value) for side, value in change.items()}
    if field in _WITH_EXPRESSIONS and isinstance(change, dict):
        return {side: _without_expressions(value) for side, value in change.items()}
    return change


def _host_of(url: Json) -> Json:
    """Return a URL up to its host, or a mask for anything that is not a URL."""
    if not isinstance(url, str):
        return url
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return _MASK
    return f"{parts.scheme}://{host}/…" if host else _MASK


def _without_expressions(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {name: "…" if name in _EXPRESSIONS and inner is not None else inner for name, inner in value.items()}


def _model(change: JsonObject) -> JsonObject:
    name = str(change["name"])
    return {"app": APP, "model_name": _MODELS[str(change["kind"])], "pk": name, "name": name}


def _named(change: JsonObject) -> str:
    model = _MODELS[str(change["kind"])]
    if model == "settings":
        return "the settings"
    return f"the preferences of {change['name']}" if model == "preferences" else f"{model} {change['name']}"


def _by(by: Principal) -> JsonObject:
    """Identify the key by id as well as name: a later key may reuse the name, but never the id."""
    return {"by": by.key_name, "by_id": by.key_id}
