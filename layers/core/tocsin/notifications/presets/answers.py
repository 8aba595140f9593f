"""Read a service's response, since some services respond 200 to messages that they did not accept.

A preset's `answer` declares how to read the response's JSON:

    ok      {path: value, …}: what a 2xx must contain to be a success
    says_ok texts of which the body of a 2xx must be one, for services that respond in plain text
    taken   rules: responses that mean that the message was received before, which is a success
    retry   rules: temporary failures, whatever their status
    final   rules: permanent failures
    gone    rules: the receiver is gone for good: the transport is disabled, as by a 410
    says    paths of the error's message; the first that exists is used
    wait    paths of the number of seconds that the service asks to wait
    id      paths of the service's id of the message

A rule is an object whose conditions must all hold: `status` (a list), `text` (contained in the body), and any path with
the list of its accepted values. A path is `a.b.0.c`; `*` in place of a number is the first entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from tocsin.notifications.http_outcome import answered, masked
from tocsin.notifications.outcome import MAX_RETRY_AFTER, Outcome, State
from tocsin.notifications.text import cut, one_line
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.outbound import Response

_MOST_WORDS = 200
_LONGEST_ID = 200
_LONGEST_TEXT = 4_096


def read_answer(rules: JsonObject, response: Response, used: Iterable[str] = ()) -> Outcome:
    """Return the outcome of a response of a service that answers by `rules`. `used`: the request's secrets, masked."""
    outcome = answered(response, used)
    said = _said(response)
    text = response.body.decode("utf-8", "replace")
    if _any(rules.get("taken"), response.status, said, text):
        return replace(outcome, state=State.DELIVERED, reason="known_already", detail="the service had it already")
    if outcome.state is State.DELIVERED and not _is_success(rules, said, text, truncated=response.truncated):
        detail = f"the endpoint answered {response.status}, but with an error"
        outcome = replace(outcome, state=State.FAILED, reason="error_in_answer", detail=detail)
    if outcome.state is State.DELIVERED:
        return replace(outcome, remote_id=_id(rules, said, used))
    if _any(rules.get("retry"), response.status, said, text):
        outcome = replace(outcome, state=State.RETRYING, disables=False)
    if _any(rules.get("gone"), response.status, said, text):
        outcome = replace(outcome, state=State.FAILED, retry_after=None, disables=True)
    words = _words(rules, said, text, used)
    if words:
        outcome = replace(outcome, detail=f"{outcome.detail}: {words}")
    if outcome.state is State.RETRYING and outcome.retry_after is None:
        outcome = replace(outcome, retry_after=_wait(rules, said))
    return outcome


def _said(response: Response) -> Json:
    try:
        said: Json = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    return said


def _is_success(rules: JsonObject, said: Json, text: str, *, truncated: bool) -> bool:
    """Whether a 2xx says that the message was accepted. A truncated body can't be read, so the status decides."""
    if truncated:
        return True
    wanted = rules.get("ok")
    if isinstance(wanted, dict) and any(next(_at(said, path), None) != value for path, value in wanted.items()):
        return False
    words = rules.get("says_ok")
    return not isinstance(words, list) or any(text.strip() == word for word in words)


def _any(rules: Json, status: int, said: Json, text: str) -> bool:
    return isinstance(rules, list) and any(
        isinstance(rule, dict) and _holds(rule, status, said, text) for rule in rules
    )


def _holds(rule: JsonObject, status: int, said: Json, text: str) -> bool:
    for condition, wanted in rule.items():
        values: list[Json] = wanted if isinstance(wanted, list) else [wanted]
        if condition == "status":
            found = status in values
        elif condition == "text":
            found = any(isinstance(each, str) and each in text for each in values)
        else:
            found = next(_at(said, condition), None) in values
        if not found:
            return False
    return True


def _words(rules: JsonObject, said: Json, text: str, used: Iterable[str]) -> str:
    """Return the service's error message, in one line and without secrets."""
    paths = rules.get("says")
    for path in paths if isinstance(paths, list) else []:
        found = next(_at(said, str(path)), None)
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return cut(one_line(masked(str(found), used)), _MOST_WORDS)
    if isinstance(said, dict | list) or text.lstrip().startswith("<"):  # nothing that it was to say, or a proxy's page
        return ""
    return cut(one_line(masked(text[:_LONGEST_TEXT], used)), _MOST_WORDS)


def _wait(rules: JsonObject, said: Json) -> float | None:
    paths = rules.get("wait")
    for path in paths if isinstance(paths, list) else []:
        found = next(_at(said, str(path)), None)
        if isinstance(found, int | float) and not isinstance(found, bool) and found > 0:
            return min(float(found), MAX_RETRY_AFTER)
    return None


def _id(rules: JsonObject, said: Json, used: Iterable[str]) -> str | None:
    """Return the service's id of the message, in one line and without secrets; None where it gives none."""
    paths = rules.get("id")
    for path in paths if isinstance(paths, list) else []:
        found = next(_at(said, str(path)), None)
        if isinstance(found, str | int) and not isinstance(found, bool):
            id_ = one_line(masked(str(found)[:_LONGEST_TEXT], used))
            if id_:  # a blank one names nothing
                return cut(id_, _LONGEST_ID)
    return None


def _at(said: Json, path: str) -> Iterator[Json]:
    """Yield the value at `path`, if it exists."""
    value = said
    for step in path.split("."):
        if isinstance(value, list) and (step == "*" or step.isdigit()):
            position = 0 if step == "*" else int(step)
            if position >= len(value):
                return
            value = value[position]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return
    yield value
