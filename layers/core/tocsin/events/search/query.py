"""What a reader asks of the log: filters, a text, an expression and a range of time, parsed and applied.

There are two kinds of criteria: those that hourly counts by action and app can decide (`counted` says how many matches
an hour has), and those that only the event itself can decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from tocsin.addresses import Network, parse_address, parse_network
from tocsin.errors import Invalid, Violation
from tocsin.events.model import CUSTOM_PREFIX, Event, stored_action
from tocsin.expressions import Expression, ExpressionError, bind
from tocsin.ids import spellings_of, usual_spelling
from tocsin.names import is_called, nfc
from tocsin.records import dataclass
from tocsin.times import EPOCH, in_zone, parse_moment
from tocsin.types import Json
from tocsin.words import MAX_SEARCH, Words, has_words, parse_words, texts_of

type Counts = Mapping[str, Mapping[str, int]]
"""How many events there are, by action and app: {"login": {"shop": 3}}."""


FILTERS = (
    "username",
    "user_pk",
    "action",
    "actions",
    "app",
    "model_app",
    "model_name",
    "model_pk",
    "authorized_application",
    "client_ip",
    "brand",
    "since",
    "until",
    "search",
    "filter",
)
"""The parameters that filter events."""

MAX_VALUE = MAX_SEARCH
"""Characters of a filter's value; an expression may have its own, larger limit."""
MAX_ACTIONS = 50

_LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""After all events, and long before time ends: what is counted from there has room."""
FEW_ADDRESSES = 16
"""A network of at most this many addresses is looked up address by address in the index of client IPs."""

_NOT_PLAIN = frozenset(("since", "until", "search", "filter"))
_FIELDS_OF_RANGE = frozenset(("since", "until"))
_FIELDS_OF_COUNTS = _FIELDS_OF_RANGE | {"actions", "app"}


@dataclass(frozen=True, slots=True)
class Actions:
    """Actions by name, and by what their names begin with."""

    names: frozenset[str]
    beginnings: tuple[str, ...] = ()

    def __contains__(self, action: str) -> bool:
        return action in self.names or action.startswith(self.beginnings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """All criteria of a search. Those that are None or empty are ignored; all others must hold.

    `since` is the first moment of the range, `until` the first after it.
    """

    username: str | None = None
    user_pk: str | None = None
    actions: tuple[Actions, ...] = ()
    app: str | None = None
    model_app: str | None = None
    model_name: str | None = None
    model_pk: str | None = None
    authorized_application: str | None = None
    network: Network | None = None
    brand: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: Words = ()
    expression: Expression | None = None
    digest: str = ""
    """A hash of the criteria, which cursors carry: a cursor of another search is refused."""

    @property
    def is_of_counts(self) -> bool:
        """Whether counts by action and app suffice to answer."""
        return self._given() <= _FIELDS_OF_COUNTS

    @property
    def is_everything(self) -> bool:
        """Whether every event of the range matches."""
        return self._given() <= _FIELDS_OF_RANGE

    def _given(self) -> set[str]:
        return {field.name for field in fields(self) if getattr(self, field.name)} - {"digest"}

    def counted(self, counts: Counts) -> Counter[str]:
        """How many events of `counts` have the action and the app that are asked for, by action.

        Exact where `is_of_counts`, else an upper bound.
        """
        found: Counter[str] = Counter()
        for action, by_app in counts.items():
            if all(action in wanted for wanted in self.actions):
                number = sum(by_app.values()) if self.app is None else by_app.get(self.app, 0)
                if number:
                    found[action] = number
        return found

    def addresses(self) -> tuple[str, ...] | None:
        """The client addresses that can match, where there are few; None where there are many or any."""
        if self.network is None or self.network.num_addresses > FEW_ADDRESSES:
            return None
        return tuple(str(address) for address in self.network)

    def user_keys(self) -> tuple[str, ...]:
        """The texts that the primary key of a matching event's user can be, as it was sent: a UUID has several."""
        return () if self.user_pk is None else spellings_of(self.user_pk)


class SearchFilter:
    """Tests events one by one for a `Search`, and counts those on which its expression failed.

    Where the expression fails (the event lacks a key, say), the event does not match. `failed_at` has the times of such
    events, `failure` the reason on the first, so that an answer can say so.
    """

    def __init__(self, search: Search, now: datetime) -> None:
        self._now = now
        self._expression = search.expression
        self._checks = tuple(_checks(search))
        self.failed_at: list[datetime] = []
        self.failure: str | None = None

    @property
    def failed(self) -> int:
        """On how many events the expression failed."""
        return len(self.failed_at)

    def admits(self, event: Event) -> bool:
        """Whether `event` matches."""
        return all(check(event) for check in self._checks) and self._expression_admits(event)

    def _expression_admits(self, event: Event) -> bool:
        if self._expression is None:
            return True
        try:
            shown: dict[str, Json] = event.to_json() | {"summary": event.summary}
            return self._expression.test(bind(event=shown, now=self._now))
        except ExpressionError as error:
            self.failed_at.append(event.created)
            self.failure = self.failure or str(error)
            return False


def parse_search(query: Mapping[str, str]) -> Search:
    """Parse a query string's parameters; those that are not among FILTERS are ignored.

    Raises Invalid, naming each wrong parameter.
    """
    wrong: list[Violation] = []
    plain = {name: _plain(query, name, wrong) for name in FILTERS if name not in _NOT_PLAIN}
    since, until = _moment(query, "since", wrong), _moment(query, "until", wrong)
    if since is not None and until is not None and since >= until:
        wrong.append(Violation("until", "must be later than since"))
    network = _network(plain["client_ip"], wrong)
    actions = _actions(plain, wrong)
    words = _words(query, wrong)
    expression = _expression(query, wrong)
    if wrong:
        raise Invalid(wrong)
    given = sorted((name, value) for name, value in query.items() if name in FILTERS)
    return Search(
        username=plain["username"],
        user_pk=plain["user_pk"],
        actions=actions,
        app=plain["app"],
        model_app=plain["model_app"],
        model_name=plain["model_name"],
        model_pk=plain["model_pk"],
        authorized_application=plain["authorized_application"],
        network=network,
        brand=plain["brand"],
        since=None if since is None else first_of_events(since),
        until=None if until is None else first_of_events(until),
        words=words,
        expression=expression,
        digest=hashlib.sha256(repr(given).encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )


def within_events(moment: datetime) -> datetime:
    """Return `moment` in UTC, or the nearest one between which all events are: a search can count from it, or up to it.

    Near the years 1 and 9999 nothing could be counted: there are no hours before the one, and none after the other.
    """
    return min(max(in_zone(moment, UTC), EPOCH), _LAST)


def first_of_events(moment: datetime) -> datetime:
    """Return the first time that an event not before `moment` can have: events have whole milliseconds."""
    found = within_events(moment)
    return found + timedelta(microseconds=-found.microsecond % 1000)


def _plain(query: Mapping[str, str], name: str, wrong: list[Violation]) -> str | None:
    given = query.get(name)
    if given is None:
        return None
    if not given.strip():
        wrong.append(Violation(name, "is empty; leave it out where it should not matter"))
    elif len(given) > MAX_VALUE:
        wrong.append(Violation(name, f"has {len(given):,} characters; at most {MAX_VALUE} are taken"))
    return given


def _moment(query: Mapping[str, str], name: str, wrong: list[Violation]) -> datetime | None:
    given = query.get(name)
    if given is None:
        return None
    try:
        moment = parse_moment(given)
        if moment.utcoffset() is not None:
            return moment
    except (ValueError, OverflowError):
        pass
    wrong.append(Violation(name, f"must be ISO 8601 with a zone, like 2026-03-01T12:00:00Z: {given[:40]!r}"))
    return None


def _network(given: str | None, wrong: list[Violation]) -> Network | None:
    if given is None:
        return None
    try:
        return parse_network(given.strip())
    except ValueError:
        wrong.append(Violation("client_ip", f"is no address and no network like 10.0.0.0/8: {given[:60]!r}"))
        return None


def _words(query: Mapping[str, str], wrong: list[Violation]) -> Words:
    try:
        return parse_words(query.get("search"))
    except Invalid as error:
        wrong.extend(error.violations)
        return ()


def _actions(plain: Mapping[str, str | None], wrong: list[Violation]) -> tuple[Actions, ...]:
    """The actions that `action` and `actions` ask for: several between commas, as a repeated parameter comes too."""
    found = []
    for parameter in ("action", "actions"):
        given = plain[parameter]
        if not given:
            continue
        asked = [name for part in given.split(",") if (name := part.strip())]
        if not 1 <= len(asked) <= MAX_ACTIONS:
            wrong.append(Violation(parameter, f"takes 1 to {MAX_ACTIONS} names between commas; given: {len(asked)}"))
        if misplaced := next((name for name in asked if "*" in name[:-1]), None):
            wrong.append(Violation(parameter, f"takes a * at the end of a name alone: {misplaced[:60]!r}"))
        begun = [name.removesuffix("*") for name in asked if name.endswith("*") or name == CUSTOM_PREFIX]
        names = frozenset(stored_action(name) for name in asked if not name.endswith("*") and name != CUSTOM_PREFIX)
        # A name that is not known is stored with the prefix, so the beginning of one may stand behind it.
        found.append(Actions(names, tuple(begun + [CUSTOM_PREFIX + name for name in begun])))
    return tuple(found)


def _expression(query: Mapping[str, str], wrong: list[Violation]) -> Expression | None:
    given = query.get("filter")
    if given is None:
        return None
    try:
        return Expression.compile(given, names=("event", "now"), predicate=True)
    except ExpressionError as error:
        wrong.append(Violation("filter", str(error)))
        return None


type _Check = Callable[[Event], bool]


def _checks(search: Search) -> Iterator[_Check]:
    """A test for each criterion but the expression, the cheapest and most selective first."""
    for wanted in search.actions:
        yield lambda event, wanted=wanted: event.action in wanted  # type: ignore[misc]
    for name, value in (("app", search.app), ("brand", search.brand)):
        if value is not None:
            yield lambda event, name=name, value=value: getattr(event, name) == value  # type: ignore[misc]
    if search.user_pk is not None:
        yield lambda event: is_same(event.user.get("pk"), search.user_pk)
    if search.username is not None:
        username = nfc(search.username)
        yield (
            lambda event: (
                is_called(event.user.get("username"), username) or is_called(event.context.get("username"), username)
            )
        )
    for name, value in (("app", search.model_app), ("model_name", search.model_name), ("pk", search.model_pk)):
        if value is not None:
            yield lambda event, name=name, value=value: is_same(_member(event, "model", name), value)  # type: ignore[misc]
    if search.authorized_application is not None:
        yield lambda event: _is_application(event, search.authorized_application or "")
    if search.network is not None:
        yield lambda event: _is_within(event.client_ip, search.network)
    if search.words:
        yield lambda event: _has_words(event, search.words)


def _member(event: Event, name: str, member: str) -> Json:
    value = event.context.get(name)
    return value.get(member) if isinstance(value, dict) else None


def _is_application(event: Event, wanted: str) -> bool:
    """Whether it is the application, by primary key or by name."""
    return any(
        is_same(_member(event, "authorized_application", member), wanted) for member in ("pk", "name")
    ) or is_same(event.context.get("authorized_application"), wanted)


def is_same(value: Json, wanted: str | None) -> bool:
    """Whether a value equals the text that was given; a UUID does with hyphens and without."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or wanted is None:
        return False
    return str(value) == wanted or (isinstance(value, str) and usual_spelling(value) == usual_spelling(wanted))


def _is_within(address: str | None, network: Network | None) -> bool:
    if address is None or network is None:
        return False
    parsed = parse_address(address)
    return parsed is not None and parsed in network


def _has_words(event: Event, words: Words) -> bool:
    """Whether each word stands somewhere in the event: its id, action, app, brand, client IP, user or context.

    Of user and context, names of members are looked at, too.
    """
    fields = (event.id, event.action, event.app, event.brand, event.client_ip or "")
    return has_words((*fields, *texts_of(event.user, event.context, with_names=True)), words)
