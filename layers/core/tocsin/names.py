"""What users and groups may be called: names that other systems gave (`o'brien@example.com`, `DOMAIN\\jürgen`)."""

from __future__ import annotations

import re
import unicodedata

MAX_FOREIGN_NAME = 255
"""Characters: at most 1,020 bytes, so that a name fits a sort key of DynamoDB."""

ME = "me"
"""In paths, in place of a user's name: who asks."""

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode's general categories
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")


def nfc(text: str) -> str:
    """`text` in Unicode's normal form C: `ü` is one character, however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_called(said: object, name: str) -> bool:
    """Whether `said`, of an event, is the name `name`, which is in normal form C, however it was typed."""
    return isinstance(said, str) and nfc(said) == name


def foreign_name(name: str) -> str:
    """`name` in normal form C. ValueError, which says why, where no user or group could be called so."""
    name = nfc(name)
    if not 1 <= len(name) <= MAX_FOREIGN_NAME:
        raise ValueError(f"has {len(name)} characters; a name has 1 to {MAX_FOREIGN_NAME}")
    if name != name.strip():
        raise ValueError("begins or ends with a blank")
    odd = next((each for each in name if unicodedata.category(each) in _UNPRINTABLE), None)
    if odd is not None:
        raise ValueError(f"has a character that can't be seen, U+{ord(odd):04X}")
    if "?" in name or _ENCODED.search(name):
        raise ValueError("has a `?`, or a `%` before two hexadecimal digits: paths can't name it")
    if name in {".", ".."} or name.endswith("/") or any(part in f"{name}/" for part in ("/members/", "/preferences/")):
        raise ValueError("is `.` or `..`, ends with `/` or has `/members` or `/preferences` in it: another path")
    return name


def username(name: str) -> str:
    """A foreign name for a user. ValueError, which says why, where none could be called so."""
    name = foreign_name(name)
    if name == ME:
        raise ValueError("is `me`, which stands for who asks: `/users/me/preferences`")
    return name
