"""An event as a producer gives it, checked and made into one that can be stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from tocsin.addresses import first_forwarded_for, forwarded_address, parse_address
from tocsin.errors import Invalid, Violation, violations
from tocsin.events.model import OWN_APP, UNDETERMINED_IP, Cause, Event, Once, stored_action
from tocsin.events.redact import Secrets, cleanse
from tocsin.events.sanitize import Limits, sanitize
from tocsin.events.secret_names import read_as_latin
from tocsin.fields import Moment
from tocsin.ids import IdError, id_prefix, id_time, new_id, parse_id
from tocsin.names import nfc
from tocsin.records import dataclass
from tocsin.times import EPOCH, DurationError, iso, parse_duration
from tocsin.types import Json, JsonObject

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far into our future a producer's clock may be."""

FROM_REQUEST = "request"
"""A `client_ip` that stands for the address from which the producer's own request came."""

MAX_ONCE_KEY = 256
"""Characters of `once.key`."""
MAX_ONCE_WINDOW = timedelta(days=366)
"""How long a `once.key` may be remembered."""

MAX_STORED = 380_000
"""Bytes of an event's user and context together, as sanitize() counts them. An item of DynamoDB holds 400 KB."""

_ACTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*\Z")
_MAX_VIOLATIONS = 10
_LIMITS = Limits(depth=100, width=MAX_STORED, text=MAX_STORED, key=MAX_STORED, size=MAX_STORED)


type _Line = Annotated[StrictStr, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
type _Pk = StrictInt | Annotated[StrictStr, Field(max_length=256)]


def _name_of_brand(given: object) -> object:
    """Take the name of a brand that is given as an object."""
    return given.get("name", given) if isinstance(given, dict) else given


class _User(BaseModel):
    """The fields of an event's user that Tocsin reads; others are kept as they are."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    username: Annotated[StrictStr, Field(max_length=256)] | None = None
    pk: _Pk | None = None
    email: Annotated[StrictStr, Field(max_length=320)] | None = None
    is_anonymous: StrictBool | None = None
    on_behalf_of: dict[str, object] | None = None
    authenticated_as: dict[str, object] | None = None


class _Once(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)

    key: Annotated[StrictStr, Field(min_length=1, max_length=MAX_ONCE_KEY)]
    window: StrictStr


class _Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: StrictStr | None = None
    action: Annotated[StrictStr, Field(min_length=1, max_length=128)]
    app: _Line | None = None
    user: _User = _User()
    context: dict[str, object] = {}
    client_ip: StrictStr | None = None
    created: Moment | None = None
    brand: Annotated[_Line, Field(max_length=100), BeforeValidator(_name_of_brand)] | None = None
    expires: Moment | None = None
    retention: StrictStr | None = None
    expiring: StrictBool = True
    once: _Once | None = None


FIELDS = frozenset(_Draft.model_fields)
"""The names of the fields that a producer may give."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What applies to the events of one request where they say nothing themselves."""

    now: datetime
    app: str
    """The producer's name: its API key's."""
    brand: str
    retention: timedelta
    secrets: Secrets
    source_ip: str | None
    """The address that a producer's own request came from: first X-Forwarded-For hop, else its peer's."""
    key_id: str | None = None
    """The id of the API key, or of the access token's holder, that posts the event; None for a trial."""
    depth: int = 0
    """How many events stand behind those of the request, by its DEPTH_HEADER."""


def finish(given: JsonObject, terms: Terms, *, own_id: str | None = None) -> Event:
    """Make the event that `given` describes, complete and with secrets masked. Raises Invalid, naming each wrong field.

    A null field counts as absent. The id is the producer's, else `own_id`, else a new one of the time `created`, else
    of now.
    """
    given = without_nulls(given)
    try:
        draft = _Draft.model_validate(given)
    except ValidationError as error:
        raise Invalid(violations(error, given, most=_MAX_VIOLATIONS)) from None
    wrong: list[Violation] = []
    if not _ACTION.match(draft.action):
        wrong.append(
            Violation(
                "action",
                f"may have letters, digits and _ . : / - only, and begins with a letter, digit or _: {draft.action!r}",
            )
        )
    app = draft.app or terms.app
    if read_as_latin(app).strip().casefold() == OWN_APP:
        wrong.append(Violation("app", f"{OWN_APP!r} is what Tocsin itself reports; name another; given: {app!r}"))
    event_id = _id(draft, terms, own_id, wrong)
    client_ip = _client_ip(draft.client_ip, terms, wrong)
    expires = _expires(draft, terms, wrong)
    if draft.once is not None:
        _check_window(draft.once.window, wrong)
    if wrong:
        raise Invalid(wrong)
    user, context = _cleansed(given, terms.secrets)
    if isinstance(username := user.get("username"), str):
        user["username"] = nfc(username)  # NFC, as names of users are: however a name was typed, it is one person
    return Event(
        id=event_id,
        action=stored_action(draft.action),
        app=app,
        user=user,
        context=context,
        client_ip=client_ip,
        brand=draft.brand or terms.brand,
        expires=expires,
        key_id=terms.key_id,
        cause=Cause(None, None, terms.depth) if terms.depth else None,
    )


def without_nulls(given: JsonObject) -> JsonObject:
    """`given` without its null fields."""
    return {name: value for name, value in given.items() if value is not None}


def canonical(given: JsonObject) -> JsonObject:
    """Spell `given`, which `finish` has accepted, in one way: results are equal for events that say the same.

    Taken for the same: null and absence; ids in upper and lower case; an id alone and with its own time; an address and
    its IPv4-mapped spelling; all spellings of a moment, a duration, an action and a brand.
    """
    given = without_nulls(given)
    draft = _Draft.model_validate(given)
    said: dict[str, Json] = {
        "action": stored_action(draft.action),
        "app": draft.app,
        "user": given.get("user") or {},
        "context": given.get("context") or {},
        "client_ip": _address(draft.client_ip) or draft.client_ip if draft.client_ip is not None else None,
        "brand": draft.brand,
        "expiring": draft.expiring,
        "expires": None if draft.expires is None else iso(draft.expires),
        "retention": None if draft.retention is None else parse_duration(draft.retention) // timedelta(microseconds=1),
    }
    if draft.id is not None:
        said["id"] = parse_id(draft.id)
    elif draft.created is not None:
        said["created"] = id_prefix(draft.created)
    if draft.once is not None:
        window = parse_duration(draft.once.window) // timedelta(microseconds=1)
        said["once"] = {"key": draft.once.key, "window": window}
    return said


def once_of(given: JsonObject) -> Once | None:
    """The `once` of `given`, which `finish` has accepted."""
    once = given.get("once")
    return Once(str(once["key"]), parse_duration(str(once["window"]))) if isinstance(once, dict) else None


def _check_window(window: str, wrong: list[Violation]) -> None:
    try:
        if parse_duration(window) > MAX_ONCE_WINDOW:
            wrong.append(Violation("once.window", f"is at most days={MAX_ONCE_WINDOW.days}; given: {window[:60]!r}"))
    except DurationError as error:
        wrong.append(Violation("once.window", str(error)))


def _id(draft: _Draft, terms: Terms, own_id: str | None, wrong: list[Violation]) -> str:
    if draft.created is not None and (misplaced := _misplaced(draft.created, terms)):
        wrong.append(Violation("created", misplaced))
        return ""
    if draft.id is None:
        if draft.created is not None:
            return new_id(draft.created) if own_id is None else new_id_like(own_id, draft.created)
        return own_id or new_id(terms.now)
    try:
        event_id = parse_id(draft.id)
    except IdError as error:
        wrong.append(Violation("id", str(error)))
        return ""
    if misplaced := _misplaced(id_time(event_id), terms):
        wrong.append(Violation("id", f"its time {misplaced}"))
    if draft.created is not None and abs(id_time(event_id) - draft.created) >= timedelta(milliseconds=1):
        wrong.append(Violation("created", "is not the time in the id; give one of the two"))
    return event_id


def _misplaced(created: datetime, terms: Terms) -> str | None:
    """Say what is wrong with a time of creation; None for nothing.

    An event older than the stack's retention is refused: each search without a beginning would read all the empty days
    between it and the other events. None can be from before 1970, however long that is: its id could not hold it.
    """
    if created > terms.now + MAX_CLOCK_SKEW:
        return f"is more than {MAX_CLOCK_SKEW} in the future: check the producer's clock; given: {iso(created)}"
    try:
        earliest = max(terms.now - terms.retention, EPOCH)
    except OverflowError:
        earliest = EPOCH
    if created < earliest.replace(microsecond=earliest.microsecond // 1000 * 1000):
        return f"is before {iso(earliest)}: older than events are kept here; given: {iso(created)}"
    return None


def _client_ip(given: str | None, terms: Terms, wrong: list[Violation]) -> str | None:
    if given is None:
        return None
    if given == FROM_REQUEST:
        return terms.source_ip or UNDETERMINED_IP
    address = _address(given)
    if address is None:
        wrong.append(Violation("client_ip", f"is no IPv4 or IPv6 address, nor {FROM_REQUEST!r}: {given[:60]!r}"))
    return address


def _expires(draft: _Draft, terms: Terms, wrong: list[Violation]) -> datetime | None:
    said = [name for name in ("expires", "retention") if getattr(draft, name) is not None]
    if not draft.expiring:
        wrong.extend(Violation(name, "can't stand beside expiring false") for name in said)
        return None
    if len(said) > 1:
        wrong.append(Violation("retention", "can't stand beside expires; give one of the two"))
        return None
    if draft.expires is not None:
        if draft.expires <= terms.now:
            wrong.append(Violation("expires", "lies in the past: the event would be gone at once"))
        try:
            return draft.expires.astimezone(UTC)
        except OverflowError:  # the last hours of the year 9999, west of Greenwich
            wrong.append(Violation("expires", "lies beyond the year 9999; say expiring false to keep it for ever"))
            return None
    try:
        retention = parse_duration(draft.retention) if draft.retention is not None else terms.retention
        return terms.now + retention
    except DurationError as error:
        wrong.append(Violation("retention", str(error)))
    except OverflowError:
        wrong.append(Violation("retention", "reaches beyond the year 9999; say expiring false to keep it for ever"))
    return None


def _cleansed(given: JsonObject, secrets: Secrets) -> tuple[JsonObject, JsonObject]:
    """Mask secrets in the event's user and context. A mask may be longer than what it covers, so many masks can make
    an event too large to be stored: such an event is cut, with a mark where it was."""
    both = cleanse({"user": given.get("user") or {}, "context": given.get("context") or {}}, secrets)
    if len(orjson.dumps(both)) > MAX_STORED * 2 // 3:  # sanitize() counts blanks that orjson leaves out: a half more
        both = sanitize(both, limits=_LIMITS)
    if isinstance(both, dict):
        user, context = both["user"], both["context"]
        if isinstance(user, dict) and isinstance(context, dict):
            return user, context
    raise TypeError("an object stays an object when it is cleansed")  # pragma: no cover - for mypy alone


def _address(text: str) -> str | None:
    """Write an address in its usual form; None for what is no address."""
    address = parse_address(text)
    return None if address is None else str(address)


def source_address(headers: Mapping[str, str], peer: str) -> str | None:
    """Where a request came from: the first hop of X-Forwarded-For or `Forwarded` that is an address, else the peer.

    API Gateway always adds the peer to X-Forwarded-For: `Forwarded` is read where that names only the peer.
    """
    own = parse_address(peer)
    hop = forwarded_address(headers.get("x-forwarded-for", "").split(",", 1)[0])
    if hop is None or hop == own:
        hop = first_forwarded_for(headers.get("forwarded", "")) or hop
    found = hop or own
    return None if found is None else str(found)


def new_id_like(own_id: str, created: datetime) -> str:
    """Make an id of the time `created` and the random part of `own_id`; the same pair gives the same id."""
    return f"{id_prefix(created)}{own_id[13:]}"
