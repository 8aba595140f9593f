"""What can go wrong, as one small tree, and its answer over HTTP as a problem (RFC 9457).

    TocsinError
    ├── MalformedBody       400  the body can't be read as what it says it is
    ├── Unauthenticated     401  no key or token, or none that holds
    ├── Forbidden           403  a key or token without the scope that the route asks for
    ├── NotFound            404
    ├── MethodNotAllowed    405
    ├── NotAcceptable       406
    ├── Conflict            409  somebody else was there first
    ├── PreconditionFailed  412  If-Match names another version
    ├── TooLarge            413
    ├── AnswerTooLarge      413  what was asked for can't be answered at once
    ├── UnsupportedType     415
    ├── Invalid             422  readable, but one or more fields are wrong; names each
    ├── RateLimited         429  the caller's own excess
    ├── TooManyFailedSignIns     429  too many unknown keys or tokens from one address
    └── Unavailable         503  ours; time heals it

Every message may be shown to the caller: none holds a secret of ours or a stack trace. It may repeat what the caller
has sent, and that may be a secret in the wrong field: logs say `logged`.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import filterfalse, islice
from typing import TYPE_CHECKING

from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


MOST = 50
"""Violations told of one document: whoever has more has one reason for most of them."""

_MAX_PATH = 200
_MAX_MESSAGE = 500  # some of pydantic's sentences repeat what was given

_SENTENCES = {
    "extra_forbidden": "is not a known field",
    "unexpected_keyword_argument": "is not a known field",  # as pydantic has it of dataclasses
    "missing": "is required",
    "model_type": "must be an object",
    "dataclass_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
}


_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_LARGEST_SHOWN = 10**18  # beyond, writing a number down may take long, or fail

PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$": "must be letters (A to Z), digits, blanks and . _ : @ + -, "
    "and begin with a letter or digit",
    r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$": "must be a locale, as en or pt-BR",
    r"^[^.\s]+\.[^.\s]+$": "must be app.model_name, as shop.order",
    r"^[^.]+(\.[^.]+)*$": "must be names with single dots between them, as user.username",
    r"^[^\x00-\x1f\x7f]+$": "has a line break or another control character",
    r"^[^\r\n]*$": "must be one line",
    r"^[a-z][a-z_]{0,39}$": "must be small letters and _, at most 40",
}
"""What the patterns of fields ask for, in words."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field: where it is (`context.http_request.path`, `[3].id`) and what is wrong with it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class TocsinError(Exception):
    """Base of all errors that have an answer. `status` is the HTTP status, `code` a stable word."""

    status = 500
    code = "internal-error"
    title = "Something went wrong on our side"

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after

    @property
    def logged(self) -> str:
        """What a log line says of this error: nothing that the caller has sent, as `detail` may."""
        return self.title

    def problem(self) -> JsonObject:
        """The problem+json object of this error (RFC 9457)."""
        members: JsonObject = {
            "type": f"urn:tocsin:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.retry_after is not None:
            members["retry_after"] = self.retry_after
        return members


class MalformedBody(TocsinError):
    """The request's body can't be parsed."""

    status = 400
    code = "malformed-body"
    title = "The body can't be read"


class Unauthenticated(TocsinError):
    """Nobody that we know is asking."""

    status = 401
    code = "unauthenticated"
    title = "An API key or an access token is needed"


class Forbidden(TocsinError):
    """The key or token is known, but may not do this."""

    status = 403
    code = "forbidden"
    title = "This key or token may not do this"


class NotFound(TocsinError):
    """There is no such thing, or nothing that the caller may know of."""

    status = 404
    code = "not-found"
    title = "There is no such thing"


class MethodNotAllowed(TocsinError):
    """The path exists, but not with this method. `allowed` are the methods that it has."""

    status = 405
    code = "method-not-allowed"
    title = "This path does not take this method"

    def __init__(self, detail: str, allowed: Sequence[str]) -> None:
        super().__init__(detail)
        self.allowed = tuple(allowed)


class NotAcceptable(TocsinError):
    """The caller accepts none of the forms that there are."""

    status = 406
    code = "not-acceptable"
    title = "There is no such form of this"


class Conflict(TocsinError):
    """Somebody else changed or created the same thing first."""

    status = 409
    code = "conflict"
    title = "This conflicts with what is there"


class PreconditionFailed(TocsinError):
    """The version that the caller knows is not the one that is there."""

    status = 412
    code = "precondition-failed"
    title = "It was changed in the meantime"


class TooLarge(TocsinError):
    """The body, or one thing in it, is over a limit."""

    status = 413
    code = "too-large"
    title = "Too large"


class AnswerTooLarge(TocsinError):
    """What was asked for is more than one answer can hold: a part of it can be asked for, or all compressed."""

    status = 413
    code = "answer-too-large"
    title = "The answer would be too large"

    @property
    def logged(self) -> str:
        """How large it would be."""
        return self.detail


class UnsupportedType(TocsinError):
    """A content type, or an encoding, that the route does not take."""

    status = 415
    code = "unsupported-media-type"
    title = "This content type is not taken here"


class Invalid(TocsinError):
    """The body could be read, but `violations` name what is wrong in it."""

    status = 422
    code = "invalid"
    title = "Some fields are wrong"

    def __init__(self, violations: Sequence[Violation], detail: str | None = None) -> None:
        self.violations = tuple(violations)
        shown = "; ".join(str(violation) for violation in self.violations[:3])
        more = len(self.violations) - 3
        super().__init__(detail or (f"{shown}; and {more} more" if more > 0 else shown))

    def problem(self) -> JsonObject:
        """The problem, with `errors`: a list of {path, message}."""
        errors: list[Json] = [{"path": v.path, "message": v.message} for v in self.violations]
        return super().problem() | {"errors": errors}


class RateLimited(TocsinError):
    """The caller asked for more than its key may."""

    status = 429
    code = "rate-limited"
    title = "Too many requests with this key"


class TooManyFailedSignIns(TocsinError):
    """Too many unknown keys or tokens came from the caller's address."""

    status = 429
    code = "too-many-attempts"
    title = "Too many unknown keys or tokens from this address"


class Unavailable(TocsinError):
    """Something that we stand on does not answer, or throttles us. Nothing was accepted, or a part of a blueprint."""

    status = 503
    code = "unavailable"
    title = "Try again in a moment"

    @property
    def logged(self) -> str:
        """What did not answer: words of ours and AWS's."""
        return self.detail


class ConfigurationBroken(TocsinError):
    """What is stored as configuration can't be used: a bug or a hand in the table, never the caller's."""

    code = "configuration-broken"
    title = "The stored configuration can't be used"

    @property
    def logged(self) -> str:
        """What can't be used."""
        return self.detail


def violations(error: ValidationError, given: Json = None, *, prefix: str = "", most: int = MOST) -> list[Violation]:
    """One Violation for each thing that is wrong, at most `most`, with `prefix` before each path.

    `given` is what was validated. Where a value may be of several types, pydantic puts the name of the type
    that it tried into the location, and only the document tells such a name from a field's.
    """
    found = []
    all_ = error.errors(include_url=False)
    for wrong in islice(list(filterfalse(_follows, all_)) or all_, most):
        message = _SENTENCES.get(wrong["type"]) or _of_limit(wrong) or wrong["msg"].removeprefix("Value error, ")
        where = path(_fields(wrong["loc"], given, missing=wrong["type"] == "missing"), prefix)
        found.append(Violation(_cut(where, _MAX_PATH), _cut(message, _MAX_MESSAGE)))
    return found


def _follows(wrong: ErrorDetails) -> bool:
    """Whether there are too few entries only since some of them are wrong, which is told by itself."""
    given = wrong["input"]
    return wrong["type"] == "too_short" and isinstance(given, Sized) and len(given) >= wrong["ctx"]["min_length"]


def _of_limit(wrong: ErrorDetails) -> str | None:
    """The limit that a value is beyond, and by how much: a length or a number, for a text may be a secret."""
    kind, given, limits = wrong["type"], wrong["input"], wrong.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(limits["pattern"])
    if kind == "string_too_long" and isinstance(given, str):
        return f"has {len(given)} characters; at most {limits['max_length']} are taken"
    if kind == "string_too_short" and isinstance(given, str):
        return f"has {len(given)} characters; at least {limits['min_length']} are needed" if given else "is empty"
    if kind == "too_long" and isinstance(given, Sized):
        return f"has {len(given)} entries; at most {limits['max_length']} are taken"
    if kind == "too_short" and isinstance(given, Sized):
        return f"has {len(given)} entries; at least {limits['min_length']} are needed"
    if kind in _BOUNDS and isinstance(given, int | float) and abs(given) < _LARGEST_SHOWN:
        words, limit = _BOUNDS[kind]
        return f"must be {words} {limits[limit]}: {given}"
    return None


def path(location: tuple[int | str, ...], prefix: str = "") -> str:
    """`("rules", 3, "bindings", 0, "policy")` as `rules[3].bindings[0].policy`."""
    text = prefix
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _fields(location: tuple[int | str, ...], given: Json, *, missing: bool) -> tuple[int | str, ...]:
    """`location` without the names of types, which are no keys in `given`; as it is where nothing is given."""
    if given is None:
        return location
    kept: list[int | str] = []
    value: Json = given
    for position, part in enumerate(location):
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        elif isinstance(value, dict) and part in value:
            value = value[part]
        elif not (missing and position == len(location) - 1):
            continue
        kept.append(part)
    return tuple(kept)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
