"""Apply a blueprint in steps, so that readers never see a rule without what it names.

    1. Write a journal of what will be added, and the events of what will change, beside the lock; then people, new
       member lists, new keys and new secrets beside the old
    2. Publish the snapshot of rules, policies, transports, groups and settings: readers see all of it or none
    3. Delete people, member lists, keys and secrets that nothing refers to any more
    4. Store the events, and take what stands beside the lock away with it

If a run dies, whoever takes the lock next stores the events of what holds (`run_events`), and the next run completes
it: each step writes only what differs from what is stored, and the next run deletes what the journal lists. Keys and
signing secrets that were never shown to anybody are made again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tocsin.aws.logging import Code, note
from tocsin.config.blueprint import secrets as secrecy
from tocsin.config.blueprint import validate as checks
from tocsin.config.blueprint.applied import Applied
from tocsin.config.blueprint.diff import differences
from tocsin.config.blueprint.journal import Journal
from tocsin.config.blueprint.model import Blueprint, GroupEntry, KeyEntry, UserEntry
from tocsin.config.changes import REPLACED, Teller
from tocsin.config.model import Configuration
from tocsin.config.store import Stores, Version
from tocsin.errors import Invalid, TocsinError, Violation
from tocsin.http.preconditions import Precondition
from tocsin.identity.api_keys import ApiKey, bearer, hash_secret, new_key_id, new_secret
from tocsin.identity.directory import Group, User
from tocsin.identity.principal import Principal
from tocsin.models import fields_of
from tocsin.outbound import OutboundPolicy
from tocsin.records import dataclass, field
from tocsin.times import iso, utc_now
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.config.blueprint.untold import Untold

MAX_MADE = 5_000
"""How many keys and signing secrets one blueprint may create. All of them are shown once, in the same response."""


@dataclass(frozen=True, slots=True)
class Held:
    """The blueprint in force, and the state that its entity tag is computed from."""

    blueprint: Blueprint
    state: JsonObject
    """What is shown of the blueprint, and the refs of stored secrets, without the secrets themselves."""


@dataclass(frozen=True, slots=True)
class _Current:
    version: Version
    configuration: Configuration
    users: Mapping[str, User]
    keys: Mapping[str, ApiKey]
    members: Mapping[str, frozenset[str]]
    key_ids: frozenset[str] = frozenset()
    """Ids of all stored keys, including those of `unfinished`, which `keys` leaves out."""
    never_shown: Mapping[str, ApiKey] = field(default_factory=dict)
    """Those of `unfinished`."""
    unfinished: Journal = field(default_factory=Journal)


@dataclass(frozen=True, slots=True)
class _Plan:
    changes: tuple[JsonObject, ...]
    configuration: Configuration
    transports: tuple[secrecy.Resolved, ...]
    users: tuple[User, ...]
    keys: tuple[ApiKey, ...]
    new_rosters: tuple[tuple[Group, frozenset[str]], ...]
    bearers: tuple[JsonObject, ...]
    traces: Journal
    state: JsonObject


class Blueprints:
    """Reads and applies the whole configuration. Raises Invalid, Conflict, Unavailable."""

    def __init__(self, stores: Stores, policy: OutboundPolicy) -> None:
        """`policy` judges webhooks' URLs."""
        self._stores = stores
        self._policy = policy

    def current(self) -> Held:
        """Return the blueprint in force, with secrets masked."""
        current = self._read(self._unfinished())
        return Held(_shown(current), _state(current))

    def plan(self, blueprint: Blueprint, precondition: Precondition) -> Applied:
        """Return what applying `blueprint` would change, without writing anything."""
        self._check(blueprint)
        current = self._read(self._unfinished())
        precondition.check(_state(current))
        return Applied(current.version.number, _plan(blueprint, current).changes, state=_state(current))

    def _unfinished(self) -> Journal:
        return Journal.from_json(self._stores.lock.note())

    def apply(self, blueprint: Blueprint, by: Principal, precondition: Precondition) -> Applied:
        """Put `blueprint` in force, and tell of it. Raises PreconditionFailed where another one holds than expected.

        Of what fails after the first write, those changes are told that hold.
        """
        self._check(blueprint)
        lock = self._stores.lock.take(by.key_name, now=utc_now())
        done = False
        try:
            unfinished = Journal() if lock.note is None else self._stores.run_events().settle(lock.note)
            done = not unfinished
            current = self._read(unfinished)
            precondition.check(_state(current))
            plan = _plan(blueprint, current)
            if plan.changes or unfinished:
                done = False
                try:
                    applied, done = self._carry_out(plan, current, by)
                except TocsinError:
                    self._settle_at_once()
                    raise
            else:
                applied = Applied(current.version.number, (), state=plan.state)
        finally:
            # If only this fails, the caller gets an error and never sees the new secrets: the next run makes new ones.
            self._stores.lock.release(lock, forget=done)
        return applied

    def _settle_at_once(self) -> None:
        """Tell what holds of the run that just failed. Where that fails as well, whoever takes the lock next does."""
        try:
            self._stores.run_events().settle(self._stores.lock.note(alone=True))
        except TocsinError as error:
            note(Code.BROKEN_OFF_UNREAD, error.logged, level=logging.ERROR)

    def _check(self, blueprint: Blueprint) -> None:
        wrong = checks.check(blueprint, self._policy)
        if wrong:
            raise Invalid(wrong)

    def _read(self, unfinished: Journal) -> _Current:
        version, configuration = self._stores.configuration.current(fresh=True)
        keys = list(self._stores.people.all_keys())
        return _Current(
            version=version,
            configuration=configuration,
            users={user.username: user for user in self._stores.people.all_users()},
            keys={key.name: key for key in keys if key.id not in unfinished.keys},
            never_shown={key.name: key for key in keys if key.id in unfinished.keys},
            members={group.name: frozenset(self._stores.people.all_members(group)) for group in configuration.groups},
            key_ids=frozenset(key.id for key in keys),
            unfinished=unfinished,
        )

    def _carry_out(self, plan: _Plan, current: _Current, by: Principal) -> tuple[Applied, bool]:
        """Make all of `plan` hold. Returns what came of it, and whether nothing of it is left untold."""
        traces, run = current.unfinished | plan.traces, secrets.token_hex(8)
        untold = _untold(plan, run, Teller(by, plan.configuration.settings))
        if plan.changes:
            self._stores.run_events().leave(traces, untold)
        for resolved in plan.transports:
            for ref, secret in resolved.to_store.items():
                self._stores.secrets.put(ref, secret)
        arrivals = [user.username for user in plan.users if user.username not in current.users]
        self._stores.belongings.clear_for(arrivals, now=utc_now())
        self._stores.people.write(
            users=[user for user in plan.users if current.users.get(user.username) != user],
            members=[(group, member) for group, members in plan.new_rosters for member in sorted(members)],
            keys=[key for key in plan.keys if current.keys.get(key.name) != key],
        )
        version = current.version
        if plan.changes:
            version = self._stores.configuration.publish(
                plan.configuration, replacing=current.version, by=by.key_name, run=run
            )
        self._tidy(plan, current, traces)
        applied = Applied(
            version=version.number,
            changes=plan.changes,
            state=plan.state,
            keys=plan.bearers,
            secrets=tuple(
                {"transport": resolved.transport.name, "secret": resolved.generated}
                for resolved in plan.transports
                if resolved.generated is not None
            ),
        )
        return applied, self._stores.run_events().tell(untold, plan.configuration.settings)

    def _tidy(self, plan: _Plan, current: _Current, traces: Journal) -> None:
        self._stores.people.delete(key_ids=current.key_ids - {key.id for key in plan.keys})
        kept = {user.username: user for user in plan.users}
        for name, user in current.users.items():
            if name in kept:
                self._stores.people.forget_pk(user, after=kept[name])
        gone = traces.rosters - _rosters(plan.configuration)
        groups = [Group(name=name, roster=roster) for name, roster in sorted(gone)]
        self._stores.belongings.take_from(sorted(current.users.keys() - kept.keys()), now=utc_now())
        self._stores.people.delete(users=[current.users[name] for name in sorted(current.users.keys() - kept.keys())])
        self._stores.people.let_expire(groups, now=utc_now())
        for ref in sorted(traces.secrets - _secret_refs(plan.configuration)):
            self._stores.secrets.delete(ref)


def _untold(plan: _Plan, run: str, teller: Teller) -> Untold:
    from tocsin.config.blueprint.untold import Untold  # noqa: PLC0415 - few requests apply a blueprint

    users, keys = {user.username: user for user in plan.users}, {key.name: key for key in plan.keys}
    return Untold.of(run, plan.changes, teller, users, keys)


def _rosters(configuration: Configuration) -> frozenset[tuple[str, str]]:
    return frozenset((group.name, group.roster) for group in configuration.groups)


def _secret_refs(configuration: Configuration) -> frozenset[str]:
    return frozenset(ref for transport in configuration.transports for ref in transport.secret_refs)


def _plan(blueprint: Blueprint, current: _Current) -> _Plan:
    transports = _transports(blueprint, current)
    keys, bearers = _keys(blueprint.keys, current.keys)
    made = len(bearers) + sum(resolved.generated is not None for resolved in transports)
    if made > MAX_MADE:
        raise Invalid(
            [Violation("", f"has {made:,} new keys and signing secrets made; at most {MAX_MADE:,} at a time")]
        )
    groups, new_rosters = _groups(blueprint.groups, current)
    users = tuple(User(**fields_of(entry)) for entry in blueprint.users)
    configuration = Configuration(
        settings=blueprint.settings,
        groups=groups,
        mappings=blueprint.mappings,
        transports=tuple(resolved.transport for resolved in transports),
        policies=blueprint.policies,
        rules=blueprint.rules,
        silences=blueprint.silences,
    )
    after = _Current(
        version=current.version,
        configuration=configuration,
        users={user.username: user for user in users},
        keys={key.name: key for key in keys},
        members={entry.name: frozenset(entry.members) for entry in blueprint.groups},
    )
    # Keys that were never shown are there, and were told of: what is made in their place is a new secret.
    before = replace(current, keys={**current.never_shown, **current.keys})
    changes = differences(_shown(before), _shown(after), _replaced_secrets(current, after))
    traces = Journal(
        keys=frozenset(str(shown["id"]) for shown in bearers),
        signing=frozenset(resolved.transport.secrets_ref for resolved in transports if resolved.generated),
        secrets=_secret_refs(current.configuration) ^ _secret_refs(configuration),
        rosters=_rosters(current.configuration) ^ _rosters(configuration),
    )
    return _Plan(tuple(changes), configuration, transports, users, keys, new_rosters, bearers, traces, _state(after))


def _transports(blueprint: Blueprint, current: _Current) -> tuple[secrecy.Resolved, ...]:
    known = current.configuration.transports_by_name
    resolved: list[secrecy.Resolved] = []
    wrong: list[Violation] = []
    for position, entry in enumerate(blueprint.transports):
        existing = known.get(entry.name)
        if existing is not None and entry.secret is None and existing.secrets_ref in current.unfinished.signing:
            existing = replace(existing, secrets_ref="")
        result = secrecy.resolve(entry, existing, f"transports[{position}]")
        if isinstance(result, Violation):
            wrong.append(result)
        else:
            resolved.append(result)
    if wrong:
        raise Invalid(wrong)
    return tuple(resolved)


def _keys(
    entries: Sequence[KeyEntry], known: Mapping[str, ApiKey]
) -> tuple[tuple[ApiKey, ...], tuple[JsonObject, ...]]:
    """The keys to store, and {name, id, key} of each new one."""
    keys: list[ApiKey] = []
    bearers: list[JsonObject] = []
    for entry in entries:
        existing = known.get(entry.name)
        secret = None if existing is not None else new_secret()
        key = ApiKey(
            id=existing.id if existing is not None else new_key_id(),
            secret_hash=existing.secret_hash if existing is not None else hash_secret(secret or ""),
            retired_hash=existing.retired_hash if existing is not None else "",
            retired_until=existing.retired_until if existing is not None else None,
            **fields_of(entry),
        )
        keys.append(key)
        if secret is not None:
            bearers.append({"name": key.name, "id": key.id, "key": bearer(key, secret)})
    return tuple(keys), tuple(bearers)


def _groups(
    entries: Sequence[GroupEntry], current: _Current
) -> tuple[tuple[Group, ...], tuple[tuple[Group, frozenset[str]], ...]]:
    """The groups to publish, and the member lists that have to be written for them: (group, usernames)."""
    # Each run names its lists differently, so what an interrupted run wrote never ends up in a published list.
    new_roster = f"{current.version.number + 1}-{secrets.token_hex(4)}"
    groups: list[Group] = []
    new_rosters: list[tuple[Group, frozenset[str]]] = []
    for entry in entries:
        members = frozenset(entry.members)
        known = current.configuration.groups_by_name.get(entry.name)
        unchanged = known is not None and current.members[entry.name] == members
        roster = known.roster if known is not None and unchanged else new_roster
        group = Group(name=entry.name, children=entry.children, roster=roster)
        groups.append(group)
        if not unchanged:
            new_rosters.append((group, members))
    return tuple(groups), tuple(new_rosters)


def _shown(current: _Current) -> Blueprint:
    configuration = current.configuration
    return Blueprint(
        settings=configuration.settings,
        users=tuple(UserEntry.stored(user.to_json()) for user in current.users.values()),
        groups=tuple(
            GroupEntry(name=group.name, members=tuple(sorted(current.members[group.name])), children=group.children)
            for group in configuration.groups
        ),
        mappings=configuration.mappings,
        transports=tuple(secrecy.shown(transport) for transport in configuration.transports),
        policies=configuration.policies,
        rules=configuration.rules,
        silences=configuration.silences,
        keys=tuple(KeyEntry(**fields_of(key, KeyEntry)) for key in current.keys.values()),
    )


def _state(current: _Current) -> JsonObject:
    """The state that the blueprint's entity tag is computed from; see `Held`."""
    shown = _shown(current).to_json()
    ordered: JsonObject = {
        kind: sorted(entries, key=_name_in) if isinstance(entries, list) else entries for kind, entries in shown.items()
    }
    transports = {each.name: each.secrets_version for each in current.configuration.transports}
    keys = {key.id: None if key.retired_until is None else iso(key.retired_until) for key in current.keys.values()}
    return {"shown": ordered, "transports": {**transports}, "keys": {**keys}}


def _name_in(entry: Json) -> str:
    return str(entry.get("username") or entry.get("name")) if isinstance(entry, dict) else ""


def _replaced_secrets(before: _Current, after: _Current) -> dict[tuple[str, str], JsonObject]:
    """By kind and name, the secrets that change although their masks look the same before and after."""
    known = before.configuration.transports_by_name
    found: dict[tuple[str, str], JsonObject] = {
        ("transports", transport.name): secrecy.replaced(known[transport.name], transport)
        for transport in after.configuration.transports
        if transport.name in known
    }
    again = before.never_shown.keys() & after.keys.keys()
    return found | {("keys", name): {"secret": REPLACED} for name in again}
