"""What every edit does: take the lock, and change the configuration in force together with an event that tells of it.

The event is written in one transaction with the change, so that none of them is there without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tocsin.aws.dynamodb import Put
from tocsin.aws.retry import retry
from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.validate import check
from tocsin.config.changes import Teller
from tocsin.config.model import Configuration
from tocsin.config.settings import Settings
from tocsin.config.store import Stores
from tocsin.errors import Conflict, Invalid, Violation
from tocsin.identity.directory import User
from tocsin.identity.principal import Principal
from tocsin.outbound import OutboundPolicy
from tocsin.records import dataclass, field
from tocsin.rules.load import Overloaded, check_load
from tocsin.rules.model import not_over
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

_WAITS = 12
_FIRST_WAIT = 0.02  # seconds
_LONGEST_WAIT = 0.4  # about 3 s in all: longer than several edits take, shorter than a blueprint of thousands of people
_TRIES = 3
_MOST_NAMED = 10

_NOBODY = Principal("", "tocsin", frozenset())
"""Who has the lock while nobody edits."""

type Tells = Callable[[Configuration], Sequence[JsonObject]]
"""From the configuration before an edit, the changes that the edit makes, as `blueprint.diff` returns them."""


@dataclass(frozen=True, slots=True)
class Saved:
    """An entry after an edit, as the API shows it."""

    shown: JsonObject
    created: bool = False
    once: JsonObject = field(default_factory=dict)
    """Generated secrets, which are shown only in this response: {field: value}."""


class ConfigurationEditor:
    """What all edits share: the configuration in force, the lock, checks and events.

    Methods raise Conflict and Unavailable.
    """

    def __init__(self, stores: Stores, policy: OutboundPolicy) -> None:
        """`policy` judges webhooks' URLs."""
        self._stores = stores
        self._policy = policy
        self.configuration, self.secrets = stores.configuration, stores.secrets
        self.people, self.belongings = stores.people, stores.belongings

    def current(self) -> Configuration:
        """Read the configuration in force from the table, not from the cache."""
        return self.configuration.current(fresh=True)[1]

    @contextmanager
    def alone(self, principal: Principal) -> Iterator[None]:
        """Hold the lock meanwhile. Raises Conflict where somebody else still holds it after about 3 s.

        What holds of a blueprint that was broken off is told first, since it could not be found out afterwards.
        """
        lock = retry(
            lambda: self._stores.lock.take(principal.key_name, now=utc_now()),
            on=Conflict,
            tries=_WAITS,
            first_pause=_FIRST_WAIT,
            longest_pause=_LONGEST_WAIT,
        )
        try:
            if lock.note is not None:
                self._stores.run_events().settle(lock.note)
            yield
        finally:
            # The note of an interrupted blueprint stays for the next blueprint.
            self._stores.lock.release(lock, forget=False)

    def settle(self) -> bool:
        """Tell what holds of a blueprint whose run died, where nobody does so. Returns whether this did."""
        left = self._stores.lock.left(now=utc_now())
        if not isinstance(left, dict) or "untold" not in left:
            return False
        try:
            with self.alone(_NOBODY):
                return True
        except Conflict:  # somebody has the lock by now, and did it first
            return False

    def publish(
        self,
        change: Callable[[Configuration], Configuration],
        principal: Principal,
        tells: Tells,
        *,
        shown_once: bool = False,
        field: str = "",
    ) -> Configuration:
        """Publish the result of `change`, if it differs. Tries again where another version was published meanwhile.

        That can happen in spite of the lock, since silences are published without it. Returns the configuration before
        the change. `tells` and `shown_once` say what is told of it, as for `telling`; `field` is the field that Invalid
        names where the snapshot gets too large.
        """
        for attempt in range(_TRIES):
            version, configuration = self.configuration.current(fresh=True)
            changed = change(configuration)
            if changed == configuration and changed.to_bytes() == configuration.to_bytes():
                return configuration
            self.check_load(changed, field)
            told = self.telling(tells(configuration), principal, changed.settings, shown_once=shown_once)
            try:
                self.configuration.publish(changed, replacing=version, by=principal.key_name, beside=told)
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
            else:
                return configuration
        raise AssertionError("the last try returns or raises")  # pragma: no cover - for mypy

    def check_load(self, configuration: Configuration, field: str) -> None:
        """Raise Invalid, naming the entry's `field`, for rules, policies and silences that together cost too much."""
        try:
            check_load(configuration.rules, configuration.policies, not_over(configuration.silences, utc_now()))
        except Overloaded as overloaded:
            raise Invalid([Violation(field, str(overloaded))]) from None

    def check(self, blueprint: Blueprint, at: str) -> None:
        """Raise Invalid for what is wrong with the entry at the path `at` of `blueprint`.

        `blueprint` has only that entry and those that it refers to. Faults of the others are not reported, since the
        caller did not edit them.
        """
        wrong = [fault for each in check(blueprint, self._policy) if (fault := _within(each, at)) is not None]
        if wrong:
            raise Invalid(wrong)

    def known_users(self, *names: str | None) -> dict[str, User]:
        """Return the users among `names`, by name. Only these users are read."""
        wanted = [name for name in dict.fromkeys(names) if name is not None]
        return self.people.users(wanted) if wanted else {}

    def telling(
        self,
        changes: Sequence[JsonObject],
        principal: Principal,
        settings: Settings | None = None,
        *,
        shown_once: bool = False,
    ) -> list[Put]:
        """Return the writes of the events that tell of changes, to be done in one transaction with these.

        `settings` are those that hold then, by default those in force. With `shown_once` a further event says that the
        caller is shown the secret of what is changed.
        """
        teller = Teller(principal, settings or self.configuration.version().settings)
        return self._stores.changes.writing(teller.events(changes, shown_once=shown_once))

    def telling_rotation(self, kind: str, name: str, principal: Principal, facts: JsonObject) -> list[Put]:
        """Return the write of the event that a secret is replaced, as `telling` does."""
        teller = Teller(principal, self.configuration.version().settings)
        return self._stores.changes.writing([teller.rotated(kind, name, facts)])


def tried(before: object, changes: Sequence[JsonObject]) -> JsonObject:
    """Return the answer to a dry run of an edit. `before` is the existing entry; None where there is none."""
    return {"dry_run": True, "created": before is None, "changed": bool(changes), "changes": [*changes]}


def updated(kind: str, name: str, **fields: Json) -> JsonObject:
    """Return an update of an entry, in the form of a blueprint's differences."""
    return {"kind": kind, "name": name, "change": "update", "fields": fields}


def in_use(what: str, users: Sequence[str]) -> Conflict:
    """Return the error for the deletion of an entry that `users` (`rule x`, `group y`) refer to."""
    named = ", ".join(users[:_MOST_NAMED])
    more = len(users) - _MOST_NAMED
    return Conflict(f"{what} is in use by {named}{f' and {more} more' if more > 0 else ''}; change them first")


def _within(violation: Violation, at: str) -> Violation | None:
    """Return `violation` with its path inside the entry; None where it belongs to another entry."""
    # The blueprint has only what the entry refers to, so the message's list of known names is not complete.
    message = violation.message.partition("; there are: ")[0]
    if violation.path.startswith(at):
        return Violation(violation.path.removeprefix(at).removeprefix("."), message)
    # An edited policy can break the tests of the rules that use it.
    return Violation("", message) if ".tests[" in violation.path else None
