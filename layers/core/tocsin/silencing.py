"""Silences: made, listed, ended early. They are part of the configuration, and expire by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import ValidationError

from tocsin.configuration import Configuration
from tocsin.errors import Conflict, Invalid, NotFound, Violation
from tocsin.expressions import ExpressionError
from tocsin.jsontypes import Json, JsonObject
from tocsin.patterns import PatternError
from tocsin.rules import RuleSet, Silence
from tocsin.store.configuration import ConfigurationStore
from tocsin.violations import violations

FORGOTTEN_AFTER = timedelta(days=30)
"""How long a silence that is over is still listed."""

MAX_SILENCES = 1000

_TRIES = 3

type _Change = Callable[[tuple[Silence, ...]], tuple[Silence, ...]]


class Silences:
    """The silences of the configuration. Raises Invalid, NotFound, Conflict and Unavailable."""

    def __init__(self, configuration: ConfigurationStore) -> None:
        self._configuration = configuration

    def all(self, now: datetime) -> list[JsonObject]:
        """Every silence, those that hold first, each with its `state`: active, pending or over."""
        _, configuration = self._configuration.current(fresh=True)
        order = {"active": 0, "pending": 1, "over": 2}
        shown = [_shown(silence, now) for silence in configuration.silences]
        return sorted(shown, key=lambda silence: (order[str(silence["state"])], str(silence["ends"])))

    def add(self, given: Json, *, by: str, now: datetime) -> JsonObject:
        """Make a silence of {matcher | pattern, ends, starts?, comment?, name?}; it begins now by default."""
        if not isinstance(given, dict):
            raise Invalid([Violation("", "a silence is an object with matcher or pattern, starts, ends, comment")])
        complete = {"name": f"silence-{secrets.token_hex(4)}", "starts": now.isoformat()} | given | {"by": by}
        try:
            silence = Silence.model_validate(complete)
        except ValidationError as error:
            raise Invalid(violations(error)) from None
        if silence.ends <= now:
            raise Invalid([Violation("ends", "lies in the past")])
        _check(silence)

        def added(known: tuple[Silence, ...]) -> tuple[Silence, ...]:
            if any(other.name == silence.name for other in known):
                raise Conflict(f"there is a silence {silence.name!r} already")
            kept = tuple(other for other in known if other.ends > now - FORGOTTEN_AFTER)
            if len(kept) >= MAX_SILENCES:
                raise Conflict(f"there are {MAX_SILENCES} silences already; end some")
            return (*kept, silence)

        self._change(added, by)
        return _shown(silence, now)

    def end(self, name: str, *, by: str, now: datetime) -> JsonObject:
        """End a silence now. One that has not begun is taken away; one that is over stays as it is."""
        ended: list[Silence] = []

        def without(known: tuple[Silence, ...]) -> tuple[Silence, ...]:
            ended.clear()
            kept: list[Silence] = []
            for silence in known:
                if silence.name != name:
                    kept.append(silence)
                elif silence.starts >= now:
                    ended.append(silence)
                else:
                    kept.append(silence.model_copy(update={"ends": min(silence.ends, now)}))
                    ended.append(kept[-1])
            if not ended:
                raise NotFound(f"there is no silence {name!r}")
            return tuple(kept)

        self._change(without, by)
        return _shown(ended[0], now)

    def _change(self, change: _Change, by: str) -> None:
        """Publish a configuration with other silences; again on top of what somebody else published meanwhile."""
        for attempt in range(_TRIES):
            version, configuration = self._configuration.current(fresh=True)
            changed = change(configuration.silences)
            if changed == configuration.silences:
                return
            try:
                self._configuration.publish(_with(configuration, changed), replacing=version, by=by)
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
            else:
                return


def _with(configuration: Configuration, silences: tuple[Silence, ...]) -> Configuration:
    return configuration.model_copy(update={"silences": silences})


def _check(silence: Silence) -> None:
    try:
        RuleSet((), (), (silence,))
    except PatternError as error:
        raise Invalid([Violation("pattern", str(error))]) from None
    except ExpressionError as error:
        raise Invalid([Violation("matcher.query", str(error))]) from None


def _shown(silence: Silence, now: datetime) -> JsonObject:
    shown: JsonObject = silence.model_dump(mode="json", exclude_none=True)
    state = "active" if silence.holds_at(now) else "pending" if silence.starts > now else "over"
    return shown | {"state": state}
