"""Those who are told, as they are when what waited for them is told: who they are, and what they want, may have changed
since their events were matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from tocsin.deliveries.model import DeliveryMessage
from tocsin.identity.directory import User
from tocsin.ids import id_time
from tocsin.notifications.transport import TransportMode
from tocsin.records import dataclass
from tocsin.telling.decision import Asked, unwanted
from tocsin.telling.preferences import Wishes


@dataclass(frozen=True, slots=True)
class Gone:
    """Why somebody is not told any more, as a cause and in words."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Readers:
    """Finds people and their preferences, by their names. Both raise Unavailable."""

    people: Callable[[Sequence[str]], Mapping[str, User]]
    wishes: Callable[[Sequence[str]], Mapping[str, Wishes]]
    can_be_muted: Callable[[str], bool]
    """Whether people's preferences keep a rule, by its name, from them."""
    others: Callable[[str], Iterable[Sequence[User]]] = lambda _: ()
    """Pages of the people of a rule's group, by the rule's name: one of them reads what is sent once."""

    def of(self, usernames: Sequence[str]) -> Known:
        """Read what is known of these people now."""
        return Known(self.people(usernames), self.wishes(usernames), self.can_be_muted) if usernames else _NOBODY


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some people. Of who is not in the directory nothing is, and they are told."""

    people: Mapping[str, User]
    wishes: Mapping[str, Wishes]
    can_be_muted: Callable[[str], bool]

    def gone(self, message: DeliveryMessage, username: str, now: datetime) -> Gone | None:
        """Return why `message` is told its person no more; None where it is."""
        known, wishes = self.people.get(username), self.wishes.get(username)
        if known is not None and not known.active:
            return Gone("person_inactive", "its person is not active any more")
        if wishes is None or not self.can_be_muted(message.rule):
            return None
        dropped = unwanted(Asked(message.rule, message.severity, message.transport), wishes, now)
        return None if dropped is None else Gone(dropped.cause, dropped.reason.removeprefix("dropped: "))

    def gone_for(self, message: DeliveryMessage, username: str, deleted: datetime | None, now: datetime) -> Gone | None:
        """Return why somebody can't be the one who reads `message`, which is sent once; None where they can.

        `deleted` is when the last person of that name was deleted, if one was.
        """
        known = self.people.get(username)
        if known is None:
            return Gone("person_deleted", "its person is not in the directory any more")
        if deleted is not None and id_time(message.event_id) <= deleted:
            return Gone("person_deleted", "its person was deleted after the event happened")
        if message.mode == TransportMode.EMAIL and not known.email.strip():
            return Gone("no_address", "its person has no e-mail address")
        return self.gone(message, username, now)

    def reader(self, user: User) -> User:
        """Return somebody as the directory has them now, with the language and time zone that they want."""
        known, wishes = self.people[user.username], self.wishes.get(user.username)
        return known if wishes is None else wishes.of_reader(known)


_NOBODY = Known({}, {}, lambda _: True)
