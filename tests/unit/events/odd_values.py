"""Values that are hard to make JSON of, and how large and deep JSON is."""

import json
from collections import deque
from enum import StrEnum

from hypothesis import strategies as st

KEYS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100) | st.binary(max_size=4)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=100)
    | st.text('\x01\0\ud800"\\é漢😀', max_size=300)
    | st.binary(max_size=50)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.ip_addresses()
    | st.sets(st.integers() | st.text(max_size=3) | st.none() | st.tuples(st.booleans())),
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=12)
        | st.lists(inner, max_size=5).map(iter)
        | st.lists(inner, max_size=5).map(deque)
    ),
    max_leaves=60,
)


class Word(StrEnum):
    YES = "yes"


class Raising:
    """Raises from whatever is asked of it."""

    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__

    def __getattr__(self, name):
        raise ValueError(name)


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0
