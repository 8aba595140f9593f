"""Changes of the configuration as events: who changed what, from what to what, secrets masked."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from tocsin.aws.logging import Code, note
from tocsin.config.blueprint.secrets import REPLACED
from tocsin.config.settings import Settings
from tocsin.errors import Unavailable
from tocsin.events.model import EventAction
from tocsin.events.system import APP, SystemEvents
from tocsin.identity.principal import Principal
from tocsin.types import Json, JsonObject

MAX_EVENTS = 100
"""Most events per request. One more event counts the changes of a blueprint beyond that."""

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


class ChangeEvents:
    """Reports changes as events. A failure to report is only logged, since the change is already in force."""

    def __init__(self, system_events: SystemEvents) -> None:
        self._system_events = system_events

    def tell(
        self, changes: Sequence[JsonObject], by: Principal, settings: Settings, *, shown_once: bool = False
    ) -> None:
        """Report one event for each of `changes` (as `blueprint.diff` returns them), and one for all above MAX_EVENTS.

        With `shown_once` a further event says that the caller was shown a secret of the changed entry.
        """
        for change in changes[:MAX_EVENTS]:
            action, context = _said(change, by)
            self._report(action, context, by, settings)
            if shown_once:
                message = f"{by.key_name} was shown the new secret of {_named(change)}"
                seen: JsonObject = {"message": message, "model": _model(change), **_by(by)}
                self._report(EventAction.SECRET_VIEW, seen, by, settings)
        left = changes[MAX_EVENTS:]
        if left:
            counts = Counter(f"{change['kind']} {_ACTIONS[str(change['change'])][1]}" for change in left)
            self._report(EventAction.MODEL_UPDATED, _summary(counts, len(left), by), by, settings)

    def rotated(self, kind: str, name: str, by: Principal, settings: Settings, facts: JsonObject) -> None:
        """Report that a secret was replaced, and the new one shown."""
        change: JsonObject = {"kind": kind, "name": name, "change": "update"}
        message = f"{by.key_name} rotated the secret of {_named(change)}"
        about: JsonObject = {"message": message, "model": _model(change), **_by(by), **facts}
        self._report(EventAction.SECRET_ROTATE, about, by, settings)

    def _report(self, action: EventAction, context: JsonObject, by: Principal, settings: Settings) -> None:
        who = by.user or by.person
        user: JsonObject = {} if who is None else {"username": who}
        try:
            self._system_events.report(action, dict(context), cause=None, settings=settings, user=user, tries=_TRIES)
        except Unavailable as error:
            note(Code.CHANGE_UNREPORTED, error.detail, level=logging.ERROR, change=context["message"])


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


def _summary(counts: Counter[str], total: int, by: Principal) -> JsonObject:
    shown: dict[str, Json] = dict(sorted(counts.items()))
    return {
        "message": f"{by.key_name} made {total} more changes with the same request",
        "model": {"app": APP, "model_name": "configuration", "pk": "configuration", "name": "configuration"},
        **_by(by),
        "changes": shown,
    }


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
