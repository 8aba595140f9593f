"""Secrets in an endpoint's answer, however it spells what it repeats.

Answers are made by other people's programs: PHP writes `/` as `\\/` in JSON, others `+` as `\\u002b`; pages of errors
have `&amp;`, addresses `%2F`, each of which may be spelled so once more. Letters and digits stay as they are in all.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from tocsin.events.redact import MASK
from tocsin.notifications.text import plain

_SHORTEST_SECRET = 6
"""Characters. What is shorter is no secret, and stands in many words."""

_RUN = re.compile("[A-Za-z0-9]+")
_NAMED = {"<": "lt", ">": "gt", '"': "quot", "'": "apos", "\xa0": "nbsp"}
_ESCAPED = r"\\*+"
_ESCAPED_IN_ADDRESS = "(?:%(?:25)*+5[cC])*+"


def without_secrets(text: str, used: Iterable[str]) -> str:
    """`text` with a mask in place of each of `used`, the longest first."""
    for secret in sorted({secret for secret in used if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, MASK)
        run = max(_RUN.findall(secret), key=len, default="")
        if len(run) < len(secret) and run in text:
            text = _spelled(secret).sub(MASK, text)
    return text


def decoded(values: Iterable[str]) -> Iterator[str]:
    """Yield what a receiver decodes parts of a URL, or values of headers, to, before it repeats them."""
    for value in values:
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() == "basic":
            yield from _basic(credentials)
        if "%" in value or "+" in value:
            yield from (unquote(value), unquote_plus(value))
        if not value.isascii():  # headers are sent as UTF-8, and are Latin-1 to many
            yield plain(value.encode("utf-8", "replace").decode("latin-1"))


def _basic(credentials: str) -> Iterator[str]:
    """Yield the user with the password, and the password (RFC 7617)."""
    try:
        both = base64.b64decode(credentials + "=" * (-len(credentials) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return
    yield both
    yield both.partition(":")[2]


@lru_cache(maxsize=64)
def _spelled(secret: str) -> re.Pattern[str]:
    """A pattern of all ways to spell the secret. None of its repeats is tried twice."""
    return re.compile("".join(map(_ways, secret)))


def _ways(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    in_json = "".join(rf"\\++u{_hex(units[at : at + 4])}" for at in range(0, len(units), 4))
    in_address = "".join(f"%(?:25)*+{_hex(octet)}" for octet in _octets(character))
    in_page = rf"&(?:amp;)*+(?:#0*+{ord(character)}|#[xX]0*+{_hex(f'{ord(character):x}')}"
    in_page += f"|{_NAMED[character]});" if character in _NAMED else ");"
    match character:
        case "\\":
            return rf"(?:\\++|{in_json}|(?:{in_address})++|{in_page})"
        case "%":
            return rf"(?:\\*+%|{in_json}|%(?:25)++|{in_page})"
        case "&":
            return rf"(?:\\*+&(?:amp;)*+|{in_json}|{in_address}|{in_page})"
        case " ":
            return rf"(?:[ +]|{in_json}|{in_address}|{in_page})"
    escaped = rf"{_ESCAPED}{re.escape(character)}"
    return rf"(?:{escaped}|{in_json}|{_ESCAPED_IN_ADDRESS}{in_address}|{_ESCAPED}{in_page})"


def _octets(character: str) -> list[str]:
    return [f"{octet:02x}" for octet in character.encode("utf-8", "replace")]


def _hex(digits: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in digits)
