"""Names in paths: matched as one encoded segment each, whatever characters they have.

API Gateway's HTTP APIs decode a path before they hand it over, `%2F` included, and leave `%25` as it is; `?` can't be
in one at all. Powertools' routes match few characters but letters, and no `/` in a name.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from tocsin.errors import NotFound
from tocsin.names import nfc

MAX_NAME_BYTES = 1_020
"""UTF-8: what names may have, and less than a sort key of DynamoDB."""

_ONE_NAME = re.compile("/(?:users|mail-stops)/(.+)", re.DOTALL)
_PREFERENCES = re.compile("/users/(.+?)(/preferences(?:/options)?)", re.DOTALL)
_GROUP = re.compile("/groups/(.+?)(?:/members(?:/(.+))?)?", re.DOTALL)
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def encoded_path(path: str) -> str:
    """`path` with each name in it as one segment of ASCII. Encoding it twice changes nothing."""
    one, group, preferences = _ONE_NAME.fullmatch(path), _GROUP.fullmatch(path), _PREFERENCES.fullmatch(path)
    if preferences is not None:
        return f"/users/{_encoded(preferences[1])}{preferences[2]}"
    if one is not None:
        return f"{path[: one.start(1)]}{_encoded(one[1])}"
    if group is not None:
        name, member = group.groups()
        below = path[group.end(1) :] if member is None else f"/members/{_encoded(member)}"
        return f"/groups/{_encoded(name)}{below}"
    return "/".join(_encoded(segment) for segment in path.split("/"))


def name_of(segment: str) -> str:
    """The name in a segment of an encoded path, in normal form C. NotFound where it is longer than any name."""
    name = nfc(unquote(segment))
    size = len(name.encode("utf-8", "replace"))
    if size > MAX_NAME_BYTES:
        raise NotFound(f"no name has more than {MAX_NAME_BYTES:,} bytes; the one in the path has {size:,}")
    return name


def path_of(*parts: str) -> str:
    """An address of names, each encoded."""
    return "".join("/" + quote(part, safe="@:+") for part in parts)


def _encoded(name: str) -> str:
    return quote(_BARE_PERCENT.sub("%25", name), safe="%@:+", errors="replace")
