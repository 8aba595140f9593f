"""An event as a producer gives it, checked and made into one that can be stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
from tocsin.events.model import OWN_APP, UNDETERMINED_IP, Event, Once, stored_action
from tocsin.events.redact import Secrets, cleanse
from tocsin.events.sanitize import Limits, sanitize
from tocsin.fields import Moment, nfc
from tocsin.ids import IdError, id_prefix, id_time, new_id, parse_id
from tocsin.times import DurationError, iso, parse_duration
from tocsin.types import Json, JsonObject

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far into our future a producer's clock may be."""

FROM_REQUEST = "request"
"""As `client_ip`: take the address that the producer's own request came from."""

MAX_ONCE_KEY = 256
"""Characters of `once.key`."""
MAX_ONCE_WINDOW = timedelta(days=366)
"""For how long a `once.key` is remembered at most."""

MAX_STORED = 380_000
"""Bytes of an event's user and context together, as sanitize() counts them: DynamoDB's items hold 400 KB."""

_ACTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*\Z")
_MAX_VIOLATIONS = 10
_LIMITS = Limits(depth=100, width=MAX_STORED, text=MAX_STORED, key=MAX_STORED, size=MAX_STORED)


type _Line = Annotated[StrictStr, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
type _Pk = StrictInt | Annotated[StrictStr, Field(max_length=256)]


def _name_of_brand(given: object) -> object:
    """The name of a brand that is given as an object, as producers hold one."""
    return given.get("name", given) if isinstance(given, dict) else given


class _User(BaseModel):
    """The fields of an event's user that mean something to us; others are kept as they are."""

    model_config = ConfigDict(extra="allow")

    username: Annotated[StrictStr, Field(max_length=256)] | None = None
    pk: _Pk | None = None
    email: Annotated[StrictStr, Field(max_length=320)] | None = None
    is_anonymous: StrictBool | None = None
    on_behalf_of: dict[str, object] | None = None
    authenticated_as: dict[str, object] | None = None


class _Once(BaseModel):
    model_config = ConfigDict(extra="forbid")

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
    """What holds for all events of one request where they say nothing themselves."""

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


def finish(given: JsonObject, terms: Terms, *, own_id: str | None = None) -> Event:
    """The event that `given` describes, cleansed and complete; Invalid names each field that is wrong.

    A field that is null is absent. The id is the producer's, else `own_id`, else a new one with the time `created`,
    else now.
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
    if app.strip().casefold() == OWN_APP:
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
        user["username"] = nfc(username)  # one person, however their name was typed: users are called so as well
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
    )


def without_nulls(given: JsonObject) -> JsonObject:
    """`given` without the fields that say nothing."""
    return {name: value for name, value in given.items() if value is not None}


def canonical(given: JsonObject) -> JsonObject:
    """What `given`, of which `finish` has made an event, says, in one spelling: equal for two that say the same.

    Equal are null and absence, ids in upper and lower case, an id and an id with its own time, an address and its
    IPv4-mapped spelling, and each spelling of a moment, a duration, an action and a brand.
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
    """What `given`, of which `finish` has made an event, says of `once`."""
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
    """What is wrong with a time of creation; None for nothing.

    An event that is older than the stack keeps events would have to be sought where there is nothing else: each search
    without a beginning would read all days up to it.
    """
    if created > terms.now + MAX_CLOCK_SKEW:
        return f"is more than {MAX_CLOCK_SKEW} in the future: check the producer's clock; given: {_shown(created)}"
    try:
        earliest = terms.now - terms.retention
    except OverflowError:
        return None
    if created < earliest.replace(microsecond=earliest.microsecond // 1000 * 1000):
        return f"is before {_shown(earliest)}: older than events are kept here; given: {_shown(created)}"
    return None


def _shown(moment: datetime) -> str:
    try:
        return iso(moment)
    except OverflowError:  # the first hours of the year 1, east of Greenwich
        return moment.isoformat()


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
    """The event's user and context, secrets masked. A mask may be longer than what it covers, so many of them
    can make an event of a size that is taken one that can't be stored: that one is cut, and says where."""
    both = cleanse({"user": given.get("user") or {}, "context": given.get("context") or {}}, secrets)
    if len(orjson.dumps(both)) > MAX_STORED * 2 // 3:  # sanitize() counts blanks that orjson leaves out: a half more
        both = sanitize(both, limits=_LIMITS)
    if isinstance(both, dict):
        user, context = both["user"], both["context"]
        if isinstance(user, dict) and isinstance(context, dict):
            return user, context
    raise TypeError("an object stays an object when it is cleansed")  # pragma: no cover - for mypy alone


def _address(text: str) -> str | None:
    """The address in its usual form, None for what is none."""
    address = parse_address(text)
    return None if address is None else str(address)


def source_address(headers: Mapping[str, str], peer: str) -> str | None:
    """Where a request came from: the first hop of X-Forwarded-For or `Forwarded` that is an address, else the peer.

    API Gateway adds the peer to X-Forwarded-For: where that names nobody else, `Forwarded` may.
    """
    own = parse_address(peer)
    hop = forwarded_address(headers.get("x-forwarded-for", "").split(",", 1)[0])
    if hop is None or hop == own:
        hop = first_forwarded_for(headers.get("forwarded", "")) or hop
    found = hop or own
    return None if found is None else str(found)


def new_id_like(own_id: str, created: datetime) -> str:
    """The id with the time of `created` and the random part of `own_id`: the same for the same two."""
    return f"{id_prefix(created)}{own_id[13:]}"
