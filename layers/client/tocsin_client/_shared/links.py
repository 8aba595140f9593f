# Made by `make shared` from layers/core/tocsin/events/links.py: change that.
"""One-time tokens in the paths of links: who has such a link may set a password, or is signed in.

``/reset-password/<token>``, ``/accounts/password/reset/<uid>/<token>/``, ``/verify-email/<token>``,
``/invite/<token>``, ``/magic-link/<token>``: masked is what looks like a token, in the three segments that follow one
which says what the link is for. Words, slugs, numbers, names with a number behind them, addresses and files stay as
they are: ``/invite/accept``, ``/verify/email/3``, ``/reset-password/main.4f3a9c.js``.
"""

from tocsin_client._shared import regex as re
from enum import Enum
from functools import lru_cache

from tocsin_client._shared.secret_names import MASK

_SLASH = r"(?:\\{0,31}+/|%(?:25)*+2[Ff])"
"""As it is, as PHP escapes it in JSON, or within a parameter."""
_CHARACTER = r"(?:[\w.~:=+!$*@-]|%(?!(?:25)*+(?:2[36Ff]|3[Ff]))[0-9A-Fa-f]{2})"
_PATH = re.compile(
    rf"(?:(?<![\w.~:=+!$*@%-]){_CHARACTER}++)?+(?:{_SLASH}{_CHARACTER}*+)++",
    re.ASCII,
)
_SLASHES = re.compile(rf"{_SLASH}++")
_TOLD = re.compile(r"[A-Za-z][A-Za-z_-]{2,39}")
"""A segment that may say what a link is for."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_FOLLOWING = 3
"""Segments in which the token may be: a user's id and a word, as that of an organization, may stand before it."""

_FOR_CERTAIN = re.compile(
    r"""
    .*passwor[dt].*(?:reset|forgot|recover|set(?!ting)|new|chang|choose|creat)
    | .*(?:reset|forgot|recover|set(?!ting)|new|chang|choose|creat)[a-z]{0,8}passwor[dt]
    | .*mail.*(?:verif|confirm|activat|validat|login)
    | .*(?:verif|confirm|activat|validat|login)[a-z]{0,8}mail
    | .*invit(?:e|ation)
    | magic\Z | .*(?:magic|login|signin)links? | .*passwordless
    """,
    re.VERBOSE,
)
_ABOUT_PEOPLE = frozenset(
    {"account", "auth", "member", "profile", "register", "registration", "session", "signup", "user"}
)
_ACT = re.compile("reset|forgot|recover|verif|confirm|activat|unlock|enroll")
_ACT_ON_PASSWORDS = re.compile("set|new|chang|choose|creat")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_OF_DJANGO = re.compile(r"[0-9a-z]{3,7}-(?:[0-9a-f]{20}|[0-9a-f]{32})")
"""https://github.com/django/django/blob/main/django/contrib/auth/tokens.py: the time, and half of a hash."""
_FILE = re.compile(r".*\.[a-z][a-z0-9]{1,4}")
_BETWEEN = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9]+")
_PLAIN = re.compile(
    r"\d{1,19} | \d{0,4} (?: [A-Z]?[a-z]{0,19} | [A-Z]{1,20} | [A-Z]?[a-z]{2,19}(?:[A-Z][a-z]{1,19}){1,4} ) \d{0,4}",
    re.VERBOSE,
)
"""A part of a segment that is a word, CamelCase, a number, or a word and a number."""
_LEAST = 6
"""Characters of a token, of its parts that are not plain."""


class _Link(Enum):
    """What a segment says that a link is for."""

    CERTAIN = "a password, an address, an invitation, a sign-in"
    PEOPLE = "to confirm an account, or to edit one by its id"
    ANYTHING = "to confirm or reset something"


def mask_links(text: str) -> str:
    """The text with one-time tokens in the paths of links masked."""
    return _PATH.sub(_mask_path, text)


def _mask_path(path: re.Match[str]) -> str:
    parts: list[str] = []  # segments, and slashes between them
    done = path.start()
    for slash in _SLASHES.finditer(path.string, path.start(), path.end()):
        parts += [path.string[done : slash.start()], slash[0]]
        done = slash.end()
    parts.append(path.string[done : path.end()])
    before, link, left, masked, words = "", None, 0, False, 0
    for place in range(0, len(parts), 2):
        segment = parts[place]
        told = _TOLD.fullmatch(segment) is not None
        found = _link(before, segment) if told else None
        if found is not None:
            link, left, masked, words = found, _FOLLOWING, False, 0
        elif link is not None and left:
            left -= 1
            words += told
            said = segment.rstrip(".:!")
            if MASK in said:
                masked = True
            elif _is_token(said, link):
                parts[place] = MASK + segment[len(said) :]
                masked = True
            elif masked or words > 1:
                left = 0  # what follows is of something else
        before = segment if told and not masked else before
    return "".join(parts)


@lru_cache(maxsize=1024)
def _link(before: str, segment: str) -> _Link | None:
    """What a segment says, with the one before it: ``/password/reset``."""
    words = [word.lower() for word in _WORD.findall(segment)]
    earlier = [word.lower() for word in _WORD.findall(before)]
    if len(words) > 4:
        return None  # rather a title
    said = "".join(words)
    if _FOR_CERTAIN.match(said):
        return _Link.CERTAIN
    acts = any(map(_ACT.match, words))
    if (acts or _ACT_ON_PASSWORDS.match(said)) and len(earlier) <= 2 and _FOR_CERTAIN.match("".join(earlier) + said):
        return _Link.CERTAIN
    if not acts:
        return None
    people = not _ABOUT_PEOPLE.isdisjoint(word.removesuffix("s") for word in words + earlier)
    return _Link.PEOPLE if people else _Link.ANYTHING


def _is_token(segment: str, link: _Link) -> bool:
    if link is _Link.ANYTHING:
        return _OF_DJANGO.fullmatch(segment) is not None
    if _UUID.fullmatch(segment):
        return link is _Link.CERTAIN
    if "@" in segment or "%40" in segment or _FILE.fullmatch(segment):
        return False
    parts = filter(None, _BETWEEN.split(segment))
    return sum(len(part) for part in parts if not _PLAIN.fullmatch(part)) >= _LEAST
