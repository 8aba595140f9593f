"""Where an edit is made: alone, on the configuration that holds, told as an event when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tocsin.aws.retry import retry
from tocsin.config.belongings import Belongings
from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.validate import check
from tocsin.config.changes import ChangeEvents
from tocsin.config.lock import ConfigurationLock
from tocsin.config.model import Configuration
from tocsin.config.secret_store import SecretStore
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Conflict, Invalid, Violation
from tocsin.identity.directory import User
from tocsin.identity.principal import Principal
from tocsin.identity.store import PeopleStore
from tocsin.outbound import OutboundPolicy
from tocsin.rules.load import Overloaded, check_load
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

_WAITS = 12
_FIRST_WAIT = 0.02  # seconds
_LONGEST_WAIT = 0.4  # in all about three, which is many edits, but no blueprint of thousands of people
_TRIES = 3
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Saved:
    """An entry after an edit, as it is shown from now on."""

    shown: JsonObject
    created: bool = False
    once: JsonObject = field(default_factory=dict)
    """Fields that are shown this once: secrets that were made."""


class ConfigurationEditor:
    """What all edits use: the configuration in force, the lock, checks and events. Raises Conflict and Unavailable."""

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        secrets: SecretStore,
        lock: ConfigurationLock,
        people: PeopleStore,
        belongings: Belongings,
        policy: OutboundPolicy,
        changes: ChangeEvents,
    ) -> None:
        self.configuration = configuration
        self.secrets = secrets
        self.people = people
        self.belongings = belongings
        self._lock = lock
        self._policy = policy
        self._changes = changes

    def current(self) -> Configuration:
        """The configuration in force, read now."""
        return self.configuration.current(fresh=True)[1]

    @contextmanager
    def alone(self, principal: Principal) -> Iterator[None]:
        """Keep others from editing or applying a blueprint meanwhile. Conflict where somebody else does for seconds."""
        retry(
            lambda: self._lock.take(principal.key_name, now=utc_now()),
            on=Conflict,
            tries=_WAITS,
            first_pause=_FIRST_WAIT,
            longest_pause=_LONGEST_WAIT,
        )
        try:
            yield
        finally:
            self._lock.release(forget=False)  # a blueprint's note stays for the next blueprint

    def publish(
        self, change: Callable[[Configuration], Configuration], principal: Principal, field: str = ""
    ) -> Configuration:
        """Publish what `change` makes of the configuration, if it differs; again where a silence was added meanwhile.

        Gives the configuration that was changed. Silences are added without this editor's lock. `field` is what is
        wrong where the change makes it too much.
        """
        for attempt in range(_TRIES):
            version, configuration = self.configuration.current(fresh=True)
            changed = change(configuration)
            if changed == configuration:
                return configuration
            self.check_load(changed, field)
            try:
                self.configuration.publish(changed, replacing=version, by=principal.key_name)
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
            else:
                return configuration
        raise AssertionError("the last try returns or raises")

    def check_load(self, configuration: Configuration, field: str) -> None:
        """Invalid for rules, policies and silences that are too much together: the entry's `field` makes them so."""
        try:
            check_load(configuration.rules, configuration.policies, configuration.silences)
        except Overloaded as overloaded:
            raise Invalid([Violation(field, str(overloaded))]) from None

    def check(self, blueprint: Blueprint, at: str) -> None:
        """Invalid for what is wrong with the entry at the path `at` in a blueprint of what it touches alone.

        Other entries of it are there to be named: what may be wrong with them is not the caller's.
        """
        wrong = [fault for each in check(blueprint, self._policy) if (fault := _within(each, at)) is not None]
        if wrong:
            raise Invalid(wrong)

    def known_users(self, *names: str | None) -> dict[str, User]:
        """Those of `names` that are users, read by name."""
        wanted = [name for name in dict.fromkeys(names) if name is not None]
        return self.people.users(wanted) if wanted else {}

    def tell(self, changes: Sequence[JsonObject], principal: Principal, *, shown_once: bool = False) -> None:
        """Report changes as events."""
        self._changes.tell(changes, principal, self.configuration.version().settings, shown_once=shown_once)

    def tell_rotation(self, kind: str, name: str, principal: Principal, facts: JsonObject) -> None:
        """Report that a secret was replaced."""
        self._changes.rotated(kind, name, principal, self.configuration.version().settings, facts)


def tried(before: object, changes: Sequence[JsonObject]) -> JsonObject:
    """What an edit would do that is tried, not saved; `before` is the entry that is there, None where there is none."""
    return {"dry_run": True, "created": before is None, "changed": bool(changes), "changes": [*changes]}


def updated(kind: str, name: str, **fields: Json) -> JsonObject:
    """A change of an entry, as a blueprint's differences spell it."""
    return {"kind": kind, "name": name, "change": "update", "fields": fields}


def in_use(what: str, users: Sequence[str]) -> Conflict:
    """What a deletion is answered with while `users` (`rule x`, `group y`) name what is to be deleted."""
    named = ", ".join(users[:_MOST_NAMED])
    more = len(users) - _MOST_NAMED
    return Conflict(f"{what} is in use by {named}{f' and {more} more' if more > 0 else ''}; change them first")


def _within(violation: Violation, at: str) -> Violation | None:
    """`violation` as the entry's author sees it; None where it is of something else."""
    # The blueprint has only what the entry touches, so its list of known names is not complete.
    message = violation.message.partition("; there are: ")[0]
    if violation.path.startswith(at):
        return Violation(violation.path.removeprefix(at).removeprefix("."), message)
    # A policy breaks the tests of the rules that ask it.
    return Violation("", message) if ".tests[" in violation.path else None
