"""Users and members of groups by name. An edit reads only what it touches, never all people."""

from __future__ import annotations

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.diff import differences
from tocsin.config.blueprint.model import UserEntry
from tocsin.config.resources.editor import ConfigurationEditor, Saved, in_use, tried, updated
from tocsin.config.resources.snapshot_entries import parse_entry
from tocsin.errors import NotFound
from tocsin.http.preconditions import Precondition
from tocsin.identity.directory import Group, User
from tocsin.identity.principal import Principal
from tocsin.models import fields_of
from tocsin.times import utc_now
from tocsin.types import JsonObject, Page


class Users:
    """Users. Methods raise Invalid, NotFound, Conflict, PreconditionFailed and Unavailable."""

    def __init__(self, editor: ConfigurationEditor) -> None:
        self._editor = editor

    def page(self, *, after: str | None, limit: int) -> Page[JsonObject]:
        """Return up to `limit` users after the name `after`."""
        page = self._editor.people.users_after(after, limit)
        return Page(tuple(user.to_json() for user in page.items), page.last)

    def get(self, name: str) -> JsonObject:
        """Return one user."""
        return _found(self._editor, name).to_json()

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace a user."""
        entry = parse_entry(UserEntry, given, name, "username")
        user = User(**fields_of(entry))
        with self._editor.alone(principal):
            before = self._editor.people.user(name)
            precondition.check(None if before is None else before.to_json())
            self._check(entry)
            if before is None:
                self._editor.belongings.clear_for([name], now=utc_now())
            changes = _differences(before, entry)
            if before != user or changes:
                self._editor.people.write(users=[user], beside=self._editor.telling(changes, principal))
                if before is not None:
                    self._editor.people.forget_pk(before, after=user)
        return Saved(user.to_json(), before is None)

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """Return what `put` would do, {dry_run, created, changed, changes}. Raises Invalid where it would."""
        entry = parse_entry(UserEntry, given, name, "username")
        before = self._editor.people.user(name)
        self._check(entry)
        return tried(before, _differences(before, entry))

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Delete a user with their memberships, preferences and inbox items.

        Raises Conflict while a rule's binding or an API key refers to them.
        """
        with self._editor.alone(principal):
            user = _found(self._editor, name)
            precondition.check(user.to_json())
            configuration = self._editor.current()
            users = [
                f"rule {rule.name!r}"
                for rule in configuration.rules
                if any(binding.user == name for binding in rule.bindings)
            ]
            users += [f"key {key.name!r}" for key in self._editor.people.all_keys() if key.user == name]
            if users:
                raise in_use(f"user {name!r}", users)
            member_of = self._editor.people.memberships(configuration.groups, [name])
            groups = [group for group in configuration.groups if group.name in member_of]
            self._editor.belongings.take_from([name], now=utc_now())
            # With their memberships: one whose user is gone would look like a fault of a blueprint.
            self._editor.people.delete(
                users=[user],
                members=[(group, name) for group in groups],
                beside=self._editor.telling([{"kind": "users", "name": name, "change": "delete"}], principal),
            )
        return user.to_json()

    def _check(self, entry: UserEntry) -> None:
        self._editor.check(Blueprint(users=(entry, *self._others_with(entry))), "users[0]")

    def _others_with(self, entry: UserEntry) -> list[UserEntry]:
        """Return the other users who have the same `pk` as `entry`."""
        found = [] if entry.pk is None else self._editor.people.users_by_pk([str(entry.pk)]).values()
        return [UserEntry.stored(user.to_json()) for user in found if user.username != entry.username]


class Members:
    """The direct members of groups. Methods raise NotFound, PreconditionFailed, Conflict and Unavailable."""

    def __init__(self, editor: ConfigurationEditor) -> None:
        self._editor = editor

    def page(self, group: str, *, after: str | None, limit: int) -> Page[JsonObject]:
        """Return up to `limit` members of `group` after the name `after`, each {username}."""
        found = self._editor.people.members(self._group(group), after=after, limit=limit)
        return Page(tuple({"username": name} for name in found.items), found.last)

    def get(self, group: str, username: str) -> JsonObject:
        """Return {username}. Raises NotFound where the user is not a member."""
        if not self._editor.people.is_member(self._group(group), username):
            raise NotFound(f"group {group!r} has no member {username[:120]!r}")
        return {"username": username}

    def put(self, group: str, username: str, precondition: Precondition, principal: Principal) -> Saved:
        """Add a user to a group. Does nothing where they are a member already."""
        with self._editor.alone(principal):
            into = self._group(group)
            _found(self._editor, username)
            is_there = self._editor.people.is_member(into, username)
            precondition.check({"username": username} if is_there else None)
            if not is_there:
                change = updated("groups", group, members={"from": None, "to": username})
                told = self._editor.telling([change], principal)
                self._editor.people.write(members=[(into, username)], beside=told)
        return Saved({"username": username}, not is_there)

    def delete(self, group: str, username: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Remove a user from a group."""
        with self._editor.alone(principal):
            member = self.get(group, username)
            precondition.check(member)
            change = updated("groups", group, members={"from": username, "to": None})
            told = self._editor.telling([change], principal)
            self._editor.people.delete(members=[(self._group(group), username)], beside=told)
        return member

    def _group(self, name: str) -> Group:
        group = self._editor.current().groups_by_name.get(name)
        if group is None:
            raise NotFound(f"there is no group {name[:120]!r}")
        return group


def _differences(before: User | None, after: UserEntry) -> list[JsonObject]:
    old = () if before is None else (UserEntry.stored(before.to_json()),)
    return differences(Blueprint(users=old), Blueprint(users=(after,)))


def _found(editor: ConfigurationEditor, name: str) -> User:
    user = editor.people.user(name)
    if user is None:
        raise NotFound(f"there is no user {name[:120]!r}")
    return user
