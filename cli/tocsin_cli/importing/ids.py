"""Ids of imported events: the same record always has the same id, so that it is stored once however often it comes.

UUIDs of version 7 (RFC 9562, section 5.7): 48 bits of the event's time, then 74 bits of a digest of what tells the
record from all others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from tocsin_cli.types import JsonObject

_LABEL = b"tocsin import 1\0"
"""Goes into every digest. Another way of deriving ids needs another label."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


def is_event_id(written: object) -> bool:
    """Whether it is an id that events can have: a UUID of version 7."""
    return isinstance(written, str) and _V7.fullmatch(written) is not None


def derived_id(created: datetime, identity: str) -> str:
    """The id of the record `identity` that happened at `created` (cut to the millisecond)."""
    milliseconds = (created - _EPOCH) // timedelta(milliseconds=1)
    tail = int.from_bytes(hashlib.sha256(_LABEL + identity.encode("utf-8", "surrogatepass")).digest()[:10]) >> 6
    number = milliseconds << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & ((1 << 62) - 1)
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Identities:
    """Tells records without an id of their own apart: by their content, and for equal ones by which one it is.

    Two lines that say the same are two events; the same file again has the same first and second one. Equal records
    are counted by a digest of 8 bytes each.
    """

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def of(self, event: JsonObject) -> str:
        """What tells this record from all before it."""
        said = json.dumps(event, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.sha256(said.encode()).hexdigest()
        key = int(digest[:16], 16)
        number = self._seen[key]
        self._seen[key] += 1
        return f"{digest} {number}"
