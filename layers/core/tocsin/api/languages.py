"""The language of pages for people who follow a link: the person's own, else the first that their browser asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tocsin.aws.logging import Code, note
from tocsin.errors import TocsinError
from tocsin.http.request import Request
from tocsin.identity.directory import User
from tocsin.notifications.translations import Catalogue, Catalogues
from tocsin.records import dataclass

MAX_ACCEPTED = 20
"""Languages of an Accept-Language header that are looked at."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a page: in which language, and in which time zone (an IANA name, blank for UTC)."""

    catalogue: Catalogue
    time_zone: str = ""
    has_left: bool = False
    """Whether the person is not there any more, or not active."""
    pk: str | None = None
    """What the directory knows the person by, as text, blank where it has nothing; None where they were not found."""

    def say(self, message: str, **values: str) -> str:
        """Return a message in the reader's language, with its values."""
        return self.catalogue.gettext(message) % values


class Readers:
    """Finds who reads a page."""

    def __init__(self, person: Callable[[str], User | None]) -> None:
        """`person` finds somebody by their username, with the language and time zone of their preferences."""
        self._person = person
        self._catalogues = Catalogues.packaged()

    def of(self, request: Request, username: str = "") -> Reader:
        """Return the reader of the answer to `request`; `username` is blank where nobody knows who follows the link.

        A person who can't be read now counts as unknown: what the link is for works in any language.
        """
        user, is_read = self._known(username) if username else (None, False)
        if user is not None:
            pk = "" if user.pk is None else str(user.pk)
            return Reader(self._catalogues.best(user.locale), user.time_zone, has_left=not user.active, pk=pk)
        accepted = languages_of(request.headers.get("accept-language", ""))
        known = next((each for each in accepted if self._catalogues.has(each)), "")
        return Reader(self._catalogues.best(known), has_left=is_read)

    def _known(self, username: str) -> tuple[User | None, bool]:
        """The person, if there is one, and whether that could be read."""
        try:
            return self._person(username), True
        except TocsinError as error:
            note(Code.READER_UNREAD, f"the page is not in its reader's language: {error.detail}", level=logging.WARNING)
            return None, False


def languages_of(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4), without `*`."""
    wanted = []
    for entry in header.split(",")[:MAX_ACCEPTED]:
        tag, _, weight = (part.strip() for part in entry.partition(";"))
        try:
            quality = float(weight.removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if tag and tag != "*" and quality > 0:
            wanted.append((quality, tag))
    return [tag for _, tag in sorted(wanted, key=lambda each: -each[0])]
