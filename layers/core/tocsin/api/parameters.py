"""What routes read of a request alike: who asks, and what stands in the query and the body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.errors import Invalid, TooLarge, Violation
from tocsin.http.json_body import JSON_TYPE, MAX_BODY
from tocsin.http.preconditions import Precondition
from tocsin.http.request import Request
from tocsin.http.yaml_body import read_document
from tocsin.identity.principal import Principal, Scope, authenticate
from tocsin.names import foreign_name
from tocsin.times import parse_moment
from tocsin.types import JsonObject
from tocsin.words import Words, parse_words

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

MAX_LIMIT = 1000
"""Items a page."""

_LISTS = frozenset({"action", "actions", "severity", "state", "steps"})
"""Parameters whose values may be several with commas between them, and so may be given several times."""


def request_of(app: APIGatewayHttpResolver) -> Request:
    """The request that is being served."""
    return Request.parse(app.current_event.raw_event)


def asked(
    app: APIGatewayHttpResolver, *scopes: Scope, query: Sequence[str] = (), versioned: bool = False
) -> tuple[Request, Principal]:
    """The request that is being served, and who sent it: somebody with all of `scopes`.

    Where what a request changes is not `versioned`, there is no version that If-Match could name: PreconditionFailed.
    Raises Unauthenticated, Forbidden and TooManyFailedSignIns, and Invalid for a parameter that is not one of `query`,
    or is given several times and has one value.
    """
    request = request_of(app)
    principal = authenticate(request)
    for scope in scopes:
        principal.require(scope)
    unknown = [Violation(name[:60], "is not a parameter of this path") for name in request.query if name not in query]
    if unknown:
        raise Invalid(unknown)
    # API Gateway joins them: `app=a&app=b` would ask for an app that is called `a,b`, and find nothing.
    repeated = [Violation(name, "is given more than once; give it once") for name in sorted(request.repeated - _LISTS)]
    if repeated:
        raise Invalid(repeated)
    if not versioned and request.method not in {"GET", "HEAD"}:
        Precondition.parse(request.headers).check(None)
    return request, principal


def whole_of(request: Request, name: str, default: int, most: int) -> int:
    """The query's `name`: a number from 1 to `most`, `default` where there is none."""
    number, is_more = capped_of(request, name, default, most)
    if is_more:
        raise Invalid([Violation(name, f"must be a number from 1 to {most}: {request.query[name][:20]!r}")])
    return number


def capped_of(request: Request, name: str, default: int, most: int) -> tuple[int, bool]:
    """The query's `name`: a number from 1 on, `default` where there is none; and whether it is more than `most`.

    It is `most` then.
    """
    given = request.query.get(name)
    if given is None:
        return default, False
    digits = given.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        raise Invalid([Violation(name, f"must be a number from 1 to {most}: {given[:20]!r}")])
    if len(digits) > len(str(most)) or int(digits) > most:
        return most, True
    return int(digits), False


def limit_of(request: Request, default: int) -> int:
    """The query's `limit`: 1 to MAX_LIMIT, `default` where there is none."""
    return whole_of(request, "limit", default, MAX_LIMIT)


def number_of(request: Request, name: str, most: int) -> int | None:
    """The query's `name`: a number from 0 to `most`, None where there is none."""
    given = request.query.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= len(str(most)) and int(given) <= most):
        raise Invalid([Violation(name, f"must be a number from 0 to {most}: {given[:20]!r}")])
    return int(given)


def words_of(request: Request) -> Words:
    """The query's `search`: the words that are looked for, none where there is none."""
    return parse_words(request.query.get("search"))


def text_of(request: Request, name: str) -> str | None:
    """The query's `name`: a text, None where there is none. Invalid for an empty one, which nothing is called."""
    given = request.query.get(name)
    if given is not None and not given.strip():
        raise Invalid([Violation(name, "is empty; leave it out where it should not matter")])
    return given


def span_of(request: Request) -> tuple[datetime | None, datetime | None]:
    """The query's `since` and `until`: None where there is none. Invalid where no moment lies between them."""
    since, until = moment_of(request, "since"), moment_of(request, "until")
    if since is not None and until is not None and since >= until:
        raise Invalid([Violation("until", "must be later than since")])
    return since, until


def username_of(request: Request, name: str = "user") -> str | None:
    """The query's `name`: a username in normal form C, None where there is none."""
    given = request.query.get(name)
    if given is None:
        return None
    try:
        return foreign_name(given)
    except ValueError as error:
        raise Invalid([Violation(name, str(error))]) from None


def moment_of(request: Request, name: str) -> datetime | None:
    """The query's `name`: a moment, None where there is none; without an offset it is UTC."""
    given = request.query.get(name)
    if given is None:
        return None
    try:
        moment = parse_moment(given)
    except ValueError:
        raise Invalid([Violation(name, f"must be a time like 2026-03-01T12:00:00Z: {given[:40]!r}")]) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def flag_of(request: Request, name: str) -> bool:
    """The query's `name`: true or false, false where there is none."""
    given = request.query.get(name, "false").lower()
    if given not in {"true", "false"}:
        raise Invalid([Violation(name, f"must be true or false: {given[:20]!r}")])
    return given == "true"


def object_of(request: Request) -> JsonObject:
    """The JSON object in the request's body, with no key twice and nothing that JSON can't hold.

    Raises UnsupportedType, TooLarge over MAX_BODY, MalformedBody and Invalid.
    """
    request.content_type(JSON_TYPE)
    if len(request.body) > MAX_BODY:
        raise TooLarge(f"the body has {len(request.body):,} bytes; at most {MAX_BODY:,} are taken")
    return read_document(request.body, JSON_TYPE)
