"""People and groups that can be notified. Pure data; `tocsin.identity.store` reads and writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tocsin.records import dataclass
from tocsin.types import Json, JsonObject


@dataclass(frozen=True, slots=True)
class User:
    """A person who can be notified. Inactive people are kept, but never notified."""

    username: str
    email: str = ""
    name: str = ""
    active: bool = True
    superuser: bool = False
    locale: str = "en"
    pk: int | str | None = None
    """The person's id in the systems that report events. 7 and "7" are the same id."""
    time_zone: str = ""
    """The IANA name of the zone for times in their notifications, from their preferences. Blank: UTC."""

    def to_json(self) -> JsonObject:
        """Return all fields as in the blueprint, and the time zone where it is known."""
        shown: JsonObject = {
            "username": self.username,
            "pk": self.pk,
            "email": self.email,
            "name": self.name,
            "active": self.active,
            "superuser": self.superuser,
            "locale": self.locale,
        }
        return shown | {"time_zone": self.time_zone} if self.time_zone else shown

    @classmethod
    def from_json(cls, data: JsonObject) -> User:
        """The inverse of `to_json`. Absent fields take their defaults."""
        return cls(
            username=str(data["username"]),
            email=str(data.get("email") or ""),
            name=str(data.get("name") or ""),
            active=data.get("active") is not False,
            superuser=data.get("superuser") is True,
            locale=str(data.get("locale") or "en"),
            pk=_pk_of(data.get("pk")),
            time_zone=str(data.get("time_zone") or ""),
        )


def _pk_of(value: Json) -> int | str | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Group:
    """A group without its members, who may be many: they are read in pages from the store.

    `roster` names the stored list of members in force. A blueprint that changes the members writes a new list beside
    the old one and then changes this name, so that readers see either list complete.
    """

    name: str
    children: tuple[str, ...] = ()
    roster: str = ""


def with_descendants(groups: Mapping[str, Group], name: str) -> tuple[Group, ...]:
    """Return the group `name` and all groups below it, breadth first, each once; empty where it is unknown."""
    return tuple(_walk(groups, name))


def with_ancestors(groups: Iterable[Group], names: Iterable[str]) -> frozenset[str]:
    """Return the names of the groups `names` and of all groups above them."""
    above: dict[str, list[str]] = {}
    for group in groups:
        for child in group.children:
            above.setdefault(child, []).append(group.name)
    queue, seen = list(names), set(names)
    for current in queue:  # the list grows while we walk it
        for parent in above.get(current, ()):
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    return frozenset(seen)


def _walk(groups: Mapping[str, Group], name: str) -> Iterator[Group]:
    queue, seen = [name], {name}
    for current in queue:  # the list grows while we walk it: that is the breadth-first queue
        group = groups.get(current)
        if group is None:
            continue
        yield group
        for child in group.children:
            if child not in seen:
                seen.add(child)
                queue.append(child)
